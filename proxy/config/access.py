"""What is wrong with who may come to a listener."""

from collections.abc import Iterator
from ipaddress import ip_network

from proxy.config.model import ListenerConfig


def access_faults(listener: ListenerConfig, key: str) -> Iterator[str]:
    """Yield each fault of a listener's networks as a sentence that ends in the key."""
    for name in ("allow", "deny", "trusted"):
        for index, text in enumerate(getattr(listener, name)):
            if not _is_network(text):
                wanted = "Expected an address or a network as 10.1.0.0/16"
                yield f"{wanted}, got {text!r} - at `{key}.{name}[{index}]`"
    yield from _certificate_faults(listener, key)
    is_balanced = listener.proxy_protocol == "required"
    if is_balanced and not listener.trusted:
        yield f"Needed where balancers come: their networks - at `{key}.trusted`"
    if listener.trusted and not is_balanced:
        what = 'trusted balancers without proxy_protocol = "required"'
        yield f"Nothing is made of {what} - at `{key}.trusted`"
    if is_balanced and _is_encrypted(listener.endpoint):
        what = "a balancer's header comes before TLS: let it end there"
        yield f"Expected a tcp: endpoint: {what} - at `{key}.endpoint`"
    if is_balanced and _is_unix(listener.endpoint):
        what = "who comes to a socket of this machine has no address to be trusted by"
        yield f"Expected a tcp: endpoint: {what} - at `{key}.endpoint`"


def _certificate_faults(listener: ListenerConfig, key: str) -> Iterator[str]:
    if listener.client_ca is not None and not _is_encrypted(listener.endpoint):
        what = "there are no certificates without TLS"
        yield f"Expected an ssl: endpoint: {what} - at `{key}.endpoint`"
    if listener.client_ca is None and listener.tls_identity == "must-prefix":
        what = "whose certificates name the workers"
        yield f"Needed for must-prefix: authorities {what} - at `{key}.client_ca`"


def _is_encrypted(endpoint: str) -> bool:
    return endpoint.startswith(("ssl:", "tls:"))


def _is_unix(endpoint: str) -> bool:
    kind, _, rest = endpoint.partition(":")
    domain = rest.partition(":")[0].removeprefix("domain=")
    return kind == "unix" or (kind == "systemd" and domain == "UNIX")


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
