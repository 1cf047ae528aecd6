"""What `baseload bench` takes and refuses."""

import argparse
import os

import pytest

from proxy.bench.target import BenchError, Target
from proxy.cli.bench import SCENARIOS, _options, bench_options
from proxy.cli.main import main


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench_options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["closed", "nonsense"],
        ["--engine", "fast"],
        ["--seconds", "0"],
        ["--rounds", "0"],
        ["--miners", "0"],
        ["--window", "65"],
        ["--rate", "-1"],
        ["--against", "127.0.0.1"],
        ["--against", "127.0.0.1:0"],
        ["--against", "192.0.2.1:3333"],
        ["--against", "pool.example:3333"],
        ["--against-pid", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["bench", *words])

    assert end.value.code == 2
    assert words[-1] in capsys.readouterr().err


def test_another_server_is_named_with_its_process() -> None:
    pytest.importorskip("proxy.bench.native.generator")
    words = ["--against", "localhost:3333", "--against-pid", "7", "--window", "64"]
    options = _options(parsed("closed", *words))

    assert options.against == Target("against", "127.0.0.1", 3333, 7)
    assert options.pool is None
    assert options.window == 64


def test_what_can_be_named_can_be_run() -> None:
    pytest.importorskip("proxy.bench.native.generator")
    from proxy.bench import scenarios  # noqa: PLC0415  (it needs the compiled part)

    assert tuple(scenarios.SCENARIOS) == SCENARIOS


def test_a_process_has_used_time_and_memory() -> None:
    here = Target("here", "127.0.0.1", 1, os.getpid())
    cpu_s, rss = here.cpu_s(), here.rss()

    assert cpu_s is not None
    assert cpu_s > 0.0
    assert rss is not None
    assert rss > 1_000_000


def test_of_an_unknown_process_nothing_is_said() -> None:
    unknown = Target("against", "127.0.0.1", 1)

    assert unknown.cpu_s() is None
    assert unknown.rss() is None


def test_a_process_that_is_gone_is_named() -> None:
    gone = Target("against", "127.0.0.1", 1, 2**22 + 1)  # above any pid_max

    with pytest.raises(BenchError, match="against"):
        gone.cpu_s()
