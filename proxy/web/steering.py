"""What `POST /api/v1/...` does: the steering methods of the admin socket."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from attrs import frozen
from msgspec import Raw

from proxy.admin.actions import Actions
from proxy.admin.operations import Operations
from proxy.admin.rpc import Method
from proxy.web.answers import Answer, ProblemError, in_json
from proxy.web.asked import Asked
from proxy.web.doors import Doors
from proxy.web.routes import Handler, Routes

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@frozen(eq=False)
class Steering:
    """The half of the API that changes something; each call is an event."""

    operations: Operations
    actions: Actions
    doors: Doors

    def add_to(self, routes: Routes) -> None:
        """Answer the paths."""
        does = self.operations
        for method, path, name, function, named in (
            ("POST", "sites/{site}/power", "power.set", does.power.set, "site"),
            ("DELETE", "sites/{site}/power", "power.clear", does.power.clear, "site"),
            ("POST", "miners/{id}/park", "park", does.park, "machines"),
            ("POST", "miners/{id}/unpark", "unpark", does.unpark, "machines"),
            ("POST", "miners/{id}/kick", "kick", does.kick, "miner"),
            ("POST", "reload", "reload", does.reload, ""),
            ("POST", "drain", "drain", does.drain, ""),
            ("POST", "undrain", "undrain", does.undrain, ""),
        ):
            handler = self._handler(name, function, named)
            routes.add(method, f"/api/v1/{path}", handler)
        routes.add("POST", "/login", self.doors.login)
        routes.add("POST", "/logout", self.doors.logout)
        routes.add("GET", "/api/v1/session", self.doors.session)

    def _handler(self, name: str, function: Callable[..., Any], named: str) -> Handler:
        method = Method.of(function)

        async def handle(asked: Asked) -> Answer:
            caller = self.doors.caller(asked)
            params = _params(asked)
            if named:
                params[named] = next(iter(asked.names.values()))
            result = self.actions.run(caller, name, method, params)
            if isinstance(result, Coroutine):
                result = await result
            if isinstance(result, Raw):
                return Answer(bytes(result), headers={"cache-control": "no-store"})
            return in_json(result)

        return handle


def _params(asked: Asked) -> dict[str, Any]:
    if not asked.body:
        return {}
    try:
        return _decode(asked.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ProblemError(400, f"Expected a JSON object: {error}") from error
