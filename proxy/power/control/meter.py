"""Whether a meter can be believed: its trust is lost and regained by evidence.

| lost by                                  | regained by                               |
|------------------------------------------|-------------------------------------------|
| LATE: 3 polls without an answer          | an answer                                 |
| NAN, NEGATIVE: one such reading          | a reading                                 |
| SPIKE: a leap that no machines can make  | the next reading that is none; or a third |
|                                          | one in a row where it went: a step        |
| SPIKE: 3 leaps within 60 s, no steps     | proof of life                             |
| FROZEN: the same reading while machines  | proof of life                             |
| went down or up, or for 2 minutes while  |                                           |
| any is to run, not counted until the     |                                           |
| first is up after a rest; at rest not    |                                           |
| where the site surely is                 |                                           |
| LOW: for 100 s below 0.7 of what machines| proof of life                             |
| must draw that are proven to work        |                                           |

*Proof of life*: for 60 s without a break readings that are there, move, do not leap,
are not too low, and go along with what machines did since the doubt began. While the
site is at rest, where nothing moves, a reading where it surely is will do: where the
model has it, or below a fifth of full power; where the model is not sure of a few
machines, a fifth at the most, between what they draw asleep and at work. What a hall
draws with its machines off is known to nobody exactly, and if it were the last word of
a meter that froze, the first machine that is up would show it. Any other stays doubted
until it moves once, or the site is at work: an operator sees that state, and its
reason.
Nothing else ends a doubt: neither that its cause is not seen any more (a frozen reading
agrees again once machines are back where they were) nor time.

While there is no believable reading the site is run by its model at the worst bias;
after 60 s it goes to its fail-safe, which has a way out of its own: see `safety`.
"""

import math

from attrs import evolve

from protocol.units import Seconds, Watts
from proxy.power.control.meter_state import (
    Doubt,
    Expected,
    Meter,
    MeterFault,
    MeterParams,
)

QUIET_LIMIT = Seconds(180.0)
"""How quiet a meter can show itself to be: three minutes at one reading. Five times
that (`_is_frozen`) are 15 minutes, the interval that utilities settle by; chosen."""

SPIKES_ABOVE = 2.0
"""Times what the site can draw by its model: no proof of a meter that is alive. Chosen
well above `MeterParams.high_share`, since the model is no truth."""


def judge(
    meter: Meter,
    reading: float | None,
    now: Seconds,
    expected: Expected,
    params: MeterParams,
) -> Meter:
    """Return the meter after one poll.

    Args:
        meter: As it was.
        reading: Watts, NaN where the meter says so; None: no answer in time.
        now: The moment of the poll.
        expected: What the site draws by the model.
        params: What the meter can show.
    """
    fault = _unreadable(meter, reading, now, params)
    if reading is None or fault is not None:
        # A lost poll delays the proof. At rest it takes back nothing of what was shown,
        # which may be the only move that the site has; else it may freeze just there.
        moves = meter.doubt.moves if meter.doubt and expected.is_at_rest else 0
        doubt = meter.doubt and evolve(meter.doubt, since=now, moves=moves)
        return evolve(meter, fault=fault or meter.fault, doubt=doubt)
    # Exactly the same number, again and again, is what a frozen meter says.
    has_moved = reading != meter.raw_w
    frozen = not has_moved and _is_frozen(meter, reading, now, expected, params)
    if has_moved:
        meter = _moved_on(meter, reading, now, expected)
    if expected.is_at_rest or _is_still_at_rest(meter, expected, params):
        meter = evolve(meter, rested_at=now)
    if expected.is_at_rest and _is_sure(reading, expected, params):
        meter = _held_against(meter, expected, now)
    meter = _note_low(meter, reading, now, expected, params)
    if frozen:
        return _doubted(meter, MeterFault.FROZEN, now, reading, expected)
    if meter.low_since is not None and now - meter.low_since >= params.low_s:
        return _doubted(meter, MeterFault.LOW, now, reading, expected)
    if meter.doubt is not None:
        return _proving(meter, meter.doubt, reading, now, expected, params, has_moved)
    return _slope(meter, reading, now, expected, params)


