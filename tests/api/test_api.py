"""The API against its own description, by schemathesis, and what that leaves out.

`schemathesis run` sends what the description allows and what it does not, and holds
each answer to it. LONG=1 sends ten times as much.
"""

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.api.conftest import TOKEN, Target

OPENAPI = Path(__file__).parents[2] / "proxy" / "web" / "openapi.json"
DOCUMENT = json.loads(OPENAPI.read_text())
EXAMPLES = "40" if os.environ.get("LONG", "0") != "0" else "4"
JSON, CSV = "application/json", "text/csv"
OURS = "Sec-Fetch-Site: same-origin"

STREAM = "/api/v1/stream"
"""It does not end."""

STATEMENT = "/api/v1/statement"
"""A page or a table: never JSON."""

TABLES = (
    STATEMENT,
    "/api/v1/sites/{site}/miners",
    "/api/v1/sites/{site}/history",
    "/api/v1/pools/{pool}/history",
    "/api/v1/miners/{id}/history",
    "/api/v1/tenants",
    "/api/v1/events",
)


def run(program: str, target: Target, accept: str, *which: str) -> None:
    """Have schemathesis ask; what it finds fails the test."""
    headers = (f"Authorization: Bearer {TOKEN}", f"Accept: {accept}", OURS)
    checked = subprocess.run(  # noqa: S603
        [
            *(program, "run", str(OPENAPI), "--url", target.url, "--no-color"),
            *(word for one in headers for word in ("--header", one)),
            # five guesses a minute are answered, and then it is 429: see below
            *("--checks", "all", "--exclude-checks", "ignored_auth"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES),
            *("--seed", "1", "--continue-on-failure", "--request-timeout", "30"),
            *which,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=target.folder,  # it keeps what failed beside it
    )
    print(checked.stdout[-400:])  # noqa: T201  (how many cases)
    assert checked.returncode == 0, checked.stdout


def test_what_is_read_is_as_described(schemathesis: str, target: Target) -> None:
    run(
        *(schemathesis, target, JSON, "--include-method", "GET"),
        *("--exclude-path", STREAM, "--exclude-path", STATEMENT),
    )


def test_tables_are_as_described(schemathesis: str, target: Target) -> None:
    paths = [one for path in TABLES for one in ("--include-path", path)]
    run(schemathesis, target, CSV, *paths, "--phases", "examples,fuzzing")


def test_what_steers_is_as_described(schemathesis: str, target: Target) -> None:
    run(
        *(schemathesis, target, JSON, "--exclude-method", "GET"),
        *("--exclude-path", "/login"),  # whose five guesses are used up at once
    )


def secured() -> Iterator[tuple[str, str]]:
    """Yield method and path of each action."""
    for path, methods in DOCUMENT["paths"].items():
        for method, described in methods.items():
            if described.get("security"):
                yield method.upper(), path


@pytest.mark.parametrize(("method", "path"), [*secured()])
def test_an_action_wants_the_token(target: Target, method: str, path: str) -> None:
    number = 2 + [*secured()].index((method, path))
    plain = path.replace("{site}", "hall-a").replace("{id}", "rack-a.0001")
    for shown in (None, "Bearer wrong", "Basic eDp5", "Bearer"):
        headers = {"content-type": JSON} | ({"authorization": shown} if shown else {})
        connection = http.client.HTTPConnection(
            urlsplit(target.url).netloc,
            timeout=30,
            source_address=(f"127.0.0.{number}", 0),  # each its own guesses
        )
        connection.request(method, plain, b"{}", headers)
        reply = connection.getresponse()
        problem = json.load(reply)
        connection.close()

        assert reply.status == problem["status"] == 401
        assert reply.headers["www-authenticate"].startswith("Bearer realm=")
        assert reply.headers["content-type"] == "application/problem+json"


def test_every_path_and_method_is_tried_or_named_here() -> None:
    methods = {
        (method.upper(), path)
        for path, described in DOCUMENT["paths"].items()
        for method in described
    }

    assert {one for one in methods if one[1] in {STREAM, "/login"}} == {
        ("GET", STREAM),
        ("GET", "/login"),
        ("POST", "/login"),
    }
