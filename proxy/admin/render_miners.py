"""Miners as text for people."""

from typing import Any

from proxy.admin.text_columns import table
from proxy.runtime.quantities import si

Answer = Any


def bans(answer: Answer) -> str:
    """Render `bans`."""
    return table(
        ["ADDRESS", "SITE", "FOR", "WHY"],
        [[b["address"], b["site"], f"{b['left_s']:.0f} s", b["why"]] for b in answer],
    )


def miners(answer: Answer) -> str:
    """Render `miners`."""
    return table(
        [
            "ID",
            "WORKER",
            "ADDRESS",
            "PROTOCOL",
            "STATE",
            "DIFFICULTY",
            "HASHRATE 5m",
            "ACCEPTED",
        ],
        [
            [
                str(m["id"]),
                m["worker"] or "(nobody)",
                m["address"],
                m["protocol"],
                m["state"],
                si(m["difficulty"], ""),
                si(m["hashrate_hs"]["5m"], "H/s"),
                str(m["accepted"]),
            ]
            for m in answer
        ],
    )


def miner_page(answer: Answer) -> str:
    """Render `miner_page`: the miners, and where the others are."""
    total, page, last = answer["total"], answer["page"], answer["pages"] - 1
    if page > last:
        where = f"the last is --page {last}" if last > 0 else "there is one, --page 0"
        return f"no page {page}: {where}; {_miners(total)}\n"
    foot = f"page {page} of 0-{last}, {_miners(total)}"
    if page < last:
        foot += f"; next: --page {page + 1}"
    return f"{miners(answer['miners'])}{foot}\n"


def _miners(number: int) -> str:
    return "1 miner" if number == 1 else f"{number:,} miners"


def why(answer: Answer) -> str:
    """Render `why`: a miner, and under it why it is as it is."""
    return "".join(
        f"{one['id']}  {one['worker'] or '(nobody)'}  {one['address']}  {one['site']}\n"
        + "".join(f"  {sentence}\n" for sentence in one["sentences"])
        for one in answer
    )


def places(answer: Answer) -> str:
    """Render `places`: where machines are on the map."""
    if not answer:
        return "no machine is connected\n"
    keys = ("site", "worker", "address", "rack", "position")
    rows = [[one[key] or "-" for key in keys] for one in answer]
    return table([key.upper() for key in keys], rows)


RENDERERS = {
    "miners": miners,
    "miner_page": miner_page,
    "why": why,
    "bans": bans,
    "places": places,
}
