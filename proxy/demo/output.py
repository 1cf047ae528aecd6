"""What `baseload demo` prints: a live screen, lines for people, or JSON lines."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TextIO

import msgspec
from attrs import frozen
from rich.console import Console
from rich.live import Live
from rich.text import Text
from typing_extensions import override

from protocol.units import Seconds
from proxy.admin.history import PowerHistory, bars_for
from proxy.admin.look import Look
from proxy.admin.picture import Picture
from proxy.admin.render_sources import reasons
from proxy.admin.views import StatusView
from proxy.runtime.quantities import si

NOTE = "Hashrates are scaled down, watts are not. Ctrl-C stops and cleans up."


class OutputClosedError(Exception):
    """Nobody reads what we print: a pipe broke, or a terminal was closed."""


class DemoEvent(msgspec.Struct):
    """A line of `--json`; the last one is called `summary`."""

    event: str
    at_s: float
    miners: int = 0
    accepted: int = 0
    rejected: dict[str, int] = {}
    lost: dict[str, int] = {}
    blocks_found: int = 0
    blocks_accepted: int = 0
    height: int | None = None
    hashrate_hs: float = 0.0
    parked: int = 0
    state: str | None = None
    budget_w: float | None = None
    power_w: float | None = None
    cap_hs: float | None = None
    admin: str = ""
    stratum: str = ""
    page: str = ""
    token: str = ""


@frozen
class Way:
    """How a person reaches the demo's proxy.

    Attributes:
        admin: Its admin socket; empty: it is not there yet.
        port: Of the loopback, for miners.
        web_port: Of the loopback, for browsers.
        token: What a browser logs in with, to steer.
    """

    admin: str = ""
    port: int = 0
    web_port: int = 0
    token: str = ""

    @property
    def stratum(self) -> str:
        """As a miner's configuration spells it."""
        return f"stratum+tcp://127.0.0.1:{self.port}" if self.port else ""

    @property
    def page(self) -> str:
        """Address of the dashboard."""
        return f"http://127.0.0.1:{self.web_port}/" if self.web_port else ""


@frozen
class Moment:
    """A demo at one moment, and what is happening at its plant."""

    at: Seconds
    status: StatusView
    look: Look
    scene: str
    way: Way


def event_of(name: str, at: Seconds, status: StatusView | None) -> DemoEvent:
    """Return `status` as an event; None: nothing had been started."""
    event = DemoEvent(name, round(at, 1))
    if status is None:
        return event
    site = status.sites[0]
    return DemoEvent(
        name,
        event.at_s,
        site.miners.connected,
        site.shares.accepted,
        site.shares.rejected,
        site.shares.lost,
        status.blocks.found,
        status.blocks.accepted,
        status.nodes[0].height,
        site.hashrate_hs.m1,
        site.miners.parked,
        site.state,
        site.budget_w,
        site.power_w,
        site.cap_hs,
    )


class Output(Protocol):
    """Where a demo shows how it is doing.

    Attributes:
        every: Seconds between two pictures.
        is_whole: It shows what the site controller says, too.
    """

    every: Seconds
    is_whole: bool = False

    def show(self, moment: Moment) -> None:
        """Show how the demo is.

        Raises:
            OutputClosedError: Nobody looks.
        """

    def close(self) -> None:
        """Give the terminal back."""

    def end(self, summary: DemoEvent) -> None:
        """Print what became of it, when everything has stopped.

        Raises:
            OutputClosedError: Nobody looks.
        """


class JsonLines(Output):
    """One object a line."""

    every = Seconds(5.0)

    def __init__(self, out: TextIO) -> None:
        self._out = out

    @override
    def show(self, moment: Moment) -> None:
        event = event_of("status", moment.at, moment.status)
        event.admin, event.stratum = moment.way.admin, moment.way.stratum
        event.page, event.token = moment.way.page, moment.way.token
        self._print(event)

    @override
    def close(self) -> None:
        """Leave the terminal as it is."""

    @override
    def end(self, summary: DemoEvent) -> None:
        self._print(summary)

    def _print(self, event: DemoEvent) -> None:
        _write(self._out, msgspec.json.encode(event).decode())


class TextLines(Output):
    """One line for people every few seconds."""

    every = Seconds(5.0)

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_found = False

    @override
    def show(self, moment: Moment) -> None:
        event = event_of("status", moment.at, moment.status)
        if not self._is_found:  # once is enough
            self._is_found = True
            _write(self._out, "\n".join(way_lines(moment.way)))
        _write(
            self._out,
            f"{event.at_s:5.0f} s  {event.miners} miners  {power_line(event)}  "
            f"{si(event.hashrate_hs, 'H/s')}  {shares_line(event)}  "
            f"height {event.height or 0}  {moment.scene}",
        )

    @override
    def close(self) -> None:
        """Leave the terminal as it is."""

    @override
    def end(self, summary: DemoEvent) -> None:
        _write(
            self._out,
            f"stopped after {summary.at_s:.0f} s: {shares_line(summary)}; "
            "nothing is left on disk",
        )


class Screen(TextLines):
    """A picture on the whole terminal, drawn again and again."""

    every = Seconds(1.0)
    is_whole = True

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        console = Console(file=out)
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._live.start()
        self._history = PowerHistory(bars_for(console.encoding))

    @override
    def show(self, moment: Moment) -> None:
        try:
            self._history.add(moment.look.status)
            words = Text(f" {moment.at:4.0f} s  {moment.scene}", "bold")
            notes = (Text(f" {line}", "dim") for line in (*way_lines(moment.way), NOTE))
            picture = Picture(moment.look, self._history, (words, *notes))
            self._live.update(picture, refresh=True)
        except OSError as error:
            raise OutputClosedError(str(error)) from error

    @override
    def close(self) -> None:
        with suppress(OSError):
            self._live.stop()


OUTPUTS: dict[str, Callable[[TextIO], Output]] = {
    "screen": Screen,
    "log": TextLines,
    "json": JsonLines,
}


def open_output(kind: str) -> Output:
    """Return the output called `kind`; lines where a terminal shows no screen."""
    out = sys.stdout
    if kind == "screen" and (not out.isatty() or Console(file=out).is_dumb_terminal):
        kind = "log"
    return OUTPUTS[kind](out)


def way_lines(way: Way) -> tuple[str, ...]:
    """Return how to try commands, miners and a browser on the demo."""
    return (
        f"Try a command: baseload miners -s {way.admin}",
        f"Point a miner at {way.stratum}, any user and password.",
        f"Watch it in a browser: {way.page}",
        f"Steer it there: log in with {way.token}",
    )


def power_line(event: DemoEvent) -> str:
    """Return the power of `event` in a few words."""
    power, budget = si(event.power_w, "W"), si(event.budget_w, "W")
    return f"{power} of {budget} {event.state or '-'}"


def shares_line(event: DemoEvent) -> str:
    """Return the shares and blocks of `event` in one line."""
    return (
        f"{event.accepted} shares accepted, rejected {reasons(event.rejected)}, "
        f"lost {reasons(event.lost)}; {event.blocks_found} blocks found, "
        f"{event.blocks_accepted} accepted"
    )


def _write(out: TextIO, line: str) -> None:
    try:
        out.write(line + "\n")
        out.flush()
    except OSError as error:
        # what is left in the buffer would fail again at the interpreter's exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        raise OutputClosedError(str(error)) from error
