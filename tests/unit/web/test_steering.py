"""Who may steer by the web, what each try leaves behind, and who is refused."""

import json
from typing import Any

import pytest

from proxy.config.secret import Secret
from proxy.config.web import WebConfig
from proxy.web.doors import MAX_FAILURES, SESSION
from proxy.web.stream import MAX_VIEWERS
from tests.fakes.web import HOST, Reply, Web

TOKEN = "correct-horse-battery"  # noqa: S105  (a test's)
JSON = {"content_type": "application/json"}
OURS = JSON | {"sec_fetch_site": "same-origin"}


def watched(**changes: Any) -> Web:
    listen = "tcp:8080:interface=127.0.0.1"
    return Web(WebConfig(listen=listen, token=Secret(TOKEN), **changes))


def drain(web: Web, **headers: str) -> Reply:
    return web.ask("/api/v1/drain", "POST", b"{}", **headers)


def login(web: Web, token: str = TOKEN, **headers: str) -> Reply:
    body = json.dumps({"token": token}).encode()
    return web.ask("/login", "POST", body, **(OURS | headers))


def cookie_of(reply: Reply) -> str:
    return reply.headers["set-cookie"].partition(";")[0]


def test_without_a_token_nobody_steers() -> None:
    web = Web()
    assert drain(web, **OURS).status == 403
    assert drain(web, **JSON, authorization="Bearer ").status == 403
    assert login(web, "").status == 401
    assert web.ask("/api/v1/session").json == {
        "actions": False,
        "may_act": False,
        "ends_in_s": None,
    }


def test_the_token_steers_and_that_is_an_event() -> None:
    web = watched()

    reply = drain(web, **JSON, authorization=f"Bearer {TOKEN}")

    assert reply.status == 200
    assert web.hall.connections.roster.is_draining
    (event,) = web.ask("/api/v1/events", accept="application/json").json["events"]
    told = event["value"]
    assert (told["what"], told["address"], told["user"]) == ("drain", "192.168.1.1", "")
    assert (told["before"], told["after"]) == (
        {"hall-a": "open"},
        {"hall-a": "drained"},
    )
    assert TOKEN not in json.dumps(told)


def test_who_shows_nothing_is_asked_for_the_token() -> None:
    reply = drain(watched(), **JSON)

    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")


def test_a_session_steers_until_it_ends() -> None:
    web = watched()
    opened = login(web)
    cookie = cookie_of(opened)

    for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in opened.headers["set-cookie"]
    assert web.ask("/api/v1/session", cookie=cookie).json == {
        "actions": True,
        "may_act": True,
        "ends_in_s": SESSION,
    }
    assert drain(web, **OURS, cookie=cookie).status == 200
    web.reload(token=Secret("another-token-of-ours"))
    assert drain(web, **OURS, cookie=cookie).status == 401

    other = watched()
    cookie = cookie_of(login(other))
    other.hall.clock.advance(SESSION)
    assert drain(other, **OURS, cookie=cookie).status == 401

    third = watched()
    cookie = cookie_of(login(third))
    third.ask("/logout", "POST", b"{}", **OURS, cookie=cookie)
    assert drain(third, **OURS, cookie=cookie).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (JSON, 403),  # no word of whose page asks
        (JSON | {"sec_fetch_site": "cross-site"}, 403),
        (JSON | {"sec_fetch_site": "same-site"}, 403),
        (JSON | {"origin": "http://evil.example"}, 403),
        (JSON | {"origin": f"https://{HOST}"}, 403),
        (JSON | {"origin": f"http://{HOST}"}, 200),
        ({"sec_fetch_site": "same-origin"}, 415),
        (OURS | {"content_type": "text/plain"}, 415),
        (OURS | {"content_type": "application/x-www-form-urlencoded"}, 415),
        (OURS | {"host": "evil.example"}, 421),
        (OURS, 200),
    ],
)
def test_a_page_of_others_steers_nothing(headers: dict[str, str], status: int) -> None:
    web = watched()
    cookie = cookie_of(login(web))
    assert drain(web, **headers, cookie=cookie).status == status
    assert web.hall.connections.roster.is_draining is (status == 200)


