"""What strangers say is shown, and does nothing to the terminal."""

import io
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from proxy.admin.client import AdminError
from proxy.admin.look import Look
from proxy.admin.printable import printable
from proxy.admin.render_sources import why_not
from proxy.admin.top import show
from proxy.runtime.quantities import si
from tests.unit.test_cli import STATUS


def drawn(status: dict[str, Any], width: int = 160) -> str:
    out = io.StringIO()
    show(
        lambda: Look(printable(status)),
        Console(file=out, width=width, height=24),
        once=True,
    )
    return out.getvalue()


def status_because(reason: str) -> dict[str, Any]:
    status = deepcopy(STATUS)
    status["pools"][0]["reason"] = reason
    return status


@pytest.mark.parametrize("reason", ["[Errno 111] refused", "[/red] no", "[bold]x"])
def test_brackets_in_a_pools_words_are_no_markup(reason: str) -> None:
    assert reason in drawn(status_because(reason))


def test_a_pools_words_cannot_move_the_cursor() -> None:
    text = drawn(status_because("\x1b[2Jgone"))

    assert "\x1b" not in text
    assert "\\u001b[2Jgone" in text


@given(st.text(max_size=30))
def test_every_text_becomes_printable(text: str) -> None:
    (key,) = printable({text: [text]})

    assert key.isprintable()
    assert printable([text, 1, None])[0].isprintable()


def test_a_node_without_a_tip_is_drawn() -> None:
    status = deepcopy(STATUS)
    status["nodes"] = [{"name": "core", "state": "down", "height": None, "tip": None}]

    assert "core" in drawn(status)


def test_once_without_a_proxy_is_an_error() -> None:
    def fetch() -> Any:
        raise AdminError("no proxy")

    with pytest.raises(AdminError):
        show(fetch, Console(file=io.StringIO()), once=True)


@pytest.mark.parametrize(
    ("value", "text"), [(999.4, "999 H"), (999.6, "1 kH"), (999_600.0, "1 MH")]
)
def test_a_number_that_rounds_up_takes_the_next_prefix(value: float, text: str) -> None:
    assert si(value, "H") == text


def test_a_pool_that_waits_to_be_dialled_says_for_how_long() -> None:
    pool = {"reason": "cannot connect: refused", "next_try_s": 41.6}

    assert why_not(pool) == "cannot connect: refused; next try in 42 s"
    assert why_not({"reason": ""}) == ""
