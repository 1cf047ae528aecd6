import logging

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from proxy.runtime.log_libraries import LibraryHandler


@implementer(ILogObserver)
class Ear:
    def __init__(self) -> None:
        self.heard: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        self.heard.append(event)


def test_what_libraries_log_in_python_s_own_way_is_an_event() -> None:
    ear = Ear()
    root = logging.Logger("some.library")  # noqa: LOG001
    root.addHandler(LibraryHandler(ear))
    try:
        raise ValueError("{odd}")  # noqa: TRY301
    except ValueError:
        root.exception("a task %s", "failed")
    root.info("all is well")

    (event,) = ear.heard
    assert formatEvent(event) == "a task failed"
    assert event["log_namespace"] == "some.library"
    assert event["log_level"] == LogLevel.error
    assert event["log_failure"].check(ValueError)


def test_a_line_that_a_library_formats_wrongly_is_not_its_callers_fault() -> None:
    ear = Ear()
    library = logging.Logger("some.library")  # noqa: LOG001
    library.addHandler(LibraryHandler(ear))

    library.warning("%s and %s", "one")
    library.warning("well")

    assert [formatEvent(event) for event in ear.heard] == ["well"]
