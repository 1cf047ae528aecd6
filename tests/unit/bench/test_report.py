"""What is shown of a run."""

import json

import msgspec
import pytest

from proxy.bench.figures import SHARE_COLUMNS, Column, Figures, ShareFigures
from proxy.bench.report import Document, Result, table_of, view_of


def figures(
    rate: float, cpu_us: float | None = 2.0, accepted: int = 10
) -> ShareFigures:
    return ShareFigures(
        shares_per_s=rate,
        cpu_us=cpu_us,
        p50_ms=1.0,
        p99_ms=2.0,
        load_cpu_us=1.0,
        load_busy=0.5,
        sent=accepted,
        accepted=accepted,
        rejected=0,
        unanswered=0,
        skipped=0,
        refusals={},
    )


def result(**rounds: list[ShareFigures]) -> Result:
    found: dict[str, list[Figures]] = {name: [*r] for name, r in rounds.items()}
    return Result("accept", "what was done", SHARE_COLUMNS, found)


def rate_of(column: Column = SHARE_COLUMNS[0]) -> Column:
    assert column.key == "shares_per_s"
    return column


def test_rates_are_medians_and_counts_are_sums() -> None:
    rounds = [figures(1.0), figures(5.0), figures(2.0)]
    view = view_of(result(baseload=rounds)).servers[0]

    assert view.summary["shares_per_s"] == 2.0
    assert view.summary["accepted"] == 30


def test_a_ratio_is_of_rounds_that_share_their_noise() -> None:
    ours = [figures(100.0), figures(10.0), figures(30.0)]
    theirs = [figures(50.0), figures(5.0), figures(60.0)]

    assert rate_of().ratio(ours, theirs) == 2.0


def test_what_was_not_measured_has_no_ratio() -> None:
    done = result(baseline=[figures(1.0, None)], baseload=[figures(2.0)])
    view = view_of(done)

    assert view.servers[0].summary["cpu_us"] is None
    assert view.ratios[0].values["cpu_us"] is None
    assert view.ratios[0].values["accepted"] is None  # a count is none either
    assert view.ratios[0].values["shares_per_s"] == 2.0


def test_the_table_has_a_line_for_each_server_and_ratio() -> None:
    done = result(
        baseline=[figures(300_000.0)],
        baseload=[figures(150_000.0)],
        against=[figures(50_000.0, None)],
    )
    title, head, *lines = table_of(done).splitlines()

    assert title == "what was done"
    assert head.split("  ")[-1] == "unanswered"
    assert [line.split("  ")[0] for line in lines] == [
        "baseline",
        "baseload",
        "against",
        "baseload / baseline",
        "baseload / against",
    ]
    assert lines[0].split()[1:3] == ["300,000", "2.00"]
    assert lines[2].split()[1:3] == ["50,000", "-"]
    assert lines[3].split()[3:5] == ["0.50", "1.00"]
    assert lines[4].split()[3:] == ["3.00", "1.00", "1.00"]


@pytest.mark.parametrize("value", [0.0, None])
def test_nothing_is_divided_by_nothing(value: float | None) -> None:
    column = Column("cpu_us", "", ".2f")

    assert column.ratio([figures(1.0)], [figures(1.0, value)]) is None


def test_the_document_is_json_with_every_round() -> None:
    done = view_of(result(baseline=[figures(1.0)] * 2, baseload=[figures(2.0)] * 2))
    document = Document(
        engine="native", hashing="portable", has_own_core=True, results=[done]
    )
    read = json.loads(msgspec.json.encode(document))

    assert read["results"][0]["scenario"] == "accept"
    assert [s["name"] for s in read["results"][0]["servers"]] == [
        "baseline",
        "baseload",
    ]
    assert len(read["results"][0]["servers"][1]["rounds"]) == 2
    assert read["results"][0]["ratios"][0]["values"]["shares_per_s"] == 2.0
