"""What building the site adds to MkDocs: files outside `docs`, and formulas without a script.

Pages link to the repository's files as it lays them out (``../../results/labels/figures/…``), so
that links work where the repository is read. The site gets a copy of each file that is linked to.
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

COPIED: Final = "repository"  # the site's folder for files from outside `docs`
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside `docs` that pages link to."""
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


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Let links to files outside `docs` lead to the copies."""

    def lead(found: re.Match[str]) -> str:
        outside = _outside(found[2], page.file.src_uri, config)
        if outside is None:
            return found[0]
        copy = f"{COPIED}/{_served(outside)}"
        relative = os.path.relpath(copy, Path(page.file.src_uri).parent).replace(os.sep, "/")
        return f"{found[1]}{relative}{found[4]}"

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
