"""One page with everything that a results folder shows."""

from __future__ import annotations

import base64
from pathlib import Path

from jinja2 import Environment

from harness.analysis.plots import draw_figures, encode
from harness.analysis.tables import Tables
from harness.core.storage.files import write_whole

PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.6rem; text-align: right; border-bottom: 1px solid #ddd; }
img { max-width: 100%; margin: 1rem 0; }
.caption, .provenance { color: #555; font-size: 0.85rem; }
.table { overflow-x: auto; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for name, image in figures %}<img src="data:image/png;base64,{{ image }}" alt="{{ name }}">
{% endfor %}{% for name, table, caption in tables %}<h2>{{ name }}</h2>
<div class="table">{{ table | safe }}</div>
<p class="caption">{{ caption }}</p>
{% endfor %}<p class="provenance">{{ provenance }}</p>
</body>
</html>
""")


def write_report(directory: Path, folder: Path | None = None) -> Path:
    """Write ``report.html``: figures, tables and captions, with nothing to load.

    The figures are drawn anew. The same records and library versions give the same bytes.

    Args:
        directory: A results folder.
        folder: Where the page goes; None: ``DIRECTORY``.

    Raises:
        InputError: If there are no readable records of a completed run, or they do not share one
            metric.
        PathError: If the folder cannot be written.
    """
    tables = Tables.read(directory)
    drawn = {name: encode(figure, "png") for name, figure in draw_figures(directory).items()}
    count, made = len(tables.records), tables.records[0].provenance
    versions = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    page = PAGE.render(
        title=directory.resolve().name,
        figures=[(name, base64.b64encode(image).decode()) for name, image in drawn.items()],
        tables=[
            (name.capitalize(), table.render("html"), table.caption)
            for name, table in tables.captioned().items()
        ],
        provenance=f"{count} records; {versions}; commit {made.commit}; {made.platform}",
    )
    return write_whole((folder or directory) / "report.html", page.encode())
