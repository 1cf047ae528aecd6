"""What is wrong with a pool or a node that its types cannot say."""

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from protocol.bitcoin.address import AddressError, script_of_address
from protocol.bitcoin.network import Network
from protocol.hosts import is_host
from protocol.noise.authority import AuthorityKey, AuthorityKeyError
from protocol.sv2.frame import MAX_TEXT_BYTES
from proxy.config.model import (
    Config,
)
from proxy.config.sources import NO_PASSWORD, NodeConfig, PoolConfig

POOL_SCHEMES = ("stratum+tcp", "stratum+tls", "stratum2+tcp")


def pool_faults(config: Config, pool: PoolConfig, key: str) -> Iterator[str]:
    """Yield each fault of the pool at `key` as a sentence that ends in its key."""
    if why := _url_fault(pool):
        yield f"{why} - at `{key}.url`"
    if any(brace in pool.user.replace("{worker}", "") for brace in "{}"):
        yield f"Only {{worker}} may stand in braces - at `{key}.user`"
    if pool.url.startswith("stratum2+tcp://"):
        yield from _sv2_faults(pool, key)
    if not pool.url.startswith("stratum+tls://"):
        for name in ("fingerprint", "ca_file"):
            if getattr(pool, name) is not None:
                yield f"{name} needs a stratum+tls:// url - at `{key}.{name}`"
    against = pool.check_against
    if against is not None and against not in {n.name for n in config.nodes}:
        yield f"No node is called {against!r} - at `{key}.check_against`"


def _sv2_faults(pool: PoolConfig, key: str) -> Iterator[str]:
    if pool.password != NO_PASSWORD:
        yield f"Stratum V2 has no passwords - at `{key}.password`"
    size = len(pool.user.replace("{worker}", "").encode())
    if size > MAX_TEXT_BYTES:
        yield f"Expected at most {MAX_TEXT_BYTES} B, got {size} - at `{key}.user`"


def _url_fault(pool: PoolConfig) -> str:
    url = pool.url
    try:
        parts, host, port = _split(url)
    except ValueError as error:
        return f"Not a url: {error}"
    if parts.scheme not in POOL_SCHEMES:
        wanted = ", ".join(f"{scheme}://" for scheme in POOL_SCHEMES)
        return f"Expected one of {wanted}, got {url!r}"
    if not host or not port:
        return f"Expected {parts.scheme}://host:port, got {url!r}"
    if parts.scheme == "stratum2+tcp" and (why := _authority_fault(parts.path)):
        return why
    is_verified = parts.scheme == "stratum+tls" and pool.fingerprint is None
    return _host_fault(host, is_verified=is_verified)


def _split(url: str) -> tuple[SplitResult, str, int | None]:
    """Return the parts of a url, its host and its port.

    Raises:
        ValueError: It is none, or no port is so large.
    """
    parts = urlsplit(url)
    return parts, parts.hostname or "", parts.port


def _rpc_fault(url: str) -> str:
    try:
        _, host, _ = _split(url)
    except ValueError as error:
        return f"Not a url: {error}"
    return _host_fault(host, is_verified=False)


def _host_fault(host: str, *, is_verified: bool) -> str:
    try:
        plain = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        plain = ""
    if not is_host(plain):
        return f"Not a name of a host: {host!r}"
    if is_verified and "_" in host:
        return "No certificate is valid for a name with an underscore: pin fingerprint"
    return ""


def _authority_fault(path: str) -> str:
    text = path.strip("/")
    if not text:
        return "Expected stratum2+tcp://host:port/AUTHORITY_KEY"
    try:
        AuthorityKey.from_text(text)
    except AuthorityKeyError as error:
        return f"Not an authority key: {error}"
    return ""


def node_faults(node: NodeConfig, key: str) -> Iterator[str]:
    """Yield each fault of the node at `key` as a sentence that ends in its key."""
    has_user = node.user is not None and node.password is not None
    has_half = (node.user is None) != (node.password is None)
    if has_half or (node.cookie_file is not None) == has_user:
        yield f"Expected cookie_file, or user and password - at `{key}`"
    if why := _rpc_fault(node.rpc):
        yield f"{why} - at `{key}.rpc`"
    if why := _address_fault(node):
        yield f"{why} - at `{key}.payout_address`"


def _address_fault(node: NodeConfig) -> str:
    """Return why nobody can be paid, as far as the network is known; empty if so."""
    if node.payout_address is None:
        return ""
    said = []
    for network in Network if node.network is None else (node.network,):
        try:
            script_of_address(node.payout_address, network)
        except AddressError as error:
            said.append(str(error))
        else:
            return ""
    return said[0] if len(said) == 1 else f"{said[0]}, nor of another network"
