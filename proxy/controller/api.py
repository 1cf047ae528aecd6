"""What is asked of the controller, answered: no request is worth the controller."""

from collections.abc import Callable, Mapping
from inspect import isawaitable, signature
from typing import Any, Protocol

import msgspec
from attrs import define, field
from msgspec import Raw
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from protocol.unreadable import UNREADABLE
from proxy.config import Config
from proxy.controller.answers import AskError, LeaveResult
from proxy.controller.cluster_api import leave_cluster, no_cluster_here
from proxy.controller.cluster_part import ClusterPart
from proxy.controller.control_loop import SiteLoop
from proxy.controller.log_api import LogApi, LogHolder, Run
from proxy.controller.power_api import PowerApi
from proxy.power.journal.store import Store, StoreError
from proxy.power.link.messages import MAX_LINE_BYTES, Ask, AskAnswer
from proxy.power.link.setup import config_from
from proxy.runtime.awaiting import failures_logged

MAX_ANSWER_BYTES = MAX_LINE_BYTES - 1000
"""A longer one would cost the link, and the controller with it."""


class SetupTaker(Protocol):
    """Whoever has the sites under control."""

    def check(self, config: Config) -> None:
        """Look whether `take_on` can be done; nothing is.

        Raises:
            ValueError, ImportError, OSError: It cannot.
        """

    async def take_on(self, config: Config) -> None:
        """Hold the sites to their budgets as `config` says from now on."""


@define(eq=False, repr=False)
class ControllerApi:
    """Answers for all sites."""

    _log = Logger()

    loops: Mapping[str, SiteLoop]
    store: Store
    now: Callable[[], Seconds]
    wall_clock: Callable[[], UnixTime]
    run: Run
    setups: SetupTaker
    logs: LogHolder
    cluster: Callable[[], ClusterPart | None] = no_cluster_here
    _methods: Mapping[str, Callable[..., Any]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        power = PowerApi(self.loops, self.now, self.wall_clock, self.cluster)
        log = LogApi(self.store, self.run, self.logs, power.check_site)
        self._methods = {
            "power.show": power.show,
            "power.set": power.set,
            "power.clear": power.clear,
            "power.forget": power.forget,
            "power.plan": power.plan,
            "power.machines": power.machines,
            "power.cells": power.cells,
            "power.document": power.document,
            "power.documents": power.documents,
            "power.history": log.history,
            "log.status": log.status,
            "log.new_generation": log.new_generation,
            "action.note": self.note_action,
            "cluster.status": self.cluster_status,
            "cluster.leave": self.cluster_leave,
            "setup.check": self.check_setup,
            "setup.take": self.take_setup,
        }

    async def answer(self, ask: Ask) -> AskAnswer:
        """Return the answer to a request; what fails is refused, and logged."""
        refusal = f"{ask.method} failed: see the log of the proxy"
        with failures_logged(self._log, "{method} failed", method=ask.method):
            try:
                result = msgspec.json.encode(await self._result(ask))
                if len(result) <= MAX_ANSWER_BYTES:
                    return AskAnswer(ask.id, Raw(result))
                refusal = f"answer of {len(result)} B > {MAX_ANSWER_BYTES} B"
            except (AskError, StoreError) as error:
                refusal = str(error)
        return AskAnswer(ask.id, Raw(b"null"), refusal)

    async def _result(self, ask: Ask) -> Any:
        try:
            method = self._methods[ask.method]
            signature(method).bind(**ask.params)
        except (KeyError, TypeError) as error:
            raise AskError(f"no method {ask.method!r} like this") from error
        found = method(**ask.params)
        return await found if isawaitable(found) else found

    def note_action(self, site: str | None, who: str, action: dict[str, Any]) -> None:
        """Put into the log who did what to a site, or to all, by the admin socket."""
        for name, loop in self.loops.items():
            if site in {None, name}:
                loop.note_action(f"{who}: {action.get('what')}", action)

    def check_setup(self, config: dict[str, Any]) -> None:
        """Look whether another configuration can be taken on."""
        try:
            self.setups.check(config_from(config))
        except (*UNREADABLE, ValueError, ImportError, OSError) as error:
            raise AskError(str(error)) from error

    async def take_setup(self, config: dict[str, Any]) -> None:
        """Take on another configuration: sites whose power it changes begin anew."""
        await self.setups.take_on(config_from(config))

    def cluster_status(self) -> Any:
        """Return the sites that this proxy has halls of."""
        return self._our_cluster().views()

    async def cluster_leave(self, member: str) -> LeaveResult:
        """Forget a member that is known to be off."""
        return await leave_cluster(self._our_cluster(), member)

    def _our_cluster(self) -> ClusterPart:
        cluster = self.cluster()
        if cluster is None:
            raise AskError("this proxy is in no cluster: see [cluster]")
        return cluster
