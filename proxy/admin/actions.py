"""Tell of all that operators do: who, what, and what that changed."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec
from attrs import define
from msgspec import Raw
from twisted.logger import Logger

from protocol.units import UnixTime
from proxy.admin.caller import Caller
from proxy.admin.refused import Refused
from proxy.admin.rpc import REFUSED, Method, RpcError
from proxy.admin.states import States
from proxy.admin.views import Done, ReloadView

TOPIC = "action"

MAX_TOLD_CHARS = 256
"""Of a text that a client gave, in what is told of it."""

_json = msgspec.json.encode


class ActionNews(msgspec.Struct):
    """`action`: somebody changed something by the admin socket, or was refused it.

    Attributes:
        at: Unix seconds.
        uid: Of the process that asked, as the kernel says; so is `pid`.
        what: The method.
        params: As they were given.
        before: What it was about, as it was.
        after: The same as it is now, or what was done.
        refused: Why nothing was done; empty if it was.
    """

    at: float
    uid: int | None
    pid: int | None
    what: str
    params: dict[str, Any]
    before: Any
    after: Any
    refused: str = ""


@define(eq=False, repr=False)
class Actions:
    """Runs the methods that change something, and tells of each.

    Attributes:
        states: Knows what a method is about.
        publish: Takes news: topic and value.
        wall_clock: Tells the time of day.
    """

    _log = Logger()

    states: States
    publish: Callable[[str, Any], None]
    wall_clock: Callable[[], UnixTime]

    def run(
        self, caller: Caller, name: str, method: Method, given: Mapping[str, Any]
    ) -> Any:
        """Return what `method` returns for the parameters `given`.

        Raises:
            RpcError: They are not what it takes, or it refuses.
            Refused: It refuses.
        """
        params = method.checked(given)
        if params.get("dry_run"):
            return method.function(**params)
        news = ActionNews(
            at=self.wall_clock(),
            uid=caller.uid,
            pid=caller.pid,
            what=name,
            params={key: _short(value) for key, value in given.items()},
            before=self.states.of(name, params),
            after=None,
        )
        try:
            result = method.function(**params)
        except (RpcError, Refused) as error:
            self._refused(caller, news, error)
            raise
        if isinstance(result, Coroutine):
            return self._awaited(caller, news, params, result)
        self._done(caller, news, params, result)
        return result

    async def _awaited(
        self,
        caller: Caller,
        news: ActionNews,
        params: dict[str, Any],
        result: Coroutine[Any, Any, Any],
    ) -> Any:
        try:
            found = await result
        except (RpcError, Refused) as error:
            self._refused(caller, news, error)
            raise
        self._done(caller, news, params, found)
        return found

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

    def _refused(self, caller: Caller, news: ActionNews, error: Exception) -> None:
        if isinstance(error, RpcError) and error.code != REFUSED:
            return  # it was no such request
        news.refused, news.after = str(error), news.before
        self._log.info(
            "{caller}: {what} {params}: refused: {why}",
            caller=str(caller),
            what=news.what,
            params=_text(news.params),
            why=news.refused,
        )
        self.publish(TOPIC, news)


def _told(result: Any) -> Any:
    """Return what a result says of the state after it; None: nothing."""
    match result:
        case ReloadView():
            return [change.key for change in result.changes]
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
