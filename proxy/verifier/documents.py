"""Every signed document again, with its signatures: the same verdict as the site's.

What the site did with a document is computed anew from the policy and the documents
before it, by the code that the site runs (`protocol.oversight`). A policy that is
trusted by its id begins the chain; the log's own word for the first one is no proof.
"""

from typing import Any

import msgspec
from attrs import define, field

from protocol.errors import RemoteError
from protocol.oversight.chain import Accepted, PolicyChain
from protocol.oversight.checks import Moments
from protocol.oversight.council import Council
from protocol.oversight.document import Allow, Policy, document_id, read_document
from protocol.oversight.rules import check_policy
from protocol.oversight.ruling import Ruling, Verdict
from protocol.oversight.signature import Signature, signers_of
from proxy.verifier.order import Order
from proxy.verifier.reading import Leaf
from proxy.verifier.report import Findings

MAX_SITES = 256


class DocumentBody(msgspec.Struct):
    """What a site writes of a document.

    Attributes:
        verdict: taken, pending, refused, trusted.
        document: Its bytes, as text; empty: they were not kept.
    """

    id: str = ""
    verdict: str = ""
    document: str = ""
    signatures: list[Signature] = []


class EndedBody(msgspec.Struct):
    """What a site writes where too few parties were present."""

    ended: list[str] = []


_decode = msgspec.json.Decoder(DocumentBody).decode
_decode_ended = msgspec.json.Decoder(EndedBody).decode


@define(eq=False, repr=False)
class Documents:
    """Follows the documents of every site of a log.

    Attributes:
        findings: Where what is wrong goes.
        order: Of all rows so far.
        policy_id: Of the first policy, hexadecimal; empty: nobody knows it.
        councils: What holds at each site, as documents say so far.
        counts: Documents that were taken, and refused.
        versions: Of each council: counts up with what may change its budget.
    """

    kinds = ("policy", "document", "presence")

    findings: Findings
    order: Order
    policy_id: str = ""
    councils: dict[str, Council] = field(factory=dict, init=False)
    counts: dict[str, int] = field(
        factory=lambda: {"taken": 0, "refused": 0}, init=False
    )
    versions: dict[str, int] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Judge the next document."""
        site = leaf.head.site
        self.versions[site] = self.versions.get(site, 0) + 1
        if leaf.head.kind == "presence":
            self._end(leaf, _decode_ended(leaf.body).ended)
            return
        body = _decode(leaf.body)
        if body.verdict == "trusted":
            self._begin(leaf, body)
            return
        is_taken = body.verdict == "taken"
        self.counts["taken"] += is_taken
        self.counts["refused"] += body.verdict == "refused"
        if not body.document:
            if is_taken:
                self._fault(leaf, "taken, and its text is not in the log")
            return
        self._judge(leaf, body, is_taken=is_taken)

    def end(self) -> None:
        """Say whether the policy that was named is in the log."""
        known = {one.chain.accepted[0].id for one in self.councils.values()}
        if self.policy_id and self.policy_id not in known:
            self.findings.fault(f"no site of this log begins with {self.policy_id[:8]}")

    @property
    def policy_version(self) -> int | None:
        """The newest policy of any site; None: there is none."""
        tips = [one.chain.tip.policy.version for one in self.councils.values()]
        return max(tips, default=None)

    def _end(self, leaf: Leaf, names: list[str]) -> None:
        """End allows; absence ends nothing that lowers."""
        council = self.councils.get(leaf.head.site)
        if council is None:
            return
        for name in names:
            one = council.standing.get(name)
            if one is None or isinstance(one.document, Allow):
                council.end([name])
            else:
                self._fault(leaf, f"{name[:8]} is no allow: absence does not end it")

    def _begin(self, leaf: Leaf, body: DocumentBody) -> None:
        raw = body.document.encode()
        name = document_id(raw)
        try:
            policy = _policy_in(raw)
        except RemoteError as error:
            self._fault(leaf, f"the first policy cannot be used: {error}")
            return
        if name != body.id:
            self._fault(leaf, "the first policy has another id than its bytes")
        if self.policy_id and name != self.policy_id:
            self._fault(leaf, f"policy {name[:8]} is trusted there, and was not named")
        elif not self.policy_id:
            self.findings.note(
                f"policy {name} is the site's own word: compare it with what the"
                " parties signed, or give --policy-id",
                leaf.index,
            )
        chain = PolicyChain((Accepted(policy, name),))
        council = self.councils.get(leaf.head.site)
        if council is None:
            if len(self.councils) < MAX_SITES:
                self.councils[leaf.head.site] = Council(leaf.head.site, chain)
        elif policy.version <= council.chain.tip.policy.version:
            self._fault(leaf, f"policy {name[:8]} is trusted anew, and is not newer")
        else:  # What was taken since the first one holds on.
            council.chain = chain

    def _judge(self, leaf: Leaf, body: DocumentBody, *, is_taken: bool) -> None:
        council = self.councils.get(leaf.head.site)
        if council is None:
            if is_taken:
                self._fault(leaf, "a document was taken without any policy")
            return
        moments = self.order.moments(leaf.head)
        try:
            ruling = self._ruling(council, body, moments)
        except RemoteError as error:
            if is_taken:
                self._fault(leaf, f"{body.id[:8]} was taken, and may not be: {error}")
            return
        if ruling.verdict is not Verdict.TAKEN:
            if is_taken:
                missing = ", ".join(ruling.needs)
                self._fault(leaf, f"{body.id[:8]} was taken without {missing}")
            return
        if not is_taken:
            # It may have waited for parties to be present, or come too often.
            text = f"{body.id[:8]} has its signatures and was not taken"
            self.findings.note(text, leaf.index, leaf.head.at)
            return
        council.enact(ruling, moments[-1])

    def _ruling(self, council: Council, body: DocumentBody, moments: Moments) -> Ruling:
        raw = body.document.encode()
        council.prune(moments)
        heard = council.hear(raw, moments)
        new = heard.document if isinstance(heard.document, Policy) else None
        signers = signers_of(raw, body.signatures, council.chain.keys(new))
        seen: dict[str, Any] = {}  # who was present is not to be seen in the log
        return council.judge(heard, signers, seen)

    def _fault(self, leaf: Leaf, text: str) -> None:
        self.findings.fault(text, leaf.index, leaf.head.at)


def _policy_in(raw: bytes) -> Policy:
    policy = read_document(raw)
    if not isinstance(policy, Policy):
        raise RemoteError("it is no policy")
    check_policy(policy)
    return policy
