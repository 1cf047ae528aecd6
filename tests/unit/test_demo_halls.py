"""The demo of halls: what happens waits for the machines, and for somebody to do it."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from proxy.admin.client import AdminError
from proxy.config import load_config
from proxy.demo import hall_plant
from proxy.demo.hall_plant import HallsOptions, make_plant
from proxy.demo.halls import EVERY, Story, spawn


def test_what_happens_begins_when_the_machines_are_at_work() -> None:
    story = Story([(15.0, lambda: "ordered"), (45.0, lambda: "killed")])

    assert story.told(100.0, are_at_work=False) == "machines start"
    assert story.told(200.0, are_at_work=True) == "all are at work"
    assert story.told(214.0, are_at_work=True) == ""
    assert story.told(215.0, are_at_work=False) == "ordered"
    assert story.told(245.0, are_at_work=False) == "killed"
    assert story.told(300.0, are_at_work=True) == ""


def test_what_nobody_took_is_done_again() -> None:
    answers = ["", "ordered"]
    story = Story([(0.0, lambda: answers.pop(0))])
    story.told(0.0, are_at_work=True)

    told = [story.told(after, are_at_work=True) for after in (3.0, 6.0, 9.0)]

    assert told == ["no hall answers", "ordered", ""]


def test_each_hall_has_a_meter_and_machines_with_device_apis(tmp_path: Path) -> None:
    plant = make_plant(HallsOptions(3, None, as_json=False), tmp_path, "postgresql:///")

    configs = [load_config(hall.config) for hall in plant.halls]

    sites = [config.sites[0] for config in configs]
    assert [site.fleet[0].control for site in sites] == ["api"] * 3
    assert len({site.power.meter for site in sites if site.power is not None}) == 3
    assert len({hall.address for hall in plant.halls}) == 3


@pytest.mark.parametrize(
    ("words", "shown"),
    [(["tests.none"], "No module named"), (["this"], "")],  # `this` prints a poem
)
def test_what_a_process_says_stays_out_of_the_screen_unless_it_fails(
    words: list[str], shown: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as at_exit:
        spawn(at_exit, *words).wait(60)
        assert capfd.readouterr() == ("", "")

    out, err = capfd.readouterr()
    assert out == ""
    assert shown in err
    assert bool(shown) == bool(err)


def test_a_screen_does_not_wait_for_halls_that_only_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = make_plant(HallsOptions(3, None, as_json=False), tmp_path, "postgresql:///")
    waits = []

    def silent(_path: Path, _method: str, _params: Any, within: float = 10.0) -> None:
        waits.append(within)
        raise AdminError

    monkeypatch.setattr(hall_plant, "call", silent)

    assert plant.views() is None
    assert plant.halls[0].seen().hashing == 0
    assert len(waits) == 4
    assert sum(waits[:3]) <= EVERY
