"""The demo's story of several parties: what they sign is good, the proxy would run."""

from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from protocol.oversight.chain import Accepted, PolicyChain
from protocol.oversight.council import Council
from protocol.oversight.document import document_id, read_document
from protocol.oversight.ruling import Verdict
from protocol.units import UnixTime, Watts
from proxy.config.signals import signal_faults
from proxy.config.transparency import transparency_faults
from proxy.demo.config import SITE, Ports, demo_config
from proxy.demo.oversight import ACTS, ROUND, Around, OversightStory, told
from proxy.demo.parties import Parties
from proxy.signals.signed.trust import policy_of, read_policy
from proxy.verifier.report import Finding, Report

NOW = UnixTime(1.7e9)


def _parties() -> Parties:
    return Parties(SITE, "http://127.0.0.1:1", Watts(100_000.0), Clock(), lambda: NOW)


class Node:
    """What the demo's configuration asks of its node."""

    rpc_url = "http://127.0.0.1:1"
    zmq_url = "tcp://127.0.0.1:2"
    cookie_file = "/nowhere"


def test_the_acts_are_in_order_and_a_key_signs_less_than_it_may() -> None:
    begins = [act.begins for act in ACTS]
    assert begins == sorted(begins)
    assert begins[-1] < ROUND
    # The plant signs three documents a round: twenty an hour are taken.
    assert 3 * 3600 / ROUND <= 20


def test_what_the_parties_say_is_taken_and_waits_as_the_story_has_it() -> None:
    parties = _parties()
    raw = parties.policy()
    chain = PolicyChain((Accepted(policy_of(raw), document_id(raw)),))
    council = Council(SITE, chain)

    def say(document: bytes, *roles: str) -> Verdict:
        heard = council.hear(document, (NOW,))
        ruling = council.judge(heard, [f"{role}-1" for role in roles], {})
        if ruling.verdict is Verdict.TAKEN:
            council.enact(ruling, NOW)
        return ruling.verdict

    assert council.budget(NOW) == 60_000
    assert say(parties.allow(1.0, "more"), "host") is Verdict.PENDING
    assert say(parties.allow(1.0, "all"), "plant", "grid") is Verdict.TAKEN
    assert council.budget(NOW) == 100_000
    off = parties.limit(0.0, "smoke")
    assert say(off, "emergency") is Verdict.TAKEN
    assert council.budget(NOW) == 0
    lift = parties.lift(document_id(off), "clear")
    assert say(lift, "host") is Verdict.PENDING
    assert say(lift, "host", "plant") is Verdict.TAKEN
    assert council.budget(NOW) == 100_000
    assert read_document(off).site == SITE


def test_what_a_verifier_found_is_a_sentence() -> None:
    clean = Report(size=9, cosigned_by=["grid"], documents={"taken": 4, "refused": 1})
    assert told(clean) == (
        "9 rows, cosigned by grid; 4 documents taken, 1 refused; 0 kWh above the budget"
        " without reason: no finding"
    )
    assert "cosigned by nobody" in told(Report())
    assert told(Report(findings=[Finding("finding", None, None, "x")])).endswith(
        ": 1 findings"
    )


def test_the_proxy_is_told_whom_to_believe(tmp_path: Path) -> None:
    async def at_once(work: Any) -> Any:
        return work()

    ports, node = Ports(1, 2, 3, 4), Node()
    around = Around(tmp_path, 3, 5, Clock(), lambda: NOW, at_once)
    story = OversightStory(_parties(), around)
    plain = demo_config(tmp_path, node, 40, ports, "token")  # type: ignore[arg-type]
    config = story.configured(plain)

    power = config.sites[0].power
    assert power is not None
    (signal,) = power.signals
    assert not list(signal_faults(signal, "$"))
    assert not list(transparency_faults(config.proxy.transparency))
    assert signal.policy is not None
    assert signal.policy_id is not None
    read_policy(signal.policy, signal.policy_id, SITE)
    assert story.scene.text.startswith("Nobody has signed")
