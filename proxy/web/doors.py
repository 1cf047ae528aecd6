"""Who may steer: whoever shows the token, or has a session that it was shown for."""

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address, ip_network
from typing import TypeVar

import msgspec
from attrs import define, field, frozen

from protocol.units import Seconds
from proxy.admin.caller import Caller
from proxy.config.tokens import is_short
from proxy.config.web import WebConfig
from proxy.web.answers import Answer, ProblemError, in_json
from proxy.web.asked import Asked

T = TypeVar("T", bound=msgspec.Struct)

SESSION = Seconds(12 * 3600.0)
MAX_SESSIONS = 1000
SESSION_BYTES = 32

MAX_FAILURES = 5
FAILURES_WITHIN = Seconds(60.0)
MAX_ADDRESSES = 10_000
"""Whose failures are remembered; the first one is forgotten for one more."""

MAX_USER_CHARS = 64

COOKIE, SECURE_COOKIE = "baseload", "__Host-baseload"
CHALLENGE: Mapping[str, str] = {"www-authenticate": 'Bearer realm="baseload"'}


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /login`."""

    token: str


class Logout(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /logout`."""


@frozen
class Session:
    """A browser that the token was shown from.

    Attributes:
        token: Its digest: a session ends when another token is configured.
    """

    token: bytes
    until: float


@define(eq=False, repr=False)
class Doors:
    """Lets in who may steer.

    Attributes:
        settings: As configured now.
        seconds: The clock.
        random: Returns so many bytes that nobody can guess.
    """

    settings: Callable[[], WebConfig]
    seconds: Callable[[], float]
    random: Callable[[int], bytes]
    _sessions: OrderedDict[bytes, Session] = field(factory=OrderedDict, init=False)
    _failures: OrderedDict[str, deque[float]] = field(factory=OrderedDict, init=False)

    def login(self, asked: Asked) -> Answer:
        """Return a cookie for the token.

        Raises:
            ProblemError: It is not the token, or somebody else's page sent it.
        """
        require_json(asked)
        _require_same_origin(asked)
        shown = _decoded(asked, Login).token
        self._check(shown, asked)
        key = self.random(SESSION_BYTES).hex()
        until = self.seconds() + SESSION
        self._sessions[_digest(key)] = Session(self._token(), until)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return _with_cookie(asked, key, int(SESSION))

    def logout(self, asked: Asked) -> Answer:
        """End the session of whoever asks.

        Raises:
            ProblemError: Somebody else's page asks.
        """
        require_json(asked)
        _require_same_origin(asked)
        if asked.body:
            _decoded(asked, Logout)
        self._sessions.pop(_digest(_cookie_of(asked)), None)
        return _with_cookie(asked, "", 0)

    def session(self, asked: Asked) -> Answer:
        """Return whether anybody may steer, and whether the asking browser may."""
        has_token = self.settings().token is not None
        session = self._session(asked) if has_token else None
        left = None if session is None else round(session.until - self.seconds())
        answer = {
            "actions": has_token,
            "may_act": session is not None,
            "ends_in_s": left,
        }
        return in_json(answer)

    def may_steer(self, asked: Asked) -> bool:
        """Return whether the asking browser has a session."""
        return self.settings().token is not None and self._session(asked) is not None

    def caller(self, asked: Asked) -> Caller:
        """Return who asks for an action.

        Raises:
            ProblemError: Nobody who may steer, or no page of ours.
        """
        if self.settings().token is None:
            raise ProblemError(403, "actions are off: no [proxy.web] token is set")
        kind, _, shown = asked.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            self._check(shown.strip(), asked)
            if asked.body:
                require_json(asked)
        else:
            if _cookie_of(asked):
                _require_same_origin(asked)
            if self._session(asked) is None:
                raise ProblemError(401, "log in, or show the token", CHALLENGE)
            require_json(asked)  # with a body or without: no form can send it
        return Caller(address=asked.address, user=self._user(asked))

    def _check(self, shown: str, asked: Asked) -> None:
        """Refuse what is not the token, and those who guess it."""
        token = self.settings().token
        is_right = token is not None and hmac.compare_digest(
            _digest(shown), self._token()
        )
        # A long token cannot be guessed: who has it is not kept out by those who try.
        if is_right and token is not None and not is_short(token):
            return
        failures = self._recent_failures(asked.address)
        if len(failures) >= MAX_FAILURES:
            left = int(failures[0] + FAILURES_WITHIN - self.seconds()) + 1
            why = f"{MAX_FAILURES} failures within a minute: wait"
            raise ProblemError(429, why, {"retry-after": str(left)})
        if is_right:
            return
        failures.append(self.seconds())
        self._failures[asked.address] = failures
        while len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)
        raise ProblemError(401, "that is not the token", CHALLENGE)

    def _recent_failures(self, address: str) -> deque[float]:
        failures = self._failures.get(address, deque())
        while failures and self.seconds() - failures[0] >= FAILURES_WITHIN:
            failures.popleft()
        return failures

    def _session(self, asked: Asked) -> Session | None:
        """Return the session that a browser has; None: it may not steer."""
        session = self._sessions.get(_digest(_cookie_of(asked)))
        if session is None or session.until <= self.seconds():
            return None
        is_ours = hmac.compare_digest(session.token, self._token())
        return session if is_ours else None

    def _token(self) -> bytes:
        return _digest(self.settings().token or "")

    def _user(self, asked: Asked) -> str:
        """Return the user that a trusted proxy names; empty: none does."""
        user = asked.headers.get("x-forwarded-user", "")
        return user[:MAX_USER_CHARS] if self.is_trusted_proxy(asked.address) else ""

    def is_trusted_proxy(self, address: str) -> bool:
        """Return whether `trusted_proxy` names the address."""
        try:
            number = ip_address(address)
        except ValueError:
            return False
        networks = map(ip_network, self.settings().trusted_proxy)
        return any(number in network for network in networks)


def _decoded(asked: Asked, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(asked.body, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ProblemError(400, f"not a {kind.__name__.lower()}: {error}") from error


def require_json(asked: Asked) -> None:
    """Refuse a body that a form of another site could send, too.

    Raises:
        ProblemError: It is not called JSON.
    """
    kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "Expected content-type: application/json")


def _require_same_origin(asked: Asked) -> None:
    site = asked.headers.get("sec-fetch-site")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        scheme = "https" if asked.is_secure else "http"
        host = asked.headers.get("host", "")
        is_ours = asked.headers.get("origin") == f"{scheme}://{host}"
    if not is_ours:
        raise ProblemError(403, "asked from a page that is not ours")


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogateescape")).digest()


def _cookie_of(asked: Asked) -> str:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(asked.headers.get("cookie", ""))
    except CookieError:
        return ""
    found = jar.get(SECURE_COOKIE if asked.is_secure else COOKIE)
    return "" if found is None else found.value


def _with_cookie(asked: Asked, value: str, age: int) -> Answer:
    name, more = (SECURE_COOKIE, "; Secure") if asked.is_secure else (COOKIE, "")
    cookie = f"{name}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Strict{more}"
    headers = {"cache-control": "no-store", "set-cookie": cookie}
    return Answer(msgspec.json.encode({"ok": True}), headers=headers)
