"""The manual pages that are shipped are those of the program as it is."""

import re
import tomllib
from pathlib import Path

import pytest

from proxy.cli.groups import GROUPS
from proxy.cli.main import COMMANDS
from proxy.cli.man_pages import FOLDER, pages
from proxy.config.reference import tables

ROOT = Path(__file__).parents[2]
PAGES = pages()
COMMAND = re.compile(r"^\.SS \\fBbaseload (.*?)\\fR", re.MULTILINE)
KEY = re.compile(r"^\.TP\n\\fB(\w+)", re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_program_takes(name: str) -> None:
    shipped = (FOLDER / name).read_text(encoding="utf-8")

    assert shipped == PAGES[name], "run: python -m proxy.cli.man_pages"


def test_every_command_is_in_the_page() -> None:
    names = [c.name for c in COMMANDS]
    names += [f"{name} {c.name}" for name, _, group in GROUPS for c in group]
    headings = COMMAND.findall(PAGES["baseload.1"])

    assert [heading.replace("\\-", "-") for heading in headings] == names


def test_every_key_is_in_the_page() -> None:
    keys = [key.name for table in tables() for key in table.keys]

    assert KEY.findall(PAGES["baseload.toml.5"]) == keys


@pytest.mark.parametrize("text", PAGES.values(), ids=list(PAGES))
def test_no_line_is_a_macro_by_mistake(text: str) -> None:
    known = {"TH", "SH", "SS", "TP", "PP", "B", "I", "BR", "IR"}

    for line in text.splitlines():
        assert line, "an empty line is a paragraph of its own"
        assert not line.startswith("'")
        if line.startswith("."):
            assert line[1:].split()[0] in known


def test_wheel_and_sdist_have_them() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    shipped = [one for name in ("man1", "man5")
               for pattern in built["data-files"][f"share/man/{name}"]
               for one in ROOT.glob(pattern)]  # fmt: skip

    assert sorted(path.name for path in shipped) == sorted(PAGES)
    assert "recursive-include proxy/cli/man" in (ROOT / "MANIFEST.in").read_text()