def _unreadable(
    meter: Meter, reading: float | None, now: Seconds, params: MeterParams
) -> MeterFault | None:
    # A poll that was missed is no fault yet: the last reading holds until some are.
    if reading is None:
        return MeterFault.LATE if meter.is_lost(now, params) else None
    if not math.isfinite(reading):
        return MeterFault.NAN
    return MeterFault.NEGATIVE if reading < 0 else None


def _is_frozen(
    meter: Meter,
    reading: float,
    now: Seconds,
    expected: Expected,
    params: MeterParams,
) -> bool:
    # At rest, where the site surely is, it is what a meter that is well says too.
    if expected.is_at_rest and _is_sure(reading, expected, params):
        return False
    same_for = now - max(meter.raw_since, meter.held_since)
    has_fallen = expected.most_w < (1.0 - params.moved) * meter.expected_w
    has_risen = _has_risen(meter, expected, params)
    if (has_fallen or has_risen) and same_for >= params.frozen_s:
        return True
    always_s = max(params.frozen_always_s, 5.0 * meter.quiet_s)
    at_work_for = now - max(meter.raw_since, meter.rested_at)
    return at_work_for >= always_s and not expected.is_at_rest


def _has_risen(meter: Meter, expected: Expected, params: MeterParams) -> bool:
    """Tell whether machines came up since the last move, by the model."""
    return expected.least_w > (1.0 + params.moved) * meter.least_w


def _is_still_at_rest(meter: Meter, expected: Expected, params: MeterParams) -> bool:
    """Tell whether machines are told to run after a rest, and none is up yet.

    Some firmware takes longer to boot than a meter may repeat itself.
    """
    has_rested = meter.raw_since <= meter.rested_at
    is_up = _has_risen(meter, expected, params) or expected.must_w > 0
    return has_rested and not is_up


def _moved_on(meter: Meter, reading: float, now: Seconds, expected: Expected) -> Meter:
    # Bounded, or a meter that froze once for an hour would be believed for five.
    quiet = 0.0 if meter.raw_w is None else min(QUIET_LIMIT, now - meter.raw_since)
    if meter.doubt is not None and meter.raw_since <= meter.doubt.began_at:
        quiet = 0.0  # how long it was sick says nothing of its habits
    return evolve(
        meter,
        raw_w=reading,
        raw_since=now,
        expected_w=expected.most_w,
        least_w=expected.least_w,
        quiet_s=max(meter.quiet_s, quiet),
    )


def _note_low(
    meter: Meter, reading: float, now: Seconds, expected: Expected, params: MeterParams
) -> Meter:
    if reading >= params.low_share * expected.must_w:
        return evolve(meter, low_since=None)
    return meter if meter.low_since is not None else evolve(meter, low_since=now)


def _doubted(
    meter: Meter, fault: MeterFault, now: Seconds, reading: float, expected: Expected
) -> Meter:
    """Return a meter that has to prove itself from now on.

    What it said first, and what the machines did then, stays what it is held against
    until it is believed again: one that froze said it when it began to.
    """
    doubt = meter.doubt
    if doubt is None:
        then = (expected.most_w, expected.least_w)
        if fault is MeterFault.FROZEN:
            then = (meter.expected_w, meter.least_w)
        doubt = Doubt(fault, now, now, reading, *then)
    doubt = evolve(doubt, fault=fault, began_at=now, since=now, moves=0)
    return evolve(
        meter, fault=fault, doubt=doubt, step_w=None, step_count=0, spiked_at=()
    )


