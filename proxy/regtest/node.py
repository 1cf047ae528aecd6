"""A regtest node in this process: what a bitcoind would be, for demos and tests."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import zmq
from attrs import field, frozen
from twisted.application.service import Service
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from typing_extensions import override

from protocol.units import UnixTime
from proxy.regtest.chain import RegtestChain, open_chain
from proxy.regtest.http import LongPolls, OpenConnections, RpcResource, RpcSite
from proxy.regtest.pace import BlockPace
from proxy.regtest.rpc import RegtestCalls
from proxy.runtime.listener import ListenerService
from proxy.runtime.tasks import Tasks

_HOST = "127.0.0.1"
_COOKIE_BYTES = 32


@frozen
class RegtestOptions:
    """How an embedded node is set up.

    Attributes:
        state_dir: Where the chain is kept; None: nowhere, it goes with the node.
        scratch_dir: For the files of a chain that is not kept; removed at the end.
            None: a temporary one.
        rpc_port: 0 takes a free one.
        zmq_port: 0 takes a free one.
        pace: How often miners shall find a block.
        version: User agent of the node.
    """

    state_dir: Path | None = None
    scratch_dir: Path | None = None
    rpc_port: int = 0
    zmq_port: int = 0
    pace: BlockPace = field(factory=BlockPace)
    version: str = "Baseload regtest"


class RegtestNode(Service):
    """The node: RPC with a cookie, and ZMQ `hashblock`, on the loopback only.

    Attributes:
        on_tip: Told of each new tip's hash, internal order.
    """

    def __init__(
        self,
        options: RegtestOptions,
        reactor: Any,
        wall_clock: Callable[[], UnixTime],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._options = options
        self._reactor = reactor
        self._wall_clock = wall_clock
        self._entropy = entropy
        self._tasks = Tasks()
        self._polls = LongPolls(reactor)
        self._listener: ListenerService | None = None
        self._open = ExitStack()
        self._sequence = 0
        self.on_tip: Callable[[bytes], None] = lambda _tip: None
        self.cookie_file = Path()
        self.rpc_url = ""
        self.zmq_url = ""

    @property
    def chain(self) -> RegtestChain:
        """The chain that is served."""
        return self._chain

    @override
    def startService(self) -> None:
        """Open the chain and ask for the ports.

        `stopService` is to be called even if this fails.

        Raises:
            CannotListenError: The ZMQ port is taken.
            ChainLockedError: The chain's files cannot be opened.
            OSError: Nor made.
        """
        super().startService()
        self._open_publisher()
        directory = self._make_directory()
        self._chain = open_chain(
            directory,
            in_memory=self._options.state_dir is None,
            wall_clock=self._wall_clock,
            on_tip=self._publish,
        )
        self._open.callback(self._chain.close)
        self._listen(self._write_cookie(directory))

    async def ready(self) -> None:
        """Return once calls are answered: `rpc_url` and `zmq_url` are known.

        Raises:
            CannotListenError: The port is taken, or may not be had.
        """
        if self._listener is None:
            raise RuntimeError("the node has not been started")
        port: Any = await self._listener.ready()
        self.rpc_url = f"http://{_HOST}:{port.getHost().port}"

    @override
    async def stopService(self) -> None:
        """Hang up on everyone, close the chain, remove what is not to stay."""
        super().stopService()
        if self._listener is not None:
            await self._listener.stopService()
            self._site.hang_up()
        await self._tasks.cancel_all()
        self._open.close()

    def _open_publisher(self) -> None:
        context = zmq.Context(io_threads=1)
        self._open.callback(context.destroy, linger=0)
        self._publisher = context.socket(zmq.PUB)
        port = self._options.zmq_port
        try:
            self._publisher.bind(f"tcp://{_HOST}:{port or '*'}")
        except zmq.ZMQError as error:
            raise CannotListenError(_HOST, port, error) from error
        self.zmq_url = self._publisher.getsockopt_string(zmq.LAST_ENDPOINT)

    def _make_directory(self) -> Path:
        options = self._options
        if options.state_dir is not None:
            options.state_dir.mkdir(parents=True, exist_ok=True)
            return options.state_dir
        directory = options.scratch_dir or Path(mkdtemp(prefix="baseload-node-"))
        directory.mkdir(parents=True, exist_ok=True)
        self._open.callback(shutil.rmtree, directory, ignore_errors=True)
        return directory

    def _write_cookie(self, directory: Path) -> bytes:
        cookie = b"__cookie__:" + self._entropy(_COOKIE_BYTES).hex().encode()
        self.cookie_file = directory / ".cookie"
        self._open.callback(self.cookie_file.unlink, missing_ok=True)
        self.cookie_file.touch(mode=0o600)
        self.cookie_file.write_bytes(cookie)
        return cookie

    def _listen(self, cookie: bytes) -> None:
        options = self._options
        calls = RegtestCalls(self._chain, options.pace, options.version, self.zmq_url)
        resource = RpcResource(calls, self._polls, cookie, self._tasks)
        self._site = OpenConnections(RpcSite(resource, reactor=self._reactor))
        endpoint = TCP4ServerEndpoint(self._reactor, options.rpc_port, interface=_HOST)
        self._listener = ListenerService(endpoint, self._site)
        self._listener.startService()

    def _publish(self, tip: bytes) -> None:
        """Tell of a new tip as bitcoind does (doc/zmq.md): display order, LE count."""
        parts = (b"hashblock", tip[::-1], self._sequence.to_bytes(4, "little"))
        self._publisher.send_multipart(parts, zmq.NOBLOCK)
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        self._polls.tip_moved()
        self.on_tip(tip)
