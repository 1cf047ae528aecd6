"""Have the controller keep in its log who did what to a site's power."""

from collections.abc import Callable

import msgspec
from attrs import frozen
from twisted.logger import Logger

from proxy.admin.actions import ActionNews
from proxy.admin.caller import Caller
from proxy.runtime.tasks import Tasks
from proxy.supervisor.child_link import ControllerLink
from proxy.supervisor.questions import AskRefusedError


@frozen
class ActionRecord:
    """Sends actions to the controller, whose log is a chain of hashes.

    Attributes:
        link: Returns the controller; None: no site has power settings.
        tasks: What is under way.
    """

    _log = Logger()

    link: Callable[[], ControllerLink | None]
    tasks: Tasks

    def keep(self, news: ActionNews) -> None:
        """Have an action kept; where that cannot be, the log says so."""
        link = self.link()
        if link is not None:
            self.tasks.start("keep an action", self._keep(link, news))

    async def _keep(self, link: ControllerLink, news: ActionNews) -> None:
        who = str(Caller(news.uid, news.pid, news.address, news.user))
        action = msgspec.to_builtins(news)
        asked = {"site": news.params.get("site"), "who": who, "action": action}
        try:
            await link.ask("action.note", asked)
        except AskRefusedError as error:
            self._log.warn(
                "{what} by {who} is not in the controller's log: {error}",
                what=news.what,
                who=who,
                error=error,
            )
