"""What a device's report says of the level that it is at."""

from protocol.units import Watts
from proxy.power.machines.found import Points
from proxy.power.ports import DeviceReport

ASLEEP_W = 0.5
"""Below this part of its idle watts a device that does not say so is asleep: machines
of the catalogue draw 10 % of their watts idle, and asleep 1 to 3 %."""

FULL = 0.97
"""From this part of its full watts on a limit does not limit: firmware rounds limits to
its profiles (`steps.LIMIT_MARGIN`)."""

MARGIN = 1.25
"""Of its watts, what a device may say that it draws and still do as it was told: it
errs by up to 20 %, its model by 5."""

MARGIN_W = 100.0
"""And beside: asleep, control board and fans draw so much (`models.ASLEEP_W`)."""


def level_of_report(points: Points, idle_w: float, report: DeviceReport) -> int | None:
    """Return the level that a device is at by its own word, None if it says nothing.

    Args:
        points: Its levels.
        idle_w: What it draws awake, without work.
        report: What it says.
    """
    asleep = report.is_asleep
    if asleep is None and report.power_w is not None:
        asleep = report.power_w < ASLEEP_W * idle_w
    if asleep is None:
        return None
    top = len(points) - 1
    if asleep:
        return 0
    limit = report.limit_w
    if limit is None or limit >= FULL * points[top][1]:
        return top
    return min(range(1, top + 1), key=lambda k: abs(points[k][1] - limit))


def draws_as_told(report: DeviceReport, watts: Watts) -> bool:
    """Tell whether a device says that it draws no more than `watts`, or nearly so."""
    return report.power_w is not None and is_within(report.power_w, watts)


def is_within(power_w: Watts, most_w: Watts) -> bool:
    """Tell whether `power_w` is no more than `most_w`, or nearly so."""
    return power_w <= MARGIN * most_w + MARGIN_W
