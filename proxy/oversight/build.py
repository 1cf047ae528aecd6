"""Puts a publisher together from `[proxy.transparency]`."""

from functools import partial
from pathlib import Path

from protocol.tlog.trust import NO_QUORUM, Trust
from protocol.units import Seconds
from proxy.config.transparency import TransparencyConfig, read_trust
from proxy.oversight.folder import LOG_FOLDER, LogFolder
from proxy.oversight.http import WitnessHttp
from proxy.oversight.keys import signers_of
from proxy.oversight.publisher import Around, Begun, LogPublisher
from proxy.oversight.witnesses import AskedWitness
from proxy.oversight.writer import LogWriter
from proxy.power.journal.database import STORE_FILE
from proxy.power.journal.store import Store

NOBODY = Trust((), (), {}, NO_QUORUM)
"""Without a trust policy no witness is asked."""


def trust_in(settings: TransparencyConfig) -> Trust:
    """Return who must cosign.

    Raises:
        ValueError: The file cannot be read, or is no policy.
    """
    return NOBODY if settings.trust is None else read_trust(settings.trust)


def publisher_of(
    settings: TransparencyConfig,
    state: Path,
    store: Store,
    around: Around,
) -> LogPublisher:
    """Return what publishes the log of the controller's database.

    Raises:
        ValueError: The trust policy cannot be read.
    """
    trust = trust_in(settings)
    http = WitnessHttp(around.reactor)
    return LogPublisher(
        partial(_begun, settings, state, store.max_events),
        trust,
        [AskedWitness(one, http) for one in trust.witnesses if one.url],
        store.publish,
        around,
        Seconds(settings.late_s),
        http.close,
    )


def _begun(settings: TransparencyConfig, state: Path, max_rows: int) -> Begun:
    signers = signers_of(settings, state)
    writer = LogWriter(
        state / STORE_FILE,
        LogFolder(state / LOG_FOLDER),
        settings.origin,
        tuple(signer.key for signer in signers),
        max_rows,
    )
    return Begun(writer, signers)
