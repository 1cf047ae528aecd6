"""What of several answers of a node is news to miners."""

from attrs import define

from protocol.work.template import Template

AGED = 600
"""Seconds after which a template is news though nothing else in it is: miners may take
its time 7,000 s further and no more."""


@define
class TemplateNews:
    """The newest template and tip of a node, and what miners were told.

    Attributes:
        template: The newest; None before the first.
        tip: Hash of the newest block that was heard of, displayed.
        told: The template that was news last.
    """

    template: Template | None = None
    tip: str = ""
    told: Template | None = None

    def take(self, template: Template) -> bool:
        """Keep `template`; return whether miners would hash something else by it."""
        old, self.template = self.told, template
        if old is not None and _is_alike(old, template):
            return False
        self.told = template
        return True


def _is_alike(old: Template, new: Template) -> bool:
    # curtime differs in every answer and longpollid in many: they are no news.
    return new.curtime - old.curtime < AGED and (
        (old.prev_hash, old.txids, old.coinbase_value, old.target)
        == (new.prev_hash, new.txids, new.coinbase_value, new.target)
    )
