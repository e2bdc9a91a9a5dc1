"""Tables, read back from their text."""

from __future__ import annotations

import math

import pandas as pd


def read_markdown(text: str) -> pd.DataFrame:
    lines = [line.replace(r"\|", "\0").strip("|").split("|") for line in text.splitlines()]
    header, _, *body = [[cell.strip().replace("\0", "|") for cell in line] for line in lines]
    return pd.DataFrame(body, columns=header)


def read_latex(text: str) -> pd.DataFrame:
    for escaped, plain in {r"\_": "_", r"\%": "%", "$-$": "-", r"\&": "\0"}.items():
        text = text.replace(escaped, plain)
    lines = [line.removesuffix(r"\\").split(" & ") for line in text.splitlines() if " & " in line]
    header, *body = [[cell.strip().replace("\0", "&") for cell in line] for line in lines]
    return pd.DataFrame(body, columns=header)


def number(text: str) -> float:
    return math.nan if text in ("–", "") else float(text)


READERS = {"markdown": read_markdown, "latex": read_latex}  # of readable tables, by format
