"""The files in C call downwards alone: what one of them rests on never rests on it."""

import os
import shutil
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PROXY = Path(__file__).parents[2] / "proxy"
ENGINE = PROXY / "engine"
LOAD = PROXY / "bench" / "native"

NEEDS_COMPILER = pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("nm"))
    and os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason="needs a compiler",
)


def run(*words: str | Path) -> str:
    return subprocess.run(  # noqa: S603  (words of ours)
        words, check=True, capture_output=True, text=True
    ).stdout


def symbols(built: Path, *options: str) -> set[str]:
    """Return the names that an object has or lacks, as `options` of nm say."""
    return {line.split()[0] for line in run("nm", "-P", *options, built).splitlines()}


def rests_on(folder: Path, objects: Path) -> dict[str, set[str]]:
    """Return which other files of `folder` each file calls."""
    for source in [*folder.glob("*.c"), *folder.glob("*/*.c")]:
        flags = ["-std=c11", "-O0", f"-I{ENGINE / 'core'}", f"-I{ENGINE / 'loop'}"]
        run("cc", *flags, "-c", source, "-o", objects / f"{source.stem}.o")
    built = sorted(objects.glob("*.o"))
    owner = {
        name: file.stem
        for file in built
        for name in symbols(file, "--defined-only", "--extern-only")
    }
    return {
        file.stem: {owner[name] for name in symbols(file, "-u") if name in owner}
        for file in built
    }


@pytest.fixture(scope="module")
def engine_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    return rests_on(ENGINE, tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def load_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    return rests_on(LOAD, tmp_path_factory.mktemp("load"))


@NEEDS_COMPILER
@pytest.mark.parametrize("folder", ["engine", "load"])
def test_no_file_in_c_rests_on_one_that_rests_on_it(
    folder: str, request: pytest.FixtureRequest
) -> None:
    files: dict[str, set[str]] = request.getfixturevalue(f"{folder}_files")

    order = list(TopologicalSorter(files).static_order())  # raises at a circle

    assert set(order) == set(files)
    assert len(order) > 1


@NEEDS_COMPILER
def test_the_engine_lists_its_files_in_the_order_of_their_calls(
    engine_files: dict[str, set[str]],
) -> None:
    head = (ENGINE / "loop" / "parts.h").read_text().partition("*/")[0].splitlines()
    listed = [
        words[1].removesuffix(".c")
        for words in (line.split() for line in head)
        if len(words) > 1 and words[1].endswith(".c")
    ]

    for place, name in enumerate(listed):
        assert not engine_files[name] & set(listed[place + 1 :]), name
