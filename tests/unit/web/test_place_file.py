"""Where machines are by hand: a table that spreadsheets write, and what is none."""

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from proxy.admin.machine_places import PlaceOperations, PlaceView
from proxy.admin.operations import Operations
from proxy.cli import remote
from proxy.cli.main import main
from proxy.config.place_file import MAX_ROWS, PlaceFileError, PlacesByHand
from proxy.config.rack_place import Place
from tests.fakes.web import Web

PLACE = {"rack": "north 1", "position": "4"}
HEAD = "worker,address,rack,position\n"


def read(folder: Path, text: str) -> PlacesByHand:
    path = folder / "places.csv"
    path.write_text(text)
    return PlacesByHand.read(path)


def test_a_row_is_of_a_worker_of_one_at_an_address_or_of_an_address(
    tmp_path: Path,
) -> None:
    rows = "a.1,,north 1,4\nsame,10.0.0.1,x,1\nsame,10.0.0.2,x,2\n,10.0.0.9,y,1\n"
    places = read(tmp_path, "\ufeff" + HEAD + rows)

    assert places.find("a.1", "10.0.0.5") == Place("north 1", "4")
    assert places.find("same", "10.0.0.2") == Place("x", "2")
    assert places.find("", "10.0.0.9") == Place("y", "1")
    assert places.find("b", "10.0.0.3") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expected the columns worker,address,rack,position"),
        ("name,rack\n", "Expected the columns"),
        (HEAD + "a.1,,r\n", "line 2: Expected a worker or an address, and a place"),
        (HEAD + ",,r,1\n", "line 2: Expected a worker or an address"),
        (HEAD + f"{'x' * 257},,r,1\n", "at most 256 characters"),
        (HEAD + "a,,r,1\n" * (MAX_ROWS + 1), f"at most {MAX_ROWS} rows"),
    ],
)
def test_what_is_no_such_table_is_refused_with_its_line(
    tmp_path: Path, text: str, why: str
) -> None:
    with pytest.raises(PlaceFileError, match=why):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlaceFileError, match=r"nowhere\.csv"):
        PlacesByHand.read(tmp_path / "nowhere.csv")


def test_what_is_printed_is_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [
        [{"site": "hall-a", "worker": "a,1", "address": "10.0.0.1"} | PLACE],
        [{"site": "hall-b", "worker": "b", "address": "10.0.0.2"} | PLACE],
        [],
    ]
    monkeypatch.setattr(remote, "call", lambda *asked: pages[asked[2]["page"]])

    assert main(["places", "-s", "x", "--csv", "--site", "hall-a"]) == 0

    said = capsys.readouterr().out
    assert said.splitlines() == [HEAD.strip(), '"a,1",10.0.0.1,north 1,4']
    assert read(tmp_path, said).find("a,1", "10.0.0.1") == Place("north 1", "4")


def test_places_are_told_of_who_is_connected() -> None:
    web = Web()
    miner = web.seat()
    told: list[list[PlaceView]] = []
    operations = PlaceOperations(web.running, Operations(web.running).miners)
    _ = Deferred.fromCoroutine(operations.places()).addCallback(told.append)
    for _ in range(5):
        web.hall.clock.advance(0)

    ((one,),) = told
    assert (one.site, one.worker) == ("hall-a", next(iter(miner.workers)))
    assert one.position