def _proving(  # noqa: PLR0913, PLR0917
    meter: Meter,
    doubt: Doubt,
    reading: float,
    now: Seconds,
    expected: Expected,
    params: MeterParams,
    has_moved: bool,  # noqa: FBT001
) -> Meter:
    """Return a doubted meter after a reading: believed again once it has proved itself.

    The proof begins anew with a reading that stays for too long, that leaps, that is
    too low or that does not go along with what the machines did.
    """
    if expected.is_at_rest:
        is_moved = has_moved or doubt.moves > 0
        still, moves = not is_moved and not _is_sure(reading, expected, params), 0
    else:
        still = now - meter.raw_since >= max(params.frozen_s, 2.0 * meter.quiet_s)
        moves = params.proof_moves
    is_low = meter.low_since is not None
    if still or is_low or _belies(doubt, reading, expected, params):
        doubt = evolve(doubt, since=now, moves=int(has_moved))
        return evolve(meter, doubt=doubt, fault=doubt.fault)
    doubt = evolve(doubt, moves=doubt.moves + has_moved)
    if now - doubt.since < params.proof_s or doubt.moves < moves:
        return evolve(meter, doubt=doubt, fault=doubt.fault)
    # What made it doubted is past: machines are held against it from now on.
    meter = _held_against(meter, expected, now)
    return evolve(
        meter, doubt=None, fault=None, watts=Watts(reading), good_at=now, spiked_at=()
    )


def _held_against(meter: Meter, expected: Expected, now: Seconds) -> Meter:
    """Return the meter with what machines do counted from `now` on."""
    return evolve(
        meter,
        expected_w=expected.most_w,
        least_w=expected.least_w,
        held_since=now,
    )


def _is_sure(reading: float, expected: Expected, params: MeterParams) -> bool:
    """Tell whether a reading is where the site is by the least and the most alike.

    At rest, and the model sure that it is, also where auxiliary load alone would be;
    and where it is not sure of a few machines, between what they may draw.
    """
    low, high = params.low_share * expected.most_w, params.high_share * expected.least_w
    if low <= reading <= high:
        return True
    most = params.rest_share * expected.full_w
    if not expected.is_at_rest or max(reading, expected.most_w) > most:
        return False
    low, high = params.low_share * expected.least_w, params.high_share * expected.most_w
    is_off = expected.most_w <= params.high_share * expected.least_w
    return is_off or low <= reading <= high


def _belies(
    doubt: Doubt, reading: float, expected: Expected, params: MeterParams
) -> bool:
    """Tell whether a reading does not follow what machines did since it was doubted.

    One that the model explains does. Else, whatever happened, the site fell by `fell`
    at least, or rose by `rose`: the reading has to go along by half of it, since the
    model is no truth.
    """
    most_w, least_w = expected.most_w, expected.least_w
    if params.low_share * least_w <= reading <= params.high_share * most_w:
        return False
    if expected.is_at_rest and _is_sure(reading, expected, params):
        return False
    slack = max(params.moved * doubt.most_w, 1.0)
    fell, rose = doubt.least_w - most_w, least_w - doubt.most_w
    if fell > slack and reading > doubt.watts - 0.5 * fell:
        return True
    if rose > slack and reading < doubt.watts + 0.5 * rose:
        return True
    return reading > SPIKES_ABOVE * max(most_w, doubt.most_w, doubt.watts)


def _slope(
    meter: Meter, reading: float, now: Seconds, expected: Expected, params: MeterParams
) -> Meter:
    good = evolve(
        meter,
        good_at=now,
        watts=Watts(reading),
        fault=None,
        step_w=None,
        step_count=0,
    )
    before_w = meter.watts
    if before_w is None:
        return good
    elapsed = max(params.poll_s, now - meter.good_at)
    if abs(reading - before_w) <= params.slope_w_per_s * elapsed:
        return good
    near = params.slope_w_per_s * params.poll_s
    # A real step stays where it went, a spike does not.
    stays = meter.step_w is not None and abs(reading - meter.step_w) <= near
    count = meter.step_count + 1 if stays else 1
    if count >= params.confirmations:
        return evolve(good, spiked_at=meter.spiked_at[:-1])
    if count == 1:
        lately = [at for at in meter.spiked_at if at > now - params.spiking_s]
        meter = evolve(meter, spiked_at=(*lately, now)[-params.spikes :])
        if len(meter.spiked_at) >= params.spikes:
            # A spike is where the site never was.
            return _doubted(meter, MeterFault.SPIKE, now, before_w, expected)
    return evolve(meter, fault=MeterFault.SPIKE, step_w=reading, step_count=count)
