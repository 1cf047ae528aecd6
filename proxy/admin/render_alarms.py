"""The alarms that stand, and who is told, as text for people."""

from datetime import UTC, datetime

from proxy.admin.render_power import Answer
from proxy.admin.text_columns import table


def alarms(answer: Answer) -> str:
    """Render `alarms`: what stands, then who is told."""
    rows = [
        [
            datetime.fromtimestamp(a["since"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
            a["severity"],
            a["kind"],
            a["site"] or "-",
            a["text"] + (f" ({', '.join(a['names'])})" if a["names"] else ""),
        ]
        for a in answer["alarms"]
    ]
    head = ["SINCE (UTC)", "SEVERITY", "KIND", "SITE", "WHAT"]
    told = [
        [one["name"], one["kind"], str(one["told"]), one["fault"] or "-"]
        for one in answer["alerts"]
    ]
    stands = table(head, rows) if rows else "no alarm stands\n"
    who = table(["TOLD", "KIND", "ALARMS", "FAULT"], told)
    return f"{stands}\n{who}" if told else f"{stands}nobody is told: see [[alerts]]\n"
