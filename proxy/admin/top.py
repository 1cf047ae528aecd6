"""`baseload top`: the status, drawn again every second."""

from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from proxy.admin.client import AdminError
from proxy.admin.history import PowerHistory, bars_for
from proxy.admin.keyboard import is_pressed, single_keys
from proxy.admin.look import Look
from proxy.admin.picture import Picture

INTERVAL = 1.0

KEYS = (Text(" q ends", "dim"),)

Fetch = Callable[[], Look]


def show(fetch: Fetch, console: Console, *, once: bool) -> None:
    """Draw until q or Ctrl-C; a proxy that is away is waited for.

    Args:
        fetch: Returns what there is to see.
        console: Where to draw. What is no terminal, or a dumb one, cannot go back to
            what it has written: it gets one frame, too.
        once: Draw one frame and return.
    """
    history = PowerHistory(bars_for(console.encoding))
    if once or console.is_dumb_terminal or not console.is_terminal:
        console.print(Picture(fetch(), history, fills=False))
        return
    try:
        with (
            single_keys(),
            Live(console=console, screen=True, auto_refresh=False) as live,
        ):
            live.update(_try_frame(fetch, history), refresh=True)
            while not is_pressed("q", INTERVAL):
                live.update(_try_frame(fetch, history), refresh=True)
    except KeyboardInterrupt:
        return


def _try_frame(fetch: Fetch, history: PowerHistory) -> RenderableType:
    try:
        look = fetch()
    except AdminError as error:
        return Text(f"waiting for the proxy: {error}", "yellow")
    history.add(look.status)
    return Picture(look, history, KEYS)
