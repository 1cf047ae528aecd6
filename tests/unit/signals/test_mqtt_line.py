"""A broker that sends more than a packet may be is hung up on, whenever it does."""

import asyncio
import contextlib
from typing import Any

import pytest

from proxy.signals.mqtt_client import Broker, Topics
from proxy.signals.mqtt_line import MqttLine

pytest.importorskip("aiomqtt")

MIB = 1 << 20
HUGE, LENGTH = 64 * MIB, b"\x80\x80\x80\x20"
"""More than the sockets of both ends hold, and how MQTT writes it."""


class Ear:
    """Hears nothing."""

    def came(self) -> None:
        """See `Ear`."""

    def heard(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """See `Ear`."""


def test_a_packet_instead_of_the_first_answer_is_not_read() -> None:
    assert asyncio.run(_read_of_a_huge_packet()) < HUGE


async def _read_of_a_huge_packet() -> int:
    """Return how much of a packet a broker got rid of before any CONNACK."""
    told = asyncio.get_running_loop().create_future()

    async def broker(reader: Any, writer: Any) -> None:
        sent = 0
        with contextlib.suppress(ConnectionError):
            await reader.read(100)
            writer.write(b"\x30" + LENGTH)
            while sent < HUGE:
                writer.write(bytes(MIB))
                await writer.drain()
                sent += MIB
        writer.close()
        if not told.done():
            told.set_result(sent)

    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    topics = Topics("b/s", (("b/s/order", "order"),))
    line = MqttLine(asyncio.get_running_loop(), Broker("127.0.0.1", port), topics)
    line.start(Ear())
    try:
        return await asyncio.wait_for(told, 60.0)
    finally:
        assert line._task is not None
        line._task.cancel()
        server.close()
