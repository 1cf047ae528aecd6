"""Keep the freshest template of a node, by three ways that back each other up.

Theory of operation
    ZMQ tells of a tip first, the long poll (BIP 22) brings tips and transactions,
    and asking for the best block every few seconds finds what both have missed.
    Whatever tells first starts one getblocktemplate; what tells while it is under
    way starts one more after it, never two at once.

    A template is *news* if miners would hash something else by it: another tip,
    transactions or target, or the same ones ten minutes later. An answer that
    cannot be read, a node that is still in its initial download, a tip that goes
    back: none ends the loop, each becomes the node's state and its reason, and is
    asked again after a pause that doubles up to `LONGEST_PAUSE`.
"""

from enum import StrEnum
from typing import Any, Protocol

import msgspec
from attrs import define, field
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger, LogLevel
from typing_extensions import override

from protocol.errors import MalformedMessageError, RemoteError
from protocol.units import Seconds
from protocol.unreadable import UNREADABLE
from protocol.work.template import Template, parse_template
from proxy.node.errors import NodeRefusalError
from proxy.node.hashblock import HashBlock
from proxy.node.rpc import RpcClient
from proxy.node.template_news import TemplateNews
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks

POLL_SECONDS = Seconds(2.0)
"""A tip that nobody told of is known after so long."""

FIRST_PAUSE = Seconds(0.5)
LONGEST_PAUSE = Seconds(15.0)
"""Between attempts at a node that does not answer: doubled each time."""

WITHOUT_LONG_POLL = Seconds(5.0)
"""Between templates of a node that offers no long poll."""

LONGEST_POLL = Seconds(900.0)
"""A long poll is asked anew after so long: its connection may be dead."""

POLL_SPACING = Seconds(1.0)
"""From one long poll to the next where the tip is that of before: against a node that
answers at once, or has other transactions all the time. Each is work for everybody."""


_REQUEST = {"rules": ["segwit"]}


class NodeState(StrEnum):
    """How a node is doing; the text is the one in status."""

    UP = "up"
    DOWN = "down"
    SYNCING = "syncing"


class TemplateListener(Protocol):
    """Who wants to know what a node has."""

    def on_template(self, template: Template) -> None:
        """`template` differs from the one before."""

    def on_tip(self, tip: str, at: Seconds) -> None:
        """The node has another tip: its hash, displayed, and when we heard."""

    def on_state(self, state: NodeState, reason: str) -> None:
        """The node's state is another; `reason` is empty while it is up."""


@define
class _Pause:
    """How long to wait before the next attempt."""

    _next: float = field(default=FIRST_PAUSE)

    def take(self) -> Seconds:
        pause, self._next = self._next, min(self._next * 2, LONGEST_PAUSE)
        return Seconds(pause)

    def reset(self) -> None:
        self._next = FIRST_PAUSE


