"""From a template to work and from a share back to the block."""

from attrs import evolve

from protocol.bitcoin.address import script_of_address
from protocol.bitcoin.coinbase import Payout
from protocol.bitcoin.network import Network
from protocol.units import Difficulty, JobId, UnixTime, WorkerName
from protocol.work.job import Job, Work
from protocol.work.judge import Terms, judge
from protocol.work.share import JudgedShare, Submission
from proxy.node.template_work import KEPT_TEMPLATES, TemplateWorks, WorkRules
from tests.unit.bitcoin.test_vector_a5 import A5, ADDRESS, a5_template

PAYOUT = Payout(script_of_address(ADDRESS, Network.REGTEST))


def works() -> TemplateWorks:
    return TemplateWorks("core", WorkRules(PAYOUT, difficulty_binds=False))


def a5_share(work: Work) -> JudgedShare:
    """Return the vector's share, judged: 4 B of slot, 8 B of extranonce2."""
    _, _, extranonce2, ntime, nonce, bits = A5["submit"]
    job = Job(
        id=JobId("1"),
        seq=1,
        work=work,
        coinb1=work.coinb1,
        padding=b"",
        room=12,
        ntime=work.ntime,
        clean=True,
        ceiling=work.difficulty,
        seen=set(),
    )
    submission = Submission(
        WorkerName("w"),
        "1",
        bytes.fromhex(extranonce2),
        int(ntime, 16),
        int(nonce, 16),
        int(bits, 16),
    )
    slot = bytes.fromhex(A5["extranonce1"])
    terms = Terms(slot, Difficulty(1e-10), work.version_mask, is_stale=False)
    return judge(submission, job, terms, "site", UnixTime(0.0))


def test_a_judged_share_becomes_the_vectors_block() -> None:
    shelf = works()
    share = a5_share(shelf.add(a5_template()))

    block = shelf.block_of(share)

    assert share.is_block
    assert block is not None
    assert block.raw.hex() == A5["block"]
    assert block.hash == A5["expect"]["hash_display"]
    assert block.height == 205


def test_work_is_clean_only_when_the_tip_is_another() -> None:
    shelf, template = works(), a5_template()

    cleans = [
        shelf.add(t).clean
        for t in (
            template,
            evolve(template, curtime=template.curtime + 1),
            evolve(template, prev_hash=bytes(32)),
        )
    ]

    assert cleans == [True, False, True]


def test_each_work_has_a_name_of_its_own() -> None:
    shelf = works()

    names = {shelf.add(a5_template()).source_job for _ in range(5)}

    assert len(names) == 5


def test_a_template_that_is_too_old_makes_no_block() -> None:
    shelf = works()
    share = a5_share(shelf.add(a5_template()))

    for _ in range(KEPT_TEMPLATES):
        shelf.add(a5_template())

    assert shelf.block_of(share) is None


def test_templates_share_the_transactions_that_they_have_in_common() -> None:
    shelf = works()
    first, second = shelf.add(a5_template()), shelf.add(a5_template())

    kept = [shelf.template_of(work) for work in (first, second)]

    assert kept[0] is not None
    assert kept[1] is not None
    assert all(
        a is b for a, b in zip(kept[0].transactions, kept[1].transactions, strict=True)
    )
