"""Whether memory stayed flat."""

import pytest

from proxy.bench.figures import SoakFigures
from proxy.bench.target import BenchError

pytest.importorskip("proxy.bench.native.generator")

from proxy.bench.soak import Watch, refuse_growth


def figures(growth: float) -> SoakFigures:
    return SoakFigures(
        shares_per_s=1.0, seconds=1.0, shares=1, rejected=0, connects=1, retargets=1,
        rss_mib=1.0, growth=growth,
    )  # fmt: skip


def test_growth_is_from_the_first_fifth_to_the_last() -> None:
    watch = Watch([100, 101, 900, 104, 50, 70, 80, 90, 110, 110])

    assert watch.growth() == pytest.approx(110 / 100.5 - 1)


def test_one_odd_reading_is_no_growth() -> None:
    watch = Watch([100] * 12 + [500] + [100] * 2)

    assert watch.growth() == 0.0


def test_a_run_that_is_too_short_says_so() -> None:
    with pytest.raises(BenchError, match="too short"):
        Watch([100] * 4).growth()


@pytest.mark.parametrize("growth", [-0.1, 0.0, 0.02])
def test_flat_memory_is_fine(growth: float) -> None:
    refuse_growth(figures(growth))


def test_more_than_two_per_cent_is_refused_with_the_figure() -> None:
    with pytest.raises(BenchError, match=r"grew by 2\.5%, 2% is allowed"):
        refuse_growth(figures(0.025))