def test_who_shows_the_token_needs_to_name_no_body_that_there_is_none_of() -> None:
    web = watched()
    shown = f"Bearer {TOKEN}"

    for body, status in ((b"", 200), (b"{}", 415)):
        reply = web.ask("/api/v1/drain", "POST", body, authorization=shown)
        assert reply.status == status
    assert web.ask("/api/v1/drain", "POST").status == 401


def test_who_may_steer_takes_the_place_of_one_who_may_not() -> None:
    web = watched()
    strangers = [
        web.open("/api/v1/stream", peer=f"10.0.0.{n % 4}") for n in range(MAX_VIEWERS)
    ]
    assert web.ask("/api/v1/stream").status == 503
    cookie = cookie_of(login(web))

    steering = [web.open("/api/v1/stream", cookie=cookie) for _ in range(MAX_VIEWERS)]
    web.beat()

    assert len(web.side.streams) == MAX_VIEWERS
    assert all("now" in one.names() for one in steering)
    assert all(one.transport.disconnected for one in strangers)
    assert web.ask("/api/v1/stream", cookie=cookie).status == 503


def test_a_logout_says_nothing_else() -> None:
    web = watched()
    assert web.ask("/logout", "POST", b"", **OURS).status == 200
    assert web.ask("/logout", "POST", b"{}", **OURS).status == 200
    assert web.ask("/logout", "POST", b"[1]", **OURS).status == 400
    deep = web.ask("/logout", "POST", b"[" * 8000, **OURS)
    assert deep.status == 400


def test_a_path_says_all_its_methods() -> None:
    web = watched()
    both = web.ask("/login", "PUT")
    assert (both.status, both.headers["allow"]) == (405, "GET, HEAD, POST")
    assert web.ask("/login").status == 200
    only = web.ask("/logout")
    assert (only.status, only.headers["allow"]) == (405, "POST")


def test_who_guesses_waits_and_others_do_not() -> None:
    web = watched()
    for _ in range(MAX_FAILURES):
        refused = login(web, "wrong")
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
    late = login(web, "wrong")
    assert (late.status, late.headers["retry-after"]) == (429, "61")
    assert login(web).status == 200  # it is too long to be guessed


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/sites/hall-a/power", b'{"watts":1000}', 409),  # no budget
        ("POST", "/api/v1/sites/hall-a/power", b'{"watts":-1}', 400),
        ("POST", "/api/v1/sites/hall-a/power", b"[", 400),
        ("POST", "/api/v1/sites/hall-a/power", b"[1]", 400),
        ("DELETE", "/api/v1/sites/hall-a/power", b"", 409),
        ("POST", "/api/v1/miners/rig9/kick", b"{}", 409),
        ("POST", "/api/v1/drain", b'{"what":1}', 400),
        ("GET", "/api/v1/drain", b"", 405),
        ("POST", "/nowhere", b"{}", 404),
    ],
)
def test_what_cannot_be_done_says_why(
    method: str, path: str, body: bytes, status: int
) -> None:
    shown = {"authorization": f"Bearer {TOKEN}"}
    reply = watched().ask(path, method, body, **JSON, **shown)
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["detail"]


def test_a_proxys_user_stands_in_the_event_and_gets_no_right() -> None:
    named = JSON | {"x_forwarded_user": "maria", "authorization": f"Bearer {TOKEN}"}
    web = watched(trusted_proxy=("192.168.1.0/24",))
    drain(web, **named)
    stranger = watched(trusted_proxy=("10.0.0.0/8",))
    drain(stranger, **named)

    assert drain(watched(), **OURS, x_forwarded_user="maria").status == 401
    for one, user in ((web, "maria"), (stranger, "")):
        (event,) = one.ask("/api/v1/events", accept="application/json").json["events"]
        assert event["value"]["user"] == user
