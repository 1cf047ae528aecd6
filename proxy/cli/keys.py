"""`baseload keys`: by which keys miners, and who checks the log, know this proxy."""

import secrets
import sys
from pathlib import Path

from msgspec import Struct

from proxy.cli.command import Arguments, print_json
from proxy.config import ConfigError, load_proxy
from proxy.config.witness import load_witness
from proxy.downstream.sv2_keys import (
    KEY_FILE,
    KeyFileError,
    load_authority,
    make_authority,
)
from proxy.oversight.keys import signers_of
from proxy.oversight.signing import LogKeyError
from proxy.oversight.witness_server import witness_signer

WHICH = ("authority", "log")


class LogKeyView(Struct):
    """The public part of the log's keys.

    Attributes:
        vkeys: As trust policies and witnesses want them (C2SP signed-note).
    """

    vkeys: list[str]


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


def keys(arguments: Arguments) -> int:
    """Print the public part of a key, made if there is none.

    Raises:
        ConfigError: The configuration or the key cannot be used.
    """
    view: LogKeyView | AuthorityView
    if arguments.which != "authority":
        of_log = arguments.which == "log"
        view = (log_key_view if of_log else witness_key_view)(arguments.config)
        text = "".join(f"{vkey}\n" for vkey in view.vkeys)
    else:
        view = authority_view(arguments.config)
        text = render(view)
    if arguments.json:
        print_json(view)
    else:
        sys.stdout.write(text)
    return 0


def log_key_view(config: Path) -> LogKeyView:
    """Return the keys of the log that `config` describes, made if there are none.

    Raises:
        ConfigError: The configuration or a key cannot be used.
    """
    proxy = load_proxy(config)
    if proxy.transparency is None:
        raise ConfigError("no log is published: see `baseload help log`")
    try:
        signers = signers_of(proxy.transparency, Path(proxy.state_dir))
    except LogKeyError as error:
        raise ConfigError(str(error)) from error
    return LogKeyView([signer.key.text for signer in signers])


def witness_key_view(config: Path) -> LogKeyView:
    """Return the key of the witness that `config` describes, made if there is none.

    Raises:
        ConfigError: The file or the key cannot be used.
    """
    try:
        signer = witness_signer(load_witness(config))
    except LogKeyError as error:
        raise ConfigError(str(error)) from error
    return LogKeyView([signer.key.text])


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
        f"authority key: {view.authority_key}\n"
        f"for firmware that knows no version in front: {view.bare_key}\n"
        f"secret part {what} in {view.file}: keep it, miners know the proxy by it\n"
    )
