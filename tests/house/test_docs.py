"""The pages lead to each other."""

from project import expect_none, project_files, read
from python_rules import dead_links


def places() -> set[str]:
    files = set(project_files())
    folders = {
        "/".join(name.split("/")[:n]) for name in files for n in range(1, name.count("/") + 1)
    }
    return files | folders


def test_links():
    expect_none(dead_links(read("", suffixes=(".md",)), places()))


def test_links_itself():
    pages = {"docs/a.md": "[x](b.md) [y](../README.md#top) [z](https://e.org/q.md) [w](missing.md)"}
    exists = {"docs/a.md", "docs/b.md", "README.md"}
    assert dead_links(pages, exists) == ["docs/a.md: link to missing.md leads nowhere"]
