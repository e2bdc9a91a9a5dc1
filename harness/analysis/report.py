"""One page with everything that a results folder shows."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment

from harness.analysis.page.content import as_json, page_content
from harness.analysis.plots import draw_figures, encode
from harness.analysis.rendering import readable
from harness.analysis.tables import Captioned, Tables
from harness.core.storage.files import write_whole

PAGES = Environment(autoescape=True)
LIBRARIES = ("d3", "plot")
SCRIPTS = ("data", "tables", "runs", "charts", "choices")


def write_report(directory: Path, folder: Path | None = None, claims: Path | None = None) -> Path:
    """Write ``report.html``: a verdict, curves to choose from, tables, figures, and every run.

    The page has nothing to load, and its policy forbids it to. The figures are drawn anew. The
    same records and library versions give the same bytes.

    Args:
        directory: A results folder.
        folder: Where the page goes; None: ``DIRECTORY``.
        claims: A TOML file of published claims to judge.

    Raises:
        InputError: If there are no readable records of a completed run, they do not share one
            metric, or the claims cannot be read or judged.
        PathError: If the folder cannot be written.
    """
    tables = Tables.read(directory, claims)
    judged = tables.judged()
    captioned = tables.captioned() | ({} if judged is None else {"claims": judged})
    drawn = {name: encode(figure, "png") for name, figure in draw_figures(directory).items()}
    scripts = [*map(_library, LIBRARIES), _program()]
    page = PAGES.from_string(_asset("page.html")).render(
        title=directory.resolve().name,
        policy=_policy(scripts),
        style=_asset("page.css"),
        verdict=list(filter(None, (_found(tables), _claimed(judged)))),
        tables=[_table(name, table) for name, table in captioned.items()],
        figures=[(name, base64.b64encode(image).decode()) for name, image in drawn.items()],
        provenance=_provenance(tables),
        data=as_json(page_content(tables)),
        scripts=scripts,
    )
    return write_whole((folder or directory) / "report.html", page.encode())


def _asset(name: str) -> str:
    return (files("harness.analysis.page") / "assets" / name).read_text(encoding="utf-8")


def _library(name: str) -> str:
    """A script of others after its licence."""
    return f"/*\n{_asset(f'vendor/{name}.LICENSE')}*/\n{_asset(f'vendor/{name}.min.js')}"


def _program() -> str:
    """Our own scripts as one, whose names are nobody else's."""
    return "\n".join(
        ['(() => {\n"use strict";', *(_asset(f"{name}.js") for name in SCRIPTS), "})();"]
    )


def _policy(scripts: Iterable[str]) -> str:
    """Allow these scripts alone, and nothing from elsewhere."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _found(tables: Tables) -> str:
    return tables.metric.verdict(tables.records, tables.comparison.frame)


def _claimed(judged: Captioned | None) -> str:
    """Count the verdicts on published claims."""
    if judged is None:
        return ""
    counts = judged.frame["verdict"].value_counts().items()
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts)
    return f"Of {len(judged.frame)} verdicts on published claims: {told}."


def _table(name: str, table: Captioned) -> dict[str, Any]:
    cells = readable(table.frame, table.columns)
    columns = [(str(column), table.columns[str(column)]) for column in cells]
    return {
        "name": name,
        "title": name.capitalize(),
        "caption": table.caption,
        "columns": [
            {"name": key, "heading": column.heading or key, "is_text": column.is_text}
            for key, column in columns
        ],
        "rows": cells.to_numpy().tolist(),
    }


def _provenance(tables: Tables) -> str:
    made = tables.records[0].provenance
    versions = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    return f"{len(tables.records)} records; {versions}; commit {made.commit}; {made.platform}"
