"""What may not come out of the log, and what must."""

import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogPublisher

from proxy.runtime.logs import MAX_LINE_CHARS, escaped, observer


def said(
    format_: str, *, as_json: bool, secrets: tuple[str, ...] = (), **values: Any
) -> str:
    out = io.StringIO()
    lines, _ = observer(out, as_json=as_json, secrets=secrets)
    Logger("test", observer=LogPublisher(lines)).info(format_, **values)
    return out.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("name", ["password", "api_token", "Cookie"])
def test_values_named_like_secrets_are_hidden(*, as_json: bool, name: str) -> None:
    values: dict[str, Any] = {name: "hunter2"}
    text = said(f"it is {{{name}}}", as_json=as_json, **values)

    assert "hunter2" not in text
    assert "***" in text


@pytest.mark.parametrize("secret", ['a"quoted"one', "back\\slash", "p\u00e4sswort"])
def test_a_secret_that_json_would_escape_is_hidden(secret: str) -> None:
    text = said("{what}", as_json=True, secrets=(secret,), what=f"<{secret}>")

    assert json.loads(text)["text"] == "<***>"
    assert json.loads(text)["what"] == "<***>"


@pytest.mark.parametrize("secrets", [("key", "key-long"), ("key-long", "key")])
def test_a_secret_that_begins_with_another_is_hidden_whole(
    secrets: tuple[str, ...],
) -> None:
    assert "-long" not in said("key-long", as_json=False, secrets=secrets)


def test_a_secret_at_the_end_of_a_long_line_is_not_cut_in_two() -> None:
    text = said(
        "{a}{b}",
        as_json=False,
        secrets=("hunter2hunter2",),
        a="-" * (MAX_LINE_CHARS - 7),
        b="hunter2hunter2",
    )

    assert "hunter2" not in text


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_has_a_limit(*, as_json: bool) -> None:
    assert len(said("{a}", as_json=as_json, a="a" * 10**6)) < 3 * MAX_LINE_CHARS


@pytest.mark.parametrize("name", ["a\nb", "a\r\nb", "a\u2028b", "a\x1b[2Jb", "a\x85b"])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_worker_cannot_begin_a_line(*, as_json: bool, name: str) -> None:
    text = said("{worker} came", as_json=as_json, worker=name)

    assert len(text.splitlines()) == 1
    assert "\x1b" not in text


@given(st.text(max_size=50))
def test_what_is_escaped_is_printable(text: str) -> None:
    assert escaped(text).isprintable()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_is_told_without_secrets(*, as_json: bool) -> None:
    out = io.StringIO()
    lines, _ = observer(out, as_json=as_json, secrets=("hunter2",))
    log = Logger("test", observer=LogPublisher(lines))
    with log.failuresHandled("it broke"):
        raise ValueError("hunter2")

    assert "it broke" in out.getvalue()
    assert "ValueError: ***" in out.getvalue()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_text(value: float) -> None:
    fields = json.loads(said("{v}", as_json=True, v=value), parse_constant=pytest.fail)

    assert fields["v"] == str(value)
