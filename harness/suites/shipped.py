"""The suites that come with the package."""

from __future__ import annotations

from importlib.resources import files


def shipped_suites() -> dict[str, str]:
    """Names of the shipped suites, with their TOML."""
    folder = files("harness.suites")
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in found}