class TemplateFeed(MultiService):
    """Tells a listener of templates, tips and states; never gives up."""

    _log = Logger()

    def __init__(
        self,
        name: str,
        rpc: RpcClient,
        listener: TemplateListener,
        clock: IReactorTime,
        poll: Seconds = POLL_SECONDS,
    ) -> None:
        super().__init__()
        self._name = name
        self._rpc = rpc
        self._listener = listener
        self._clock = clock
        self._tasks = Tasks()
        self._fresh = TemplateNews()
        self._state = NodeState.DOWN
        self._told: tuple[NodeState, str] | None = None
        self._is_following = False
        self._is_fetching = False
        self._is_stale = False
        polling = PeriodicService(poll, self._poll, clock, cancels=True)
        polling.setServiceParent(self)

    @property
    def template(self) -> Template | None:
        """The newest template; None before the first."""
        return self._fresh.template

    @property
    def state(self) -> NodeState:
        """Whether the node answers and has caught up."""
        return self._state

    @override
    def startService(self) -> None:
        """Begin with a template and go on with long polls."""
        super().startService()
        self._begin_to_follow()

    @override
    async def stopService(self) -> None:
        """Let go of the calls that are under way."""
        stopped = super().stopService()  # first: no loop begins another round
        await self._tasks.cancel_all()
        await stopped

    def block_heard(self, block: HashBlock) -> None:
        """ZMQ told of a tip: ask for its template."""
        self._hear_of(block.tip)

    def refresh(self) -> None:
        """Ask for a template now, or once more after the one being asked for."""
        # Also while one is under way: that one may have been answered before the tip
        # moved.
        self._is_stale = True
        if not self._is_fetching:
            self._tasks.start(f"template of {self._name}", self._fetch_until_fresh())

    def _begin_to_follow(self) -> None:
        """Start the long polls, unless they go on: a failure of ours ends them."""
        if not self._is_following:
            self._is_following = True
            self._tasks.start(f"templates of {self._name}", self._follow())

    async def _follow(self) -> None:
        """Long poll for ever."""
        pause = _Pause()
        try:
            while self.running:
                await self._follow_once(pause)
        finally:
            self._is_following = False

    async def _follow_once(self, pause: _Pause) -> None:
        """Long poll until the node fails, then wait."""
        try:
            # First a plain call: a long poll without an id is none.
            await self._fetch()
            pause.reset()
            while self.running:
                await self._long_poll()
        except RemoteError as error:
            self._failed(error)
            await deferLater(self._clock, pause.take())

    async def _long_poll(self) -> None:
        current = self._fresh.template
        if current is None or not current.longpoll_id:
            await deferLater(self._clock, WITHOUT_LONG_POLL)
            await self._fetch()
            return
        request = _REQUEST | {"longpollid": current.longpoll_id}
        call = self._rpc.call_without_deadline("getblocktemplate", request)
        asked_at = self._clock.seconds()
        poll = Deferred.fromCoroutine(call)
        try:
            result = await poll.addTimeout(LONGEST_POLL, self._clock)
        except DeadlineError:  # perhaps nobody is there any more: ask anew
            await self._fetch()
            return
        template = parse_template(result)
        self._take(template)
        pause = asked_at + POLL_SPACING - self._clock.seconds()
        # A new tip is never held up.
        if template.tip == current.tip and pause > 0:
            await deferLater(self._clock, pause)

    async def _fetch_until_fresh(self) -> None:
        """One call at a time, however many ask for one."""
        self._is_fetching = True
        try:
            while self._is_stale:
                self._is_stale = False
                await self._fetch()
        except RemoteError as error:
            self._failed(error)
        finally:
            self._is_fetching = False

    async def _fetch(self) -> None:
        self._take(parse_template(await self._rpc.call("getblocktemplate", _REQUEST)))

    async def _poll(self) -> None:
        """The net under ZMQ and long poll."""
        try:
            tip = _text(await self._rpc.call("getbestblockhash"))
        except RemoteError as error:
            self._failed(error)
            return
        self._begin_to_follow()
        self._hear_of(tip)
        # getbestblockhash answers in the initial download, too: only a template proves
        # that it is over.
        if self._state is not NodeState.UP:
            self.refresh()

    def _hear_of(self, tip: str) -> None:
        current = self._fresh.template
        self._note_tip(tip)
        if current is None or current.tip != tip:
            self.refresh()

    def _note_tip(self, tip: str) -> None:
        if tip != self._fresh.tip:
            self._fresh.tip = tip
            self._listener.on_tip(tip, Seconds(self._clock.seconds()))

    def _take(self, template: Template) -> None:
        """Keep `template`, and tell of it if it is news."""
        self._become(NodeState.UP, "")
        # The tip before its template: who waits for both sees them in order.
        self._note_tip(template.tip)
        if self._fresh.take(template):
            self._listener.on_template(template)

    def _failed(self, error: RemoteError) -> None:
        is_syncing = isinstance(error, NodeRefusalError) and error.is_syncing
        state = NodeState.SYNCING if is_syncing else NodeState.DOWN
        self._become(state, str(error))

    def _become(self, state: NodeState, reason: str) -> None:
        # Up again is no news; down again may have another reason.
        if state is self._state and state is NodeState.UP:
            return
        self._tell(state, reason)
        self._state = state
        self._listener.on_state(state, reason)

    def _tell(self, state: NodeState, reason: str) -> None:
        """Log how it is where that is news: at the start, and at each change."""
        _, _, of_call = reason.partition(": ")  # whichever call it was of
        cause = (of_call or reason) if state is NodeState.DOWN else ""
        if (state, cause) == self._told:
            return
        self._told = state, cause
        self._log.emit(
            LogLevel.info if state is NodeState.UP else LogLevel.warn,
            "node {name} is {state}{reason}",
            name=self._name,
            state=state,
            reason=f": {reason}" if reason else "",
        )


def _text(result: msgspec.Raw) -> str:
    try:
        text: str = _texts.decode(result)
    except UNREADABLE as error:
        raise MalformedMessageError(f"best block hash: {error}") from error
    return text


_texts: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder(str)
