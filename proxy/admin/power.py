"""What is shown and asked of the site controller: the `power.*` methods."""

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, Raw

from protocol.units import Seconds
from proxy.admin.rpc import REFUSED, RpcError
from proxy.supervisor.child_link import ControllerLink
from proxy.supervisor.questions import ANSWER_WITHIN, AskRefusedError

SiteName = Annotated[str, Meta(max_length=64)]
PowerInWatts = Annotated[float, Meta(ge=0, le=1e12)]
Duration = Annotated[float, Meta(gt=0, le=1e9)]
Text = Annotated[str, Meta(max_length=256)]

Envelope = dict[str, Any]
"""As of `POST /v1/documents`: document, signatures."""

CHECK_WITHIN = Seconds(120.0)
"""Of a whole log of 5,000,000 events."""


class PowerOperations:
    """What may be asked of the controller; None: no site has power settings."""

    def __init__(self, link: Callable[[], ControllerLink | None]) -> None:
        self._link = link

    async def show(self, site: SiteName | None = None) -> Raw:
        """Return what rules the power of a site, or of all."""
        return await self._ask("power.show", site=site)

    async def set(
        self,
        site: SiteName,
        watts: PowerInWatts,
        for_s: Duration | None = None,
        reason: Text = "",
    ) -> Raw:
        """Order a site to keep to a power, for a time or until it is cleared."""
        asked: dict[str, Any] = {
            "site": site,
            "watts": watts,
            "for_s": for_s,
            "reason": reason,
        }
        return await self._ask("power.set", **asked)

    async def clear(self, site: SiteName) -> Raw:
        """Take back what operators have ordered."""
        return await self._ask("power.clear", site=site)

    async def forget(self, site: SiteName, machines: Text) -> Raw:
        """Count no more watts for absent machines that are known to be off."""
        return await self._ask("power.forget", site=site, machines=machines)

    async def plan(self, site: SiteName, watts: PowerInWatts | None = None) -> Raw:
        """Return what would be done under a budget; nothing is.

        Without `watts`: under what would rule once operators' orders are cleared.
        """
        return await self._ask("power.plan", site=site, watts=watts)

    async def machines(
        self,
        site: SiteName,
        filter: Text = "*",  # noqa: A002  (a parameter on the wire)
        page: Annotated[int, Meta(ge=0)] = 0,
    ) -> Raw:
        """Return a page of a site's machines, 1,000 of them."""
        return await self._ask("power.machines", site=site, filter=filter, page=page)

    async def cells(self, site: str, what: str, page: int) -> Raw:
        """Return a page of what a map shows of each connection: see `views.cells`."""
        return await self._ask("power.cells", site=site, what=what, page=page)

    async def document(self, site: SiteName, envelope: Envelope) -> Raw:
        """Hand in a document that parties have signed."""
        return await self._ask("power.document", site=site, envelope=envelope)

    async def documents(self, site: SiteName | None = None) -> Raw:
        """Return what signed documents make of a site, or of all that have them."""
        return await self._ask("power.documents", site=site)

    async def history(
        self,
        site: SiteName | None = None,
        limit: Annotated[int, Meta(ge=1, le=1000)] = 50,
        before: int | None = None,
        check: bool = False,  # noqa: FBT001, FBT002  (a parameter on the wire)
    ) -> Raw:
        """Return events, the newest first, and whether the log is whole."""
        asked = {"site": site, "limit": limit, "before": before, "check": check}
        within = CHECK_WITHIN if check else ANSWER_WITHIN
        return await self._ask("power.history", within, **asked)

    async def _ask(
        self, method: str, within: Seconds = ANSWER_WITHIN, **params: Any
    ) -> Raw:
        return await ask_controller(self._link(), method, within, **params)


async def ask_controller(
    link: ControllerLink | None,
    method: str,
    within: Seconds = ANSWER_WITHIN,
    **params: Any,
) -> Raw:
    """Return the controller's answer, JSON.

    Raises:
        RpcError: It refuses, is not there, or does not answer in time.
    """
    if link is None:
        raise RpcError(REFUSED, "no site has power settings: see [sites.power]")
    try:
        return await link.ask(method, params, within)
    except AskRefusedError as error:
        raise RpcError(REFUSED, str(error)) from error


SHOWN = (
    "budget_w",
    "cap_hs",
    "power_w",
    "power_source",
    "state",
    "ruled_by",
    "alarms",
)
"""Power fields of a site in `status`."""


def power_of(link: ControllerLink | None, site: str) -> dict[str, Any]:
    """Return the power fields of a site: null without power settings.

    Where the controller has not spoken, the site is on its way to the fail-safe.
    """
    if link is None or site not in link.sites:
        return dict.fromkeys(SHOWN)
    told = link.figures.get(site)
    if told is not None:
        return {name: getattr(told, name) for name in SHOWN}
    return dict.fromkeys(SHOWN) | {
        "budget_w": link.fail_safe_w(site),
        "state": "failsafe",
        "ruled_by": "fail-safe: nothing heard from the site controller",
        "alarms": [],
    }
