"""Tell of all that operators do: who, what, and what that changed."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from attrs import define, field
from msgspec import Raw
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from protocol.units import UnixTime
from proxy.admin.caller import Caller
from proxy.admin.capture import CaptureView
from proxy.admin.refused import Refused
from proxy.admin.rpc import REFUSED, Method, RpcError
from proxy.admin.states import States
from proxy.admin.views import Done, ReloadView
from proxy.runtime.tasks import Tasks

TOPIC = "action"

MAX_TOLD_CHARS = 256
"""Of a text that a client gave, in what is told of it."""

MAX_UNDER_WAY = 256
"""Actions that take their time, at once: four for each client of an admin socket. They
go on when their client is gone, so that the clients bound them no more."""

RECORDED = frozenset(
    {
        *("power.set", "power.clear", "power.forget"),
        *("park", "unpark", "drain", "undrain", "reload"),
    }
)
"""Actions that a site's draw follows from: the controller's log proves them. An order
there says that an operator gave it, and not who."""

FAILED, STOPPED = "failed: see the log", "the proxy stopped before it was done"
"""Why an action may be done in part, or not at all, where no reason was given."""

_json = msgspec.json.encode


class ActionNews(msgspec.Struct):
    """`action`: somebody changed something by admin socket or web, or was refused it.

    Attributes:
        at: Unix seconds.
        uid: Of the process that asked, as the kernel says; so is `pid`.
        what: The method.
        params: As they were given.
        before: What it was about, as it was.
        after: The same as it is now, or what was done.
        refused: Why it was not done; empty if it was.
        address: Of the browser that asked by the web, with the token; else empty.
        user: Who that is, by the word of a trusted proxy; else empty.
    """

    at: float
    uid: int | None
    pid: int | None
    what: str
    params: dict[str, Any]
    before: Any
    after: Any
    refused: str = ""
    address: str = ""
    user: str = ""


@define(eq=False, repr=False)
class Actions:
    """Runs the methods that change something, and tells of each.

    Attributes:
        states: Knows what a method is about.
        publish: Takes news: topic and value.
        wall_clock: Tells the time of day.
        record: Keeps what was done where it can be proved.
        tasks: Actions under way. Each is told of, whoever asked for it hangs up or not.
    """

    _log = Logger()

    states: States
    publish: Callable[[str, Any], None]
    wall_clock: Callable[[], UnixTime]
    record: Callable[[ActionNews], None] = field(default=lambda _: None)
    tasks: Tasks = field(factory=Tasks)

    def run(
        self, caller: Caller, name: str, method: Method, given: Mapping[str, Any]
    ) -> Any:
        """Return what `method` returns for the parameters `given`.

        Raises:
            RpcError: They are not what it takes, or it refuses.
            Refused: It refuses.
        """
        params = method.checked(given)
        if len(self.tasks) >= MAX_UNDER_WAY:
            raise Refused(f"{MAX_UNDER_WAY} actions are under way: try again")
        if params.get("dry_run"):
            return self._outliving(name, method.function(**params))
        news = ActionNews(
            at=self.wall_clock(),
            uid=caller.uid,
            pid=caller.pid,
            what=name,
            params={key: _short(value) for key, value in given.items()},
            before=self.states.of(name, params),
            after=None,
            address=caller.address,
            user=caller.user,
        )
        with self._told_if_not_done(caller, news, params):
            result = method.function(**params)
            if not isinstance(result, Coroutine):
                self._done(caller, news, params, result)
                return result
        return self._outliving(name, self._awaited(caller, news, params, result))

    def _outliving(self, name: str, result: Any) -> Any:
        """Return a coroutine that goes on when whoever awaits it is gone."""
        if not isinstance(result, Coroutine):
            return result
        return self.tasks.outlive(name, result)

    async def _awaited(
        self,
        caller: Caller,
        news: ActionNews,
        params: dict[str, Any],
        result: Coroutine[Any, Any, Any],
    ) -> Any:
        with self._told_if_not_done(caller, news, params):
            found = await result
            self._done(caller, news, params, found)
        return found

    @contextmanager
    def _told_if_not_done(
        self, caller: Caller, news: ActionNews, params: dict[str, Any]
    ) -> Iterator[None]:
        try:
            yield
        except (RpcError, Refused) as error:
            if not isinstance(error, RpcError) or error.code == REFUSED:
                self._refused(caller, news, params, str(error))
            raise  # else it was no such request
        except CancelledError:
            self._refused(caller, news, params, STOPPED)
            raise
        except Exception:
            self._refused(caller, news, params, FAILED)
            raise

    def _done(
        self, caller: Caller, news: ActionNews, params: dict[str, Any], result: Any
    ) -> None:
        after = _told(result)
        if after is None:
            after = self.states.of(news.what, params)
        if after is None and isinstance(result, Done):
            after = result.text
        news.after = after
        self._log.info(
            "{caller}: {what} {params}: {before} -> {after}",
            caller=str(caller),
            what=news.what,
            params=_text(news.params),
            before=_text(news.before),
            after=_text(news.after),
        )
        self.publish(TOPIC, news)
        if news.what in RECORDED:
            self.record(news)

    def _refused(
        self, caller: Caller, news: ActionNews, params: dict[str, Any], why: str
    ) -> None:
        news.refused = why
        news.after = self.states.of(news.what, params)  # it may be done in part
        self._log.info(
            "{caller}: {what} {params}: refused: {why}",
            caller=str(caller),
            what=news.what,
            params=_text(news.params),
            why=why,
        )
        self.publish(TOPIC, news)


def _told(result: Any) -> Any:
    """Return what a result says of the state after it; None: nothing."""
    match result:
        case ReloadView():
            return [change.key for change in result.changes]
        case CaptureView():
            return {"miner": result.miner, "site": result.site}
        case Raw():  # the controller's: what rules now
            said = msgspec.json.decode(result)
            return {key: said.get(key) for key in ("budget_w", "ruled_by")}
    return None


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_TOLD_CHARS:
        return value[:MAX_TOLD_CHARS] + "..."
    return value


def _text(value: Any) -> str:
    return _json(value).decode()
