"""The embedded node's calls, without a socket."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.units import UnixTime

pytest.importorskip("pbk", reason="needs the extra [regtest]")

from proxy.regtest.chain import RegtestChain, open_chain, subsidy
from proxy.regtest.pace import BlockPace
from proxy.regtest.rpc import MAX_GENERATED, RegtestCalls, answer
from proxy.regtest.rpc_arguments import RpcError

NOW = UnixTime(1_700_000_000.0)
ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
METHODS = [
    "getblockhash",
    "getblock",
    "getblockheader",
    "sendrawtransaction",
    "decoderawtransaction",
    "validateaddress",
    "submitblock",
    "getblocktemplate",
    "generatetoaddress",
    "getbestblockhash",
]


class Stage:
    """A chain, what it told of tips, and its calls."""

    def __init__(self, directory: Path) -> None:
        self.tips: list[bytes] = []
        self.chain: RegtestChain = open_chain(
            directory, in_memory=True, wall_clock=lambda: NOW, on_tip=self.tips.append
        )
        self.calls = RegtestCalls(self.chain, BlockPace(), "test")

    def ask(self, method: str, *params: Any) -> Any:
        return answer(self.calls, method, list(params))

    def fault(self, method: str, *params: Any) -> int:
        with pytest.raises(RpcError) as error:
            self.ask(method, *params)
        return error.value.code


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.chain.close()


def test_generated_blocks_end_at_the_present_second_by_second(stage: Stage) -> None:
    stage.ask("generatetoaddress", 20, ADDRESS)

    times = [stage.chain.kernel.header_at(height).ntime for height in range(1, 21)]
    assert times == list(range(int(NOW) - 19, int(NOW) + 1))


def test_a_template_starts_now_and_not_before_the_median(stage: Stage) -> None:
    stage.ask("generatetoaddress", 20, ADDRESS)

    template = stage.ask("getblocktemplate", {"rules": ["segwit"]})

    assert template["curtime"] == int(NOW)
    assert template["mintime"] == int(NOW) - 4
    assert template["coinbasevalue"] == subsidy(21)


def test_each_tip_is_told_once(stage: Stage) -> None:
    hashes = stage.ask("generatetoaddress", 3, ADDRESS)

    assert [tip[::-1].hex() for tip in stage.tips] == hashes


def test_a_block_that_was_refused_is_a_duplicate_and_still_invalid(
    stage: Stage,
) -> None:
    stage.ask("generatetoaddress", 1, ADDRESS)
    raw = bytes.fromhex(stage.ask("getblock", stage.ask("getbestblockhash"), 0))
    bad = raw[:-40] + b"\x01" + raw[-39:]

    assert stage.chain.submit(raw) == "duplicate"
    assert stage.chain.submit(bad) is not None
    assert stage.ask("getblockcount") == 1


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nonsense", (), -32601),
        ("close", (), -32601),
        ("getblockcount", (1,), -32602),
        ("getblockhash", (), -32602),
        ("getblockhash", ("1",), -32602),
        ("getblockhash", (-1,), -8),
        ("getblockhash", (1,), -8),
        ("getblock", ("zz",), -22),
        ("getblock", ("00",), -5),
        ("generatetoaddress", (MAX_GENERATED + 1, ADDRESS), -8),
        ("generatetoaddress", (1, "x"), -5),
        ("submitblock", ("00" * 79,), -22),
        ("getblocktemplate", ({"mode": "x"},), -8),
        ("getblocktemplate", ({"mode": "proposal", "data": "00"},), -22),
        ("sendrawtransaction", ("00",), -26),
        ("decoderawtransaction", ("00",), -22),
        ("decoderawtransaction", ("zz",), -22),
    ],
)
def test_a_call_that_fails_has_cores_code(
    stage: Stage, method: str, params: tuple[Any, ...], code: int
) -> None:
    assert stage.fault(method, *params) == code


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(METHODS),
    st.lists(
        st.none()
        | st.integers(-5, 5)
        | st.text(alphabet="0123456789abcdefxyz", max_size=200)
        | st.dictionaries(st.sampled_from(["mode", "data", "rules"]), st.text()),
        max_size=3,
    ),
)
def test_any_arguments_are_answered_or_an_rpc_error(
    stage: Stage, method: str, params: list[Any]
) -> None:
    with suppress(RpcError):  # any other exception fails
        answer(stage.calls, method, params)


def test_the_subsidy_halves_every_150_blocks() -> None:
    assert [subsidy(h) for h in (1, 149, 150, 300)] == [
        5_000_000_000,
        5_000_000_000,
        2_500_000_000,
        1_250_000_000,
    ]


def test_a_coinbase_is_decoded_as_the_block_shows_it(stage: Stage) -> None:
    # ckpool 1.2.0 asks so before it starts whether its coinbase is well formed
    (block,) = stage.ask("generatetoaddress", 1, ADDRESS)
    (shown,) = stage.ask("getblock", block, 2)["tx"]
    raw = shown.pop("hex")
    assert stage.ask("decoderawtransaction", raw) == shown
    assert shown["vout"][0]["scriptPubKey"]["address"] == ADDRESS


@pytest.mark.parametrize(
    ("address", "script", "witness"),
    [
        (ADDRESS, False, True),
        (
            "bcrt1q5n2k3frgpxces3dsw4qfpqk4kksv0cz96pldxdwxrrw0d5ud5hcqzzx7zt",
            True,
            True,
        ),
        (
            "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6",
            True,
            True,
        ),
        ("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", False, False),
        ("2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", True, False),
    ],
)
def test_an_address_says_what_kind_it_is(
    stage: Stage, address: str, *, script: bool, witness: bool
) -> None:
    # ckpool 1.2.0 takes no segwit address from a node that does not say
    view = stage.ask("validateaddress", address)
    assert (view["isvalid"], view["isscript"], view["iswitness"]) == (
        True,
        script,
        witness,
    )


def test_stats_of_a_block_are_its_subsidy_and_what_it_pays_beyond(stage: Stage) -> None:
    stage.ask("generatetoaddress", 2, ADDRESS)

    asked = ["subsidy", "totalfee"]
    assert stage.ask("getblockstats", 2, asked) == {
        "subsidy": subsidy(2),
        "totalfee": 0,
    }
    assert stage.ask("getblockstats", 1)["height"] == 1
    assert stage.fault("getblockstats", 3) == -8
    assert stage.fault("getblockstats", 1, ["avgfee"]) == -8
