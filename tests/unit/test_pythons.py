"""Each Python that the package claims is one that CI runs the tests on."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_ci_runs_the_tests_on_each_python_that_is_claimed() -> None:
    claimed = tomllib.loads((ROOT / "pyproject.toml").read_text())
    bounds = re.fullmatch(
        r">=3\.(\d+),<3\.(\d+)", claimed["project"]["requires-python"]
    )
    assert bounds is not None
    minors = range(int(bounds[1]), int(bounds[2]))
    versions = re.search(r"for version in (.*); do", (ROOT / ".ci/run").read_text())

    assert versions is not None
    assert versions[1].split() == [f"3.{minor}" for minor in minors]
    built = claimed["tool"]["cibuildwheel"]["build"].split()
    assert built == [f"cp3{minor}-*" for minor in minors]
