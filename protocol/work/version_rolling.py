"""Which version bits a miner may roll, and the version that results."""

OFFERED_MASK = 0x1FFFE000
"""The bits that shipped ASIC firmware rolls. Source: BIP 320."""


def roll_version(version: int, bits: int | None, mask: int) -> int | None:
    """Return `version` with the bits in `mask` replaced by `bits`.

    Source: BIP 310, mining.submit. A miner that sent no bits rolled none.

    Returns:
        None if `bits` has a bit outside `mask`.
    """
    if bits is None:
        return version
    # Not masked away: a miner that rolls other bits has hashed another header.
    if bits & ~mask:
        return None
    # Replaced, as BIP 310 has it. ckpool ORs and public-pool XORs, which is the same
    # only for a job without bits in the mask (regtest's 0x30000000 has one).
    return version & ~mask | bits
