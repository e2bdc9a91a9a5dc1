"""Links: what pages lead to within the repository is there, headings included."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.web.pages import PAGES, ROOT, anchors, links, page_name

OTHERS = [*ROOT.glob("*.md"), ROOT / "examples" / "README.md"]


@pytest.mark.parametrize("page", sorted({*PAGES, *OTHERS}), ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_is_in_the_navigation_once() -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    navigation = config.partition("\nnav:\n")[2].split()
    for page in PAGES[1:]:
        assert navigation.count(page.relative_to(ROOT / "docs").as_posix()) == 1, page


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
