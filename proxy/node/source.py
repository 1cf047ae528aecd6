"""A node as a source: its templates are work, its blocks are submitted everywhere."""

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec
from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.bitcoin.network import Network
from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.job import Work
from protocol.work.share import JudgedShare
from protocol.work.template import Template
from proxy.jobs.feed import Feed, FeedListener
from proxy.node.block_files import BlockFiles
from proxy.node.clock import NodeTime
from proxy.node.proposal import NOT_BEST_TIP, trial_block
from proxy.node.service import NodeService
from proxy.node.submitter import BlockAnswer, BlockSubmitter, BlockVerdict, SubmitTarget
from proxy.node.template_feed import NodeState
from proxy.node.template_work import PREFIX_BYTES, TemplateWorks, rules_for

NUMBERING_BYTES = 2
"""Of a coinbase's free bytes: a generation and 224 groups of proxies."""


@define(eq=False, repr=False)
class NodeSource:
    """Makes work of a node's templates, and blocks of the shares that are some.

    Attributes:
        name: The node's.
        payout_address: Whom its blocks pay; empty: it is no source of work.
        min_block_difficulty: Regtest only: a share from here on is a block.
        files: Where its blocks are kept until they are answered.
        prefixes: By site: what tells its coinbases from all others' on this node.
        listeners: Boards by site: whom new work goes to.
        settle: Told what became of a block sent on.
    """

    _log = Logger()

    name: str
    payout_address: str
    min_block_difficulty: Difficulty
    clock: IReactorTime
    next_session: Callable[[], int]
    wall_clock: Callable[[], UnixTime]
    prefixes: Mapping[str, bytes]
    files: BlockFiles
    listeners: dict[str, FeedListener] = field(factory=dict, init=False)
    settle: Callable[[int, str, str], None] = field(init=False)
    submitter: BlockSubmitter = field(init=False)
    _refusal: str = field(default="", init=False)
    _time: NodeTime | None = field(default=None, init=False)
    _work: Work | None = field(default=None, init=False)
    _room: int | None = field(default=None, init=False)
    _reason: str = field(default="not connected yet", init=False)
    _works: TemplateWorks | None = field(default=None, init=False)
    _network: Network | None = field(default=None, init=False)
    _is_tried: bool = field(default=False, init=False)
    _session: int = field(default=0, init=False)
    _feeds: dict[str, Feed] = field(factory=dict, init=False)
    _tokens: dict[str, int] = field(factory=dict, init=False)
    _own_answers: dict[str, BlockAnswer] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.submitter = BlockSubmitter((), self.files, self.answered, self.clock)

    @property
    def unusable(self) -> str:
        """Why no work is taken from it though it may be up; else empty."""
        if self._refusal or self._time is None:
            return self._refusal
        return self._time.fault(Seconds(self.clock.seconds()), self.wall_clock())

    @property
    def doubt(self) -> str:
        """Empty: it is sent blocks alone, too few to judge it by."""
        return ""

    @property
    def room(self) -> int | None:
        """Bytes after a site's prefix; None before there was a template."""
        return self._room

    @property
    def numbering_bytes(self) -> int:
        """Two, for all groups of a site are served by one coinbase."""
        return NUMBERING_BYTES

    def takes_identity(self) -> bool:
        """A node pays one address, whoever hashes."""
        return False

    def open(self, site: str, identity: str, number: int) -> Feed:
        """Return the feed of a site: one serves all its search spaces.

        It has the work there is: the node's next template may be minutes away.
        """
        del identity, number
        if site not in self._feeds:
            now = Seconds(self.clock.seconds())
            work = self._work_of(site)
            self._feeds[site] = Feed(self.name, work, self._reason, now)
        return self._feeds[site]

    def close(self, site: str, identity: str, number: int) -> None:
        """Do nothing: a node is listened to in any case."""

    def forward(self, share: JudgedShare, token: int) -> bool:
        """Submit the block that `share` is; False if its template is gone."""
        block = self._works.block_of(share) if self._works else None
        if block is None:
            return False
        # Before it is submitted: the first answer may come within the call.
        self._tokens[block.hash] = token
        if self.submitter.submit(block):
            return True
        del self._tokens[block.hash]
        return False

    def template_arrived(self, node: NodeService, template: Template) -> None:
        """Post new work to every site."""
        works = self._works_for(node)
        if works is None:
            return
        try:
            work = works.add(template, self._session)
        except ValueError as error:
            self._refuse(f"payout: {error}")
            return
        self._note_time(template)
        if not self._is_tried:
            self._try(node, trial_block(template, work))
        # a node pays for blocks alone
        # So only blocks are passed on, and no row is written for a share that nobody
        # pays.
        work = msgspec.structs.replace(work, target=work.block_target)
        self._work = work
        self._room_is(work.extranonce2_size - PREFIX_BYTES)
        # A copy: a board may open another site's feed meanwhile.
        for site, feed in list(self._feeds.items()):
            if feed.work is None:
                feed.ready_since = Seconds(self.clock.seconds())
            feed.work = self._work_of(site)
            self.listeners[site].work_arrived(feed)

    def _room_is(self, room: int) -> None:
        if room == self._room:
            return
        self._room = room
        for listener in self.listeners.values():
            listener.room_known()

    def tip_arrived(self, node: NodeService, tip: str, at: Seconds) -> None:
        """Wait: the template on the new tip follows."""

    def state_changed(self, node: NodeService) -> None:
        """Take the work away while the node is not up."""
        # A template that came before the network was known, or that is the one of
        # before, is no news of the feed's any more: it is posted from here.
        if node.state is NodeState.UP:
            if node.template is not None:
                self.template_arrived(node, node.template)
            return
        self._work, self._reason = None, node.reason
        for site, feed in list(self._feeds.items()):
            feed.reason = node.reason
            if feed.work is not None:
                feed.work = None
                # 0: blocks are submitted wherever nodes are reachable, so no session is
                # lost.
                self.listeners[site].feed_lost(feed, 0)

    def answered(self, answer: BlockAnswer) -> None:
        """Take note of what a node said to a block.

        The first good word counts. Of bad ones the own node's does, once all have
        spoken: another may know of no rival tip, and take the block.
        """
        token = self._tokens.get(answer.block)
        if token is None:
            return
        if answer.node == self.name:
            self._own_answers[answer.block] = answer
        if not (answer.verdict.is_good or answer.is_last):
            return
        del self._tokens[answer.block]
        own = self._own_answers.pop(answer.block, answer)
        if answer.verdict.is_good:
            self.settle(token, "accepted", "")
        elif own.verdict is BlockVerdict.LOST:
            self.settle(token, "lost", own.reason)
        else:
            self.settle(token, "rejected", own.reason)

    def _work_of(self, site: str) -> Work | None:
        """Return the newest work as `site` hashes it, beside all others."""
        if self._work is None:
            return None
        prefix = self.prefixes[site]
        size = self._work.extranonce2_size - len(prefix)
        return msgspec.structs.replace(
            self._work, extranonce1=prefix, extranonce2_size=size
        )

    def _works_for(self, node: NodeService) -> TemplateWorks | None:
        """Return the maker of work; None where the node's network allows none."""
        if not self.payout_address or node.network is None:
            return None
        # While it was down another chain may have been put there: its address rules
        # differ.
        if node.network is not self._network:
            self._network = node.network
            self._works = self._begin(node, node.network)
        return self._works

    def _begin(self, node: NodeService, network: Network) -> TemplateWorks | None:
        """Return the maker of work for `network`: a new session."""
        if node.fault:
            self._refuse(node.fault)
            return None
        try:
            rules = rules_for(network, self.payout_address, self.min_block_difficulty)
        except ValueError as error:
            self._refuse(str(error))
            return None
        self._refusal, self._is_tried = "", False
        self._session = self.next_session()
        return TemplateWorks(self.name, rules)

    def _note_time(self, template: Template) -> None:
        was_fine = not self.unusable
        self._time = NodeTime(template.curtime, Seconds(self.clock.seconds()))
        if was_fine and self.unusable:
            self._tell(self.unusable)

    def _refuse(self, why: str) -> None:
        if why != self._refusal:
            self._tell(why)
        self._refusal = why

    def _tell(self, why: str) -> None:
        self._log.error("node {node} is not mined on: {why}", node=self.name, why=why)

    def _try(self, node: NodeService, block: bytes) -> None:
        """Ask the node what it would say to our blocks, until it has said so once."""

        def tried(verdict: str | None) -> None:
            if verdict == NOT_BEST_TIP:
                return  # its tip moved meanwhile: the next template tells
            self._is_tried = verdict is None
            if verdict is None:
                self._refusal = ""
            else:
                self._refuse(f"it would refuse our blocks: {verdict}")

        node.try_block(block, tried)


def join(sources: Iterable[NodeSource], nodes: Collection[NodeService]) -> None:
    """Have every source submit its blocks to all the nodes, its own last."""
    for source in sources:
        # False sorts before True: its own node is asked last.
        source.submitter.targets = sorted(
            (node.submit_target for node in nodes), key=_last(source.name)
        )


def _last(name: str) -> Callable[[SubmitTarget], bool]:
    return lambda target: target.name == name
