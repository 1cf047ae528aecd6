"""The configuration as it goes over the link: what the controller needs, no more."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from proxy.config import Config
from proxy.config.secret import Secret
from proxy.power.link.messages import Setup


def setup_of(config: Config) -> Setup:
    """Return the first message; it holds secrets: it goes to no log."""
    sites = [replace(s, routes=()) for s in config.sites if s.power is not None]
    asks_node = any(site.power and site.power.asks_node for site in sites)
    nodes = config.nodes[:1] if asks_node else ()
    needed = replace(config, pools=(), nodes=nodes, sites=sites)
    return Setup(Raw(msgspec.json.encode(needed, enc_hook=_plain)))


def config_of(setup: Setup) -> Config:
    """Return the configuration in the first message.

    Raises:
        msgspec.DecodeError: It holds none.
    """
    return msgspec.json.decode(setup.config, type=Config, dec_hook=_made)


def digest_of(config: Config) -> str:
    """Return SHA-256 of a configuration without its secrets, in hexadecimal.

    A digest of a secret would let others guess it.
    """
    text = msgspec.json.encode(config, enc_hook=_without_secrets)
    return sha256(text).hexdigest()


def config_from(told: dict[str, Any]) -> Config:
    """Return the configuration of a `Setup` that came within another message.

    Raises:
        msgspec.ValidationError: It is none.
    """
    return msgspec.convert(told, Config, dec_hook=_made)


def _plain(value: Any) -> str:
    if isinstance(value, Secret | Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no place in a setup")


def _without_secrets(value: Any) -> str:
    return "" if isinstance(value, Secret) else _plain(value)


def _made(kind: type, value: Any) -> object:
    if kind is Secret or kind is Path:
        return kind(value)
    raise NotImplementedError(f"{kind.__name__} has no place in a setup")
