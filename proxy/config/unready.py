"""Keys of the contract that this release cannot yet act on: refused by name.

A power cap that is read and not held would be worse than none. Whoever mounts a
part in the share process deletes its line here.
"""

from collections.abc import Callable, Iterator

from proxy.config.fault import ConfigError
from proxy.config.model import Config
from proxy.config.power import SignalConfig

Uses = Callable[[Config], bool]


def _signals(config: Config) -> Iterator[SignalConfig]:
    for site in config.sites:
        if site.power is not None:
            yield from site.power.signals
    for shared in config.cluster.sites if config.cluster is not None else ():
        yield from shared.signals


_UNREADY: dict[str, tuple[str, Uses]] = {
    "$.sites[...].power.signals[...].btc_price": (
        "a hashprice of a node (hashprice = 45.0 is one of yours)",
        lambda c: any(s.btc_price is not None for s in _signals(c)),
    ),
}


def unready(config: Config) -> Iterator[str]:
    """Yield a sentence for each setting that `run` could not honour."""
    for key, (what, uses) in _UNREADY.items():
        if uses(config):
            yield f"this release does not have {what} yet - at `{key}`"


def refuse_unready(config: Config) -> None:
    """Stop where the file asks for what this release does not have.

    Raises:
        ConfigError: It does; the message names the first such key.
    """
    for sentence in unready(config):
        raise ConfigError(sentence)
