"""The log leaves by a thread of its own, whoever reads it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from twisted.logger import LogLevel
from typing_extensions import override

from proxy.runtime.log_limit import LINES_A_WINDOW
from proxy.runtime.log_writer import MAX_QUEUED_CHARS, DescriptorOut, Out
from proxy.runtime.logs import Log, open_log


class Page(Out):
    """Takes text once it is let."""

    def __init__(self) -> None:
        self.text = ""
        self.may_go_on = threading.Event()
        self.is_asked = threading.Event()
        self.may_go_on.set()

    @override
    def write(self, text: str, /) -> None:
        self.is_asked.set()
        self.may_go_on.wait()
        self.text += text

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


class BrokenPipe(Out):
    @override
    def write(self, text: str, /) -> None:
        raise BrokenPipeError


def log_to(out: Out, *, as_json: bool = False) -> Log:
    return open_log(lambda: 0.0, as_json=as_json, secrets=(), level="info", out=out)


def say(log: Log, format_: str, **values: Any) -> None:
    event = {"log_level": LogLevel.info, "log_namespace": "test", "log_time": 0.0}
    log.observer({**event, "log_format": format_, **values})


@contextmanager
def unread_log() -> Iterator[tuple[Page, Log]]:
    """Give a log whose reader hangs with the first line."""
    page = Page()
    log = log_to(page)
    page.may_go_on.clear()
    say(log, "the first line")
    page.is_asked.wait()
    try:
        yield page, log
    finally:
        page.may_go_on.set()
        log.close()


def test_all_that_was_logged_is_there_after_the_end() -> None:
    page = Page()
    log = log_to(page)
    for n in range(50):
        say(log, "line {n}", n=n)
    log.close()

    assert [line.split()[-1] for line in page.lines] == [str(n) for n in range(50)]


def test_a_reader_that_hangs_holds_nobody_up_and_costs_bounded_memory() -> None:
    with unread_log() as (page, log):
        for n in range(2000):  # kinds of their own: each is written
            say(log, f"kind {n} {{x}}", x="x" * 4000)
        page.may_go_on.set()
        log.close()

        assert len(page.text) <= MAX_QUEUED_CHARS + 5000
        assert "lines left out: the log was not read" in page.text


def test_a_reader_that_hangs_for_ever_does_not_hold_up_the_end() -> None:
    with unread_log() as (page, log):
        say(log, "the second line")
        log.close()

        assert "second" not in page.text


def test_a_reader_that_is_gone_is_no_trouble() -> None:
    log = log_to(BrokenPipe())
    say(log, "hello")

    log.close()


def test_a_line_after_the_end_is_still_written() -> None:
    page = Page()
    log = log_to(page)
    log.close()
    say(log, "late")

    assert "late" in page.text


@pytest.mark.parametrize("as_json", [True, False])
def test_a_flood_of_one_kind_is_cut_and_its_rest_is_told(*, as_json: bool) -> None:
    page = Page()
    log = log_to(page, as_json=as_json)
    for n in range(5000):
        say(log, "{site}: dropping {peer}", site="hall-a", peer=f"10.0.0.{n}")
    log.close()

    assert len(page.lines) == LINES_A_WINDOW + 1
    assert "4900 more lines left out: test: hall-a: dropping {peer}" in page.lines[-1]


def test_a_descriptor_takes_whole_lines_though_it_takes_them_in_parts() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    text = "x" * 300_000 + "\n"
    got = bytearray()

    def take() -> None:
        while len(got) < len(text):
            got.extend(os.read(read, 65536))

    reader = threading.Thread(target=take)
    reader.start()
    DescriptorOut(write).write(text)
    reader.join()
    os.close(read)
    os.close(write)

    assert got.decode() == text
