"""What building the site adds: files outside `docs`, notebooks, and formulas without a script.

Pages link to the repository's files as it lays them out (``../../results/labels/figures/…``), so
that links work where the repository is read. The site gets a copy of each file that is linked to,
and a notebook of each example that is a program.
"""

from __future__ import annotations

import html
import os
import re
from pathlib import Path
from typing import Final

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from notebooks import notebooks

NOTEBOOKS: Final = "notebooks"  # the site's folder for those of the examples
COPIED: Final = "repository"  # the site's folder for files from outside `docs`
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside `docs` that pages link to, and the notebooks of the examples."""
    for name, content in notebooks().items():
        files.append(File.generated(config, f"{NOTEBOOKS}/{name}.ipynb", content=content))
    added: set[str] = set()
    for page in list(files.documentation_pages()):
        for _, target, _, _ in _LINK.findall(page.content_string):
            outside = _outside(target, page.src_uri, config)
            if outside is not None and outside not in added:
                added.add(outside)
                source = str(_root(config) / outside)
                files.append(
                    File.generated(config, f"{COPIED}/{_served(outside)}", abs_src_path=source)
                )
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to files outside `docs` lead to the copies, and add one to a program's notebook."""

    def to(path: str) -> str:
        return os.path.relpath(path, Path(page.file.src_uri).parent).replace(os.sep, "/")

    def lead(found: re.Match[str]) -> str:
        outside = _outside(found[2], page.file.src_uri, config)
        if outside is None:
            return found[0]
        link = f"{found[1]}{to(f'{COPIED}/{_served(outside)}')}{found[4]}"
        folder, _, name = outside.removesuffix(".py").rpartition("/")
        notebook = f"{NOTEBOOKS}/{name}.ipynb"
        if folder != "examples" or files.get_file_from_path(notebook) is None:
            return link
        return f"{link} ([notebook]({to(notebook)}))"

    return _LINK.sub(lead, markdown)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Write formulas as MathML, which browsers show by themselves."""

    def write(found: re.Match[str]) -> str:
        display = "block" if found[1] == "div" else "inline"
        return str(convert(html.unescape(found[2]), display=display))

    return _FORMULA.sub(write, content)


def _root(config: MkDocsConfig) -> Path:
    return Path(config.docs_dir).resolve().parent


def _outside(target: str, page: str, config: MkDocsConfig) -> str | None:
    """Return a link's target from the repository's root, if it is a file outside `docs`."""
    if "://" in target or not target.startswith(".."):
        return None
    path = Path(config.docs_dir).resolve().joinpath(Path(page).parent, target).resolve()
    root = _root(config)
    if not path.is_file() or not path.is_relative_to(root) or path.is_relative_to(config.docs_dir):
        return None
    return path.relative_to(root).as_posix()


def _served(path: str) -> str:
    """Name a copy: Markdown would be made a page, and Python served as a program."""
    return f"{path}.txt" if path.endswith((".md", ".py")) else path
