import io
import json

import pytest
from twisted.logger import Logger, LogLevel, LogPublisher

from proxy.runtime.debugging import is_debugging
from proxy.runtime.logs import observer


def logger(
    *, as_json: bool, secrets: tuple[str, ...] = ()
) -> tuple[Logger, io.StringIO]:
    out = io.StringIO()
    lines, _ = observer(out, as_json=as_json, secrets=secrets)
    return Logger("test", observer=LogPublisher(lines)), out


@pytest.mark.parametrize("as_json", [True, False])
def test_a_secret_is_never_written(as_json: bool) -> None:  # noqa: FBT001
    log, out = logger(as_json=as_json, secrets=("hunter2",))

    log.info("pool says {text}", text="bad password hunter2")

    assert "hunter2" not in out.getvalue()
    assert "***" in out.getvalue()


def test_a_worker_cannot_forge_a_line_or_move_the_cursor() -> None:
    log, out = logger(as_json=False)

    log.info("{worker} came", worker="\x1b[2Jrig")

    assert "\x1b" not in out.getvalue()


def test_json_has_a_line_an_event_with_its_fields() -> None:
    log, out = logger(as_json=True)

    log.info("{worker} came\n", worker="rig1")

    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["worker"] == "rig1"
    assert json.loads(line)["level"] == "info"


def test_the_level_can_be_changed_while_running() -> None:
    out = io.StringIO()
    lines, set_level = observer(out, as_json=False, secrets=())
    log = Logger("test", observer=LogPublisher(lines))

    log.debug("one")
    set_level("debug")
    log.debug("two")

    assert "one" not in out.getvalue()
    assert "two" in out.getvalue()


@pytest.mark.parametrize("library", ["twisted.web.client", "treq", "log_legacy"])
def test_libraries_are_heard_only_where_something_is_wrong(library: str) -> None:
    out = io.StringIO()
    lines, set_level = observer(out, as_json=False, secrets=())
    log = Logger(library, observer=LogPublisher(lines))

    log.info("Starting factory")
    log.emit(LogLevel.warn, "not well")
    set_level("error")
    log.emit(LogLevel.warn, "still not")
    set_level("debug")
    log.info("Stopping factory")

    said = [line.split(maxsplit=2)[2] for line in out.getvalue().splitlines()]
    assert said == ["not well", "Stopping factory"]


def test_whoever_would_log_a_line_a_miner_can_ask_whether_it_is_wanted() -> None:
    _, set_level = observer(io.StringIO(), as_json=False, secrets=(), level="debug")
    assert is_debugging()

    set_level("info")
    assert not is_debugging()
