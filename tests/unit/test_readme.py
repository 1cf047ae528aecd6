"""Every command that README and the help print is one that the program takes."""

import re
import shlex
from pathlib import Path

import pytest

from proxy.cli.main import _parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "proxy/cli/topics").glob("*.md"))]
_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Return what follows `baseload` in the blocks of a page, one to a line."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    lines = [line for block in _BLOCK.findall(text) for line in block.splitlines()]
    found = [line.removeprefix(".venv/bin/") for line in lines]
    return [line[9:].replace("PID", "1") for line in found if line[:9] == "baseload "]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_command_that_is_printed_is_understood(page: Path) -> None:
    for command in commands(page):
        words = shlex.split(command, comments=True)
        words = words[: next((n for n, w in enumerate(words) if w in "|<>"), None)]
        assert _parser(words).parse_args(words).command


def test_there_are_many() -> None:
    assert len([one for page in PAGES for one in commands(page)]) > 30
