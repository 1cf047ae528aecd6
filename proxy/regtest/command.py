"""`baseload regtest`: the embedded node as a process of its own."""

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import msgspec
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError

from protocol.units import HashesPerSecond, Seconds, UnixTime
from proxy.regtest.kernel import ChainLockedError
from proxy.regtest.node import RegtestNode, RegtestOptions
from proxy.regtest.pace import BlockPace


@frozen
class CommandOptions:
    """What `baseload regtest` was asked for."""

    node: RegtestOptions
    json: bool


class Ready(msgspec.Struct, tag="ready", tag_field="event"):
    """The first line of `--json`: where the node is."""

    rpc: str
    cookie_file: str
    zmq_hashblock: str
    height: int


class Block(msgspec.Struct, tag="block", tag_field="event"):
    """A new tip."""

    height: int
    hash: str


class Summary(msgspec.Struct, tag="summary", tag_field="event"):
    """The last line."""

    height: int
    blocks: int


def options_from(parsed: Namespace) -> CommandOptions:
    """Return the options that the command line declared."""
    pace = BlockPace(
        Seconds(parsed.block_every or 0.0), HashesPerSecond(parsed.hashrate or 0.0)
    )
    node = RegtestOptions(
        state_dir=parsed.state_dir,
        rpc_port=parsed.rpc_port,
        zmq_port=parsed.zmq_port,
        pace=pace,
    )
    return CommandOptions(node, parsed.json)


async def run_regtest(
    reactor: Any,
    options: CommandOptions,
    wall_clock: Callable[[], UnixTime],
    entropy: Callable[[int], bytes],
) -> None:
    """Run the node until this is cancelled; exit status 1 if it cannot start."""
    node = RegtestNode(options.node, reactor, wall_clock, entropy)
    try:
        node.startService()
        await node.ready()
        await _serve(node, as_json=options.json)
    except (CannotListenError, ChainLockedError) as error:
        sys.stderr.write(f"baseload: {error}\n")
        raise SystemExit(1) from error
    except BrokenPipeError as error:
        raise SystemExit(1) from error
    finally:
        await node.stopService()


async def _serve(node: RegtestNode, *, as_json: bool) -> None:
    report = _Report(node, as_json=as_json)
    node.on_tip = report.block
    try:
        await Deferred()
    except CancelledError:
        report.end()


class _Report:
    """Says on standard output what happens."""

    def __init__(self, node: RegtestNode, *, as_json: bool) -> None:
        self._node = node
        self._as_json = as_json
        self._blocks = 0
        height = node.chain.kernel.height
        ready = Ready(node.rpc_url, str(node.cookie_file), node.zmq_url, height)
        self._say(ready, _snippet(ready))

    def block(self, tip: bytes) -> None:
        """Tell of a new tip."""
        self._blocks += 1
        block = Block(self._node.chain.kernel.height, tip[::-1].hex())
        self._say(block, f"height {block.height}: {block.hash}")

    def end(self) -> None:
        """Tell what became of it."""
        summary = Summary(self._node.chain.kernel.height, self._blocks)
        text = f"stopped at height {summary.height}, {summary.blocks} new blocks"
        self._say(summary, text)

    def _say(self, event: msgspec.Struct, text: str) -> None:
        line = msgspec.json.encode(event).decode() if self._as_json else text
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _snippet(ready: Ready) -> str:
    """Return what the configuration of a proxy needs to name the node."""
    return (
        f"# regtest at height {ready.height}; Ctrl-C ends it. In a configuration:\n"
        "[[nodes]]\n"
        'name = "regtest"\n'
        f'rpc = "{ready.rpc}"\n'
        f'cookie_file = "{ready.cookie_file}"\n'
        f'zmq_hashblock = "{ready.zmq_hashblock}"\n'
    )
