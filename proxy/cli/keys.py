"""`baseload keys`: by which key miners of Stratum V2 know this proxy."""

import secrets
from pathlib import Path

from msgspec import Struct

from proxy.config import ConfigError, load_proxy
from proxy.downstream.sv2_keys import (
    KEY_FILE,
    KeyFileError,
    load_authority,
    make_authority,
)


class AuthorityView(Struct):
    """The public part of an authority key, in both encodings.

    Attributes:
        created: It was made just now.
        authority_key: As it stands in a miner's url.
        bare_key: The same for firmware that knows no version in front.
    """

    file: str
    created: bool
    authority_key: str
    bare_key: str


def authority_view(config: Path) -> AuthorityView:
    """Return the key of the proxy that `config` describes, made if there is none.

    Raises:
        ConfigError: The configuration or the key cannot be used.
    """
    path = Path(load_proxy(config).state_dir) / KEY_FILE
    try:
        found = load_authority(path)
        secret = found or make_authority(path, secrets.token_bytes)
    except KeyFileError as error:
        raise ConfigError(str(error)) from error
    return AuthorityView(
        str(path), found is None, secret.key.text, secret.key.bare_text
    )


def render(view: AuthorityView) -> str:
    """Return `view` as lines for people."""
    what = "made now" if view.created else "found"
    return (
        f"{view.authority_key}\n"
        f"{view.bare_key}  for firmware that knows no version in front\n"
        f"secret part {what} in {view.file}: keep it, miners know the proxy by it\n"
    )
