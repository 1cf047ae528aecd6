"""What the doctor finds by holding pools against nodes."""

from pathlib import Path

import pytest

from proxy.config import Config, NodeConfig, PoolConfig, ProxyConfig
from proxy.doctor.check import Finding
from proxy.doctor.examine import examine
from proxy.node.check import NodeReport
from tests.fakes.odd_pools import a_pool, a_v2_pool, answers, v2_answers
from tests.noise_peers import NOW, an_authority

TIP = "00000000000000000001" + 22 * "ab"


def spelled_by_v1(tip: str) -> str:
    """Return a hash as mining.notify has it: each word of four bytes by itself."""
    internal = bytes.fromhex(tip)[::-1]
    words = (internal[at : at + 4][::-1] for at in range(0, 32, 4))
    return b"".join(words).hex()


def found(folder: Path, url: str, tip: str | None) -> list[Finding]:
    config = Config(
        proxy=ProxyConfig(state_dir=str(folder)),
        pools=(PoolConfig(name="main", url=url, user="me"),),
        nodes=(NodeConfig(name="core", rpc="http://127.0.0.1:1"),),
        sites=[],
    )
    report = NodeReport(name="core", ok=True, tip=tip)
    everything = examine(config, lambda _: [report], lambda: NOW)
    return [one for one in everything if one.check == "tip of main"]


@pytest.mark.parametrize(
    ("tip", "levels"),
    [
        (TIP, ["ok"]),
        (TIP[::-1], ["warn"]),
        (None, []),
    ],
)
def test_a_pools_job_is_held_against_our_nodes_tip(
    tmp_path: Path, tip: str | None, levels: list[str]
) -> None:
    with a_pool(answers(prev_hash=spelled_by_v1(TIP))) as port:
        url = f"stratum+tcp://127.0.0.1:{port}"
        told = found(tmp_path, url, tip)

    assert [one.level for one in told] == levels
    assert all(TIP[-16:] in one.seen for one in told)


def test_so_is_one_of_stratum_v2(tmp_path: Path) -> None:
    with a_v2_pool(v2_answers(prev_hash=bytes.fromhex(TIP)[::-1])) as port:
        url = f"stratum2+tcp://127.0.0.1:{port}/{an_authority().key.text}"
        (told,) = found(tmp_path, url, TIP)

    assert told.level == "ok"
