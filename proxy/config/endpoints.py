"""What is wrong with the endpoints that a configuration listens on."""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from proxy.config.fault import Fault, nearest
from proxy.config.model import Config, SiteConfig
from proxy.config.web import WebConfig

MAX_PORT = 65535

_PLAIN = ("tcp", "tcp6")
_WITH_PORT = (*_PLAIN, "ssl", "tls")
KINDS = (*_WITH_PORT, "unix", "systemd")
"""Of Twisted's endpoint strings: those that can listen."""

EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  (what is written, not what is bound)


@frozen
class Endpoint:
    """One that is listened on.

    Attributes:
        text: As in the file.
        key: Where in the file.
    """

    text: str
    key: str

    @property
    def kind(self) -> str:
        """What comes before the first colon."""
        return self.text.partition(":")[0]

    @property
    def port(self) -> int | None:
        """The port; None where it has none, or names it wrongly."""
        port = self._arguments.get("port", "")
        is_number = port.isdecimal() and len(port) <= len(str(MAX_PORT))
        fits = self.kind in _WITH_PORT and is_number and int(port) <= MAX_PORT
        return int(port) if fits else None

    @property
    def interface(self) -> str:
        """The address; empty: every one."""
        return self._arguments.get("interface", "").replace("\\:", ":")

    @property
    def _arguments(self) -> dict[str, str]:
        """Return what follows the kind; the first two may go without their names."""
        found: dict[str, str] = {}
        names = iter(("port", "interface"))
        for part in self.text.replace("\\:", "\0").split(":")[1:]:
            name, sign, value = part.replace("\0", "\\:").partition("=")
            key = name if sign else next(names, name)
            found.setdefault(key, value if sign else name)
        return found


def endpoints_of(config: Config) -> Iterator[Endpoint]:
    """Yield all that a process listens on, the admin sockets aside."""
    web = config.proxy.web
    if isinstance(web, WebConfig):
        yield Endpoint(web.listen, "$.proxy.web.listen")
    elif web is not None:
        yield Endpoint(web, "$.proxy.web")
    for s, site in enumerate(config.sites):
        key = f"$.sites[{s}]"
        yield from miners_endpoints(site, key)
        for n, signal in enumerate(site.power.signals if site.power else ()):
            if signal.listen is not None:
                yield Endpoint(signal.listen, f"{key}.power.signals[{n}].listen")
    for s, shared in enumerate(config.cluster.sites if config.cluster else ()):
        for n, signal in enumerate(shared.signals):
            if signal.listen is not None:
                key = f"$.cluster.sites[{s}].signals[{n}].listen"
                yield Endpoint(signal.listen, key)


def miners_endpoints(site: SiteConfig, key: str) -> Iterator[Endpoint]:
    """Yield those that miners of `site`, which is at `key`, come to."""
    for n, text in enumerate(site.listen):
        yield Endpoint(text, f"{key}.listen[{n}]")
    for n, listener in enumerate(site.listeners):
        yield Endpoint(listener.endpoint, f"{key}.listeners[{n}].endpoint")


def endpoint_faults(config: Config) -> Iterator[Fault]:
    """Yield what is wrong with each endpoint, and with two of them together."""
    earlier: list[Endpoint] = []
    for endpoint in endpoints_of(config):
        if text := _fault(endpoint):
            yield Fault(text, endpoint.key)
            continue
        for other in earlier:
            if meet(endpoint, other):
                text = f"{endpoint.text!r} is listened on at {other.key}, too"
                yield Fault(text, endpoint.key)
        earlier.append(endpoint)


def _fault(endpoint: Endpoint) -> str:
    kind, _, rest = endpoint.text.partition(":")
    if kind not in KINDS or not rest:
        wanted = f"Expected tcp:PORT or another of {', '.join(KINDS)}"
        hint = "" if kind in KINDS else nearest(kind, KINDS)
        return f"{wanted}, got {endpoint.text!r}{hint}"
    if kind in _WITH_PORT and endpoint.port is None:
        wanted = f"Expected {kind}:PORT with a port from 0 to {MAX_PORT}"
        return f"{wanted}, got {endpoint.text!r}"
    return _syntax_fault(endpoint.text) if kind in _PLAIN else ""


def _syntax_fault(text: str) -> str:
    """Return why Twisted does not take an endpoint, as where a colon is not escaped."""
    from twisted.internet.endpoints import serverFromString  # noqa: PLC0415  (takes 0.2 s)

    nobody: Any = object()  # a reactor, asked for nothing before something listens
    try:
        serverFromString(nobody, text)
    except (ValueError, TypeError, LookupError, RuntimeError) as error:
        return f"{text!r} is no endpoint: {_in_words(text, error)}"
    return ""


def _in_words(text: str, error: Exception) -> str:
    """Return what Twisted's parser stumbled over."""
    if isinstance(error, RuntimeError):  # its generator ran out of characters
        return "nothing follows its last backslash"
    *_, last = text.replace("\\:", "").split(":")
    if isinstance(error, TypeError) and "interface=" in text and "=" not in last:
        return "each colon of an address is escaped, as in interface=\\:\\:1"
    return str(error)


def meet(one: Endpoint, other: Endpoint) -> bool:
    """Tell whether two endpoints cannot be had both."""
    if one.port is None or one.port != other.port:
        return one.text == other.text
    if one.port == 0:  # any that is free
        return False
    addresses = {one.interface, other.interface}
    return len(addresses) == 1 or bool(addresses & set(EVERYWHERE))
