"""Take on a changed configuration without a restart, as far as that can be done."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from protocol.units import Difficulty
from proxy.admin.refused import Refused
from proxy.config import Config, DifficultyConfig, SiteConfig
from proxy.downstream.connection import SiteFactory
from proxy.downstream.site_context import SiteContext
from proxy.share_process.sites import policy_of

LIVE_SITE = frozenset({"difficulty", "limits"})
"""Keys of a site that take effect at once; all others are built in at the start."""

LIVE_PROXY = frozenset({"log_level"})


def apply_changes(
    old: Config,
    new: Config,
    factories: Mapping[str, SiteFactory],
    set_level: Callable[[str], None] | None,
) -> list[str]:
    """Put into force what differs between `old` and `new`; return the keys.

    Raises:
        Refused: Something differs that needs a restart; nothing was changed.
    """
    changed = list(_differences(old, new))
    for key, is_live in changed:
        if not is_live:
            raise Refused(f"{key} changed: that takes a restart; nothing was reloaded")
    for site in new.sites:
        _take_on(factories[site.name], site)
    if set_level is not None and old.proxy.log_level != new.proxy.log_level:
        set_level(new.proxy.log_level)
    return [key for key, _ in changed]


def _differences(old: Config, new: Config) -> Iterator[tuple[str, bool]]:
    """Yield each key that differs, and whether it can change while running."""
    for key in _changed(old.proxy, new.proxy):
        yield f"$.proxy.{key}", key in LIVE_PROXY
    for part in ("pools", "nodes", "models"):
        if getattr(old, part) != getattr(new, part):
            yield f"$.{part}", False
    if [site.name for site in old.sites] != [site.name for site in new.sites]:
        yield "$.sites", False
        return
    for index, (before, after) in enumerate(zip(old.sites, new.sites, strict=True)):
        for key in _changed(before, after):
            yield f"$.sites[{index}].{key}", key in LIVE_SITE


def _changed(old: msgspec.Struct, new: msgspec.Struct) -> Iterator[str]:
    for key in old.__struct_fields__:
        if getattr(old, key) != getattr(new, key):
            yield key


def _take_on(factory: SiteFactory, site: SiteConfig) -> None:
    factory.roster.limits = site.limits
    _adjust(factory.context, site.difficulty)
    for listener_policy in factory.listener_policies:
        _adjust(
            listener_policy.context,
            listener_policy.listener.difficulty(site.difficulty),
        )
    factory.errands.run(
        factory.roster.miners.values(), lambda m: m.bounds_changed(), "changing bounds"
    )


def _adjust(context: SiteContext, difficulty: DifficultyConfig) -> None:
    context.policy = policy_of(difficulty)
    context.start = Difficulty(difficulty.start)
