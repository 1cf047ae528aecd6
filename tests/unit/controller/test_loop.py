"""What the loop of a site tells the share process."""

from pathlib import Path

import msgspec

from proxy.controller.effect_runner import MAX_TOLD
from proxy.power.link.messages import MAX_LINE_BYTES, ParkMiners
from tests.fakes.power_site import connected


def test_a_site_of_any_size_is_parked_in_messages_that_the_link_takes(
    tmp_path: Path,
) -> None:
    site = connected(tmp_path / "controller.sqlite3", count=1)
    site.sent.clear()
    miners = list(range(10**8, 10**8 + 2 * MAX_TOLD + 1))

    site.loop.control.outbox.effects.park.extend(miners)
    site.loop._runner.flush()

    parked = [message for message in site.sent if isinstance(message, ParkMiners)]
    assert [miner for message in parked for miner in message.miners] == miners
    assert max(len(msgspec.json.encode(m)) for m in parked) < MAX_LINE_BYTES
