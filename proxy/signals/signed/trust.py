"""The policy that a site begins with: a file whose id the configuration names."""

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from protocol.errors import RemoteError
from protocol.oversight.chain import Accepted, PolicyChain
from protocol.oversight.document import (
    MAX_DOCUMENT_BYTES,
    VERSION,
    Policy,
    document_id,
    read_document,
)
from protocol.oversight.presence import PresenceRule
from protocol.oversight.rules import check_policy
from protocol.units import Watts
from proxy.power.orders.documents import FOR_EVER, DocumentRow, Kept
from proxy.regular_file import read_regular


@frozen
class TrustedPolicy:
    """A policy that is believed because the configuration names its id."""

    policy: Policy
    id: str
    raw: bytes

    def row(self, at: float) -> DocumentRow:
        """Return what is kept of it."""
        text = self.raw.decode()
        return DocumentRow(self.id, text, "[]", Kept.TRUSTED, at, FOR_EVER)


def read_policy(path: Path, policy_id: str, site: str) -> TrustedPolicy:
    """Return the policy in a file.

    Raises:
        ValueError: It cannot be read, is none, or not the one that was named.
    """
    try:
        raw = read_regular(path, MAX_DOCUMENT_BYTES)
        policy = policy_of(raw)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except RemoteError as error:
        raise ValueError(f"{path}: {error}") from error
    if policy.site != site:
        raise ValueError(f"{path}: for site {policy.site!r}, this is {site!r}")
    found = document_id(raw)
    if found != policy_id:
        raise ValueError(f"{path} has the id {found}, policy_id names another one")
    return TrustedPolicy(policy, found, raw)


def check_settings(
    trusted: TrustedPolicy, presence: PresenceRule, budget_w: Watts
) -> None:
    """Refuse a configuration that the policy does not cover.

    Raises:
        ValueError: It says that the site may draw more than the parties do, or waits
            for more of them than there are.
    """
    policy = trusted.policy
    if budget_w > policy.envelope_w:
        raise ValueError(
            f"budget_w = {budget_w:.0f} is above the policy's envelope_w ="
            f" {policy.envelope_w}"
        )
    if presence.raise_needs > len(policy.roles):
        raise ValueError(
            f"raise_needs = {presence.raise_needs}: the policy has"
            f" {len(policy.roles)} parties"
        )


def policy_of(raw: bytes) -> Policy:
    """Return the policy whose bytes these are.

    Raises:
        RemoteError: They are none that can be used.
    """
    policy = read_document(raw)
    if not isinstance(policy, Policy) or policy.v != VERSION:
        raise RemoteError("no policy")
    check_policy(policy)
    return policy


def begin_chain(
    trusted: TrustedPolicy, rows: Sequence[DocumentRow]
) -> tuple[PolicyChain, int]:
    """Return the chain that the rows go on from, and the leaf of its first policy.

    A newer policy than all that are kept may be trusted anew, as where parties have
    lost too many keys to go on; an older one may not, nor one beside them.

    Raises:
        ValueError: The kept policies do not follow from the one that is named.
    """
    known = [row for row in rows if row.kept is Kept.TRUSTED]
    if not known:
        return PolicyChain((Accepted(trusted.policy, trusted.id),)), 0
    first = max(known, key=lambda row: row.leaf)
    later = [row for row in rows if row.leaf > first.leaf and _is_policy(row)]
    if trusted.id in {first.id, *(row.id for row in later)}:
        policy = policy_of(first.body.encode())
        return PolicyChain((Accepted(policy, first.id),)), first.leaf
    newest = policy_of((later or [first])[-1].body.encode()).version
    if trusted.policy.version <= newest:
        raise ValueError(
            f"policy {trusted.id[:8]} of version {trusted.policy.version} is not in the"
            f" database, which has version {newest}: policy_id names another history"
        )
    return PolicyChain((Accepted(trusted.policy, trusted.id),)), rows[-1].leaf + 1


def _is_policy(row: DocumentRow) -> bool:
    return row.kept is Kept.TAKEN and '"kind":"policy"' in row.body
