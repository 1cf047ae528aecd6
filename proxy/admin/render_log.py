"""The log for others, as text for people."""

from collections.abc import Callable
from typing import Any

from proxy.admin.text_columns import table

Answer = Any


def status(answer: Answer) -> str:
    """Render `log.status`."""
    lines = [answer["origin"], *([answer["key"]] if answer["key"] else [])]
    if answer["size"] is None:
        lines.append("nothing was signed since the start")
    else:
        lines.append(f"{answer['size']:,} leaves signed, root {answer['root']}")
    if answer["cosigned_size"] is not None:
        age = answer["cosigned_age_s"]
        lines.append(f"{answer['cosigned_size']:,} cosigned by enough, {age:.0f} s ago")
    if answer["fault"]:
        word = "FORKED" if answer["is_forked"] else "LATE"
        lines.append(f"{word}  {answer['fault']}")
    text = "\n".join(lines) + "\n"
    rows = [
        [w["name"], str(w["size"]), w["url"], w["why"] or "cosigned"]
        for w in answer["witnesses"]
    ]
    return text + (table(["WITNESS", "LEAVES", "URL", "SAYS"], rows) if rows else "")


RENDERERS: dict[str, Callable[[Answer], str]] = {
    "log.status": status,
    "log.new_generation": status,
}
