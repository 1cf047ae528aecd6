"""Work from templates, and the way back: from a share to the whole block."""

from collections import OrderedDict

from attrs import define, evolve, field, frozen

from protocol.bitcoin.address import script_of_address
from protocol.bitcoin.block import assemble_block
from protocol.bitcoin.coinbase import Payout
from protocol.bitcoin.network import Network
from protocol.units import Difficulty
from protocol.work.job import Work
from protocol.work.judge import header_of
from protocol.work.share import JudgedShare
from protocol.work.template import EXTRANONCE2_BYTES, Template, work_from_template
from proxy.jobs.live import MAX_WORKS
from proxy.node.block_files import FoundBlock
from proxy.runtime.instance import INSTANCE_BYTES

KEPT_TEMPLATES = 2 * MAX_WORKS
"""A group keeps `MAX_WORKS`, and templates come once a second unless the tip moves:
each group posts nearly every one."""


PREFIX_BYTES = INSTANCE_BYTES + 1

FREE_BYTES = PREFIX_BYTES + EXTRANONCE2_BYTES
"""Of a node's coinbase, for the whole extranonce. What follows the prefix: two bytes by
which a site tells its groups apart, a proxy's slot of two, and eight for it to roll."""


def prefix_of(instance: int, place: int) -> bytes:
    """Return what the free bytes of a site's coinbases begin with.

    | 2 B      | 1 B   |
    | instance | place |  big-endian

    No two sites, of one process or of two, hash the same headers on one node.

    Args:
        instance: The process's own number.
        place: The site's in the configuration, from 0.

    Raises:
        OverflowError: A number is too large.
    """
    return instance.to_bytes(INSTANCE_BYTES, "big") + place.to_bytes(1, "big")


@frozen
class WorkRules:
    """How a node's templates become work.

    Attributes:
        payout: Whom its blocks pay.
        difficulty_binds: False on regtest.
        min_block_difficulty: Regtest only: a share from here on is a block.
        extranonce2_bytes: Room for prefix, padding, slot and extranonce2.
    """

    payout: Payout
    difficulty_binds: bool = True
    min_block_difficulty: Difficulty = field(default=Difficulty(0.0))
    extranonce2_bytes: int = EXTRANONCE2_BYTES


def rules_for(
    network: Network, payout_address: str, min_block_difficulty: Difficulty
) -> WorkRules:
    """Return the rules for a node that is on `network`.

    Raises:
        ValueError: The address is none of that network, or the network is not one
            where the least difficulty of a block may be chosen.
    """
    is_regtest = network is Network.REGTEST
    if min_block_difficulty and not is_regtest:
        raise ValueError("min_block_difficulty is for regtest alone")
    return WorkRules(
        Payout(script_of_address(payout_address, network)),
        difficulty_binds=not is_regtest,
        min_block_difficulty=min_block_difficulty,
        extranonce2_bytes=FREE_BYTES,
    )


@define
class TemplateWorks:
    """Remembers which template each work came from, as long as it may be needed.

    Attributes:
        source: Name of the node.
        rules: How templates become work.
    """

    source: str
    rules: WorkRules
    _templates: OrderedDict[str, Template] = field(factory=OrderedDict, init=False)
    _shared: dict[bytes, bytes] = field(factory=dict, init=False)
    _tip: bytes = field(default=b"", init=False)
    _count: int = field(default=0, init=False)

    def add(self, template: Template, session: int = 0) -> Work:
        """Return `template` as work; `clean` if its tip is another than the last.

        Raises:
            ValueError: The payout does not fit into the coinbase.
        """
        self._count += 1
        work = work_from_template(
            template,
            self.rules.payout,
            source=self.source,
            source_job=f"{self._count:x}",
            clean=template.prev_hash != self._tip,
            difficulty_binds=self.rules.difficulty_binds,
            min_block_difficulty=self.rules.min_block_difficulty,
            extranonce2_bytes=self.rules.extranonce2_bytes,
            session=session,
        )
        self._tip = template.prev_hash
        self._keep(work.source_job, template)
        return work

    def template_of(self, work: Work) -> Template | None:
        """Return what `work` was made from; None if it is gone."""
        return self._templates.get(work.source_job)

    def block_of(self, share: JudgedShare) -> FoundBlock | None:
        """Return the block that `share` is; None if its template is gone.

        Args:
            share: One that `is_block`, of a job made from work of this node.
        """
        job = share.job
        template = self.template_of(job.work) if job else None
        if job is None or template is None:
            return None
        coinbase = b"".join(
            (job.coinb1, share.slot, share.extranonce2, job.work.coinb2)
        )
        raw = assemble_block(
            header_of(job, share),
            coinbase,
            template.transactions,
            has_witness=template.witness_commitment is not None,
        )
        return FoundBlock(share.hash[::-1].hex(), template.height, raw)

    def _keep(self, source_job: str, template: Template) -> None:
        """Remember `template`; what it has in common with the last one only once."""
        # Two templates of one tip share most of 1 to 4 MB: one copy of each
        # transaction.
        transactions = tuple(
            self._shared.get(txid, raw)
            for txid, raw in zip(template.txids, template.transactions, strict=True)
        )
        self._shared = dict(zip(template.txids, transactions, strict=True))
        self._templates[source_job] = evolve(template, transactions=transactions)
        if len(self._templates) > KEPT_TEMPLATES:
            self._templates.popitem(last=False)
