"""What a site draws against what its machines can: the alarms of a look at it."""

from protocol.units import Seconds, Watts
from proxy.power.control.step import Sensed
from proxy.power.journal.alarms import AlarmName, Alarms

CONTRADICTION = 0.1
"""Part by which devices may say more than their models: makers allow themselves 5 to
10 % (models.toml)."""

TELLING = 0.2
"""Part of the running watts that they have to speak for: a few are no fleet."""


def tell(alarms: Alarms, sensed: Sensed, expected_w: Watts, now: Seconds) -> None:
    """Raise what one look at a site shows, and let go what it does not.

    Args:
        alarms: The site's.
        sensed: What was found.
        expected_w: What the site draws at the most by its model and long-term bias.
        now: The moment.
    """
    _tell_hidden_load(alarms, sensed, expected_w, now)
    _tell_wrong_models(alarms, sensed, now)


def _tell_hidden_load(
    alarms: Alarms, sensed: Sensed, expected_w: Watts, now: Seconds
) -> None:
    if not sensed.stance.is_hidden_load:
        alarms.lapses(AlarmName.HIDDEN_LOAD, now)
        return
    load = {"meter_w": sensed.state.meter.trusted_w, "model_w": expected_w}
    why = "the meter sees a load that no machine explains"
    alarms.holds(AlarmName.HIDDEN_LOAD, why, load, now)


def _tell_wrong_models(alarms: Alarms, sensed: Sensed, now: Seconds) -> None:
    """Raise the alarm if devices draw far more than their models have."""
    evidence, name = sensed.evidence, AlarmName.MODELS_WRONG
    ratio = evidence.ratio
    is_telling = evidence.share >= TELLING
    if ratio is None or not is_telling or ratio <= 1.0 + CONTRADICTION:
        alarms.lapses(name, now)
        return
    body = {"told_w": evidence.running_told_w, "model_w": evidence.running_model_w}
    cause = f"devices say that they draw {ratio:.2f} of what their models have"
    alarms.holds(name, cause, body, now)
