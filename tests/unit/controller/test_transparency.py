"""The log side publishes, tells every site of faults, and begins anew when told to."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from protocol.tlog.checkpoint import checkpoint_of
from proxy.config.transparency import TransparencyConfig
from proxy.controller.control_loop import SiteLoop
from proxy.controller.transparency import LogSide
from proxy.oversight.generation import GenerationError
from proxy.oversight.publisher import Around
from proxy.power.journal.alarms import AlarmName
from tests.oversight_logs import AT, Plant

FIRST, SECOND = "plant.example/unit/log/1", "plant.example/unit/log/2"


@define
class Loop:
    """A site that hears of alarms."""

    standing: dict[AlarmName, str] = field(factory=dict)

    def alarm(self, name: AlarmName, why: str, _: dict[str, Any]) -> None:
        self.standing.pop(name, None)
        if why:
            self.standing[name] = why


class Side:
    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.clock = Clock()
        self.loops = [Loop(), Loop()]

    def start(self, origin: str = FIRST) -> LogSide:
        loops = {str(n): cast("SiteLoop", one) for n, one in enumerate(self.loops)}
        around = Around(self._run, self.clock, lambda: AT)
        settings = TransparencyConfig(origin=origin)
        side = LogSide(settings, self.plant.state, self.plant.store, loops, around)
        side.startService()
        return side

    async def _run(self, work: Callable[[], Any]) -> Any:
        return work()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Side]:
    plant = Plant(tmp_path)
    plant.write(5)
    yield Side(plant)
    plant.close()


def begin(side: LogSide) -> list[object]:
    """Begin a new generation; return how that failed."""
    failed: list[object] = []
    done = Deferred.fromCoroutine(side.new_generation())
    _ = done.addErrback(lambda failure: failed.append(failure.value))
    return failed


def stop(side: LogSide) -> None:
    assert Deferred.fromCoroutine(side.stopService()).called


def test_the_log_is_published_from_the_start_on(site: Side) -> None:
    side = site.start()

    view = side.view()
    assert (view.origin, view.size, view.fault) == (FIRST, 5, "")
    assert (view.cosigned_size, view.cosigned_age_s) == (None, None)
    assert view.key.startswith(FIRST)
    side.note_software("digest", {"hall-a": (17.5, 29.5)})
    site.clock.advance(10.0)
    assert side.view().size == 6
    assert b'"fleets":{"hall-a":[17.5,29.5]}' in site.plant.leaves()[-1]
    assert site.loops[0].standing == {}
    stop(side)


def test_a_fork_stands_at_every_site_until_a_generation_is_begun(site: Side) -> None:
    stop(site.start())
    site.plant.store._db.execute("UPDATE event SET cause = 'no' WHERE id = 3")
    side = site.start()

    for loop in site.loops:
        assert "row 3" in loop.standing[AlarmName.LOG_FORKED]
    assert side.view().is_forked
    (error,) = begin(side)
    assert isinstance(error, GenerationError)
    stop(side)

    again = site.start(SECOND)
    assert begin(again) == []
    site.clock.advance(10.0)

    assert again.view().fault == ""
    assert all(loop.standing == {} for loop in site.loops)
    note = site.plant.folder.checkpoint()
    assert note is not None
    assert checkpoint_of(note.text).origin == SECOND
    assert f'"before":"{FIRST}' in site.plant.leaves_after(5)[0].decode()
    assert (site.plant.state / "log-1" / "checkpoint").exists()
    stop(again)


def test_rows_that_the_next_start_needs_are_kept_while_sites_stop(site: Side) -> None:
    site.plant.store.max_events = 10
    side = site.start()
    stop(side)

    site.plant.write(600)
    site.plant.write(1)

    assert len(site.plant.leaves()) == 606
    again = site.start()
    assert again.view().fault == ""
    stop(again)
