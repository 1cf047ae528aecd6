"""What is wrong with a signal of kind `openadr3`."""

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import pairwise
from urllib.parse import urlsplit

from proxy.config.power import SignalConfig

TRIES = 2
"""Looks that each half of the lease has room for: at its half a site holds."""


def openadr_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    """Yield each fault of a signal as a sentence that ends in its key."""
    for name in ("url", "token_url"):
        url = getattr(signal, name)
        if url is not None and is_in_the_clear(url):
            yield (
                "The client's secret and token would be sent in the clear: https://, or"
                f" http:// to this machine alone - at `{key}.{name}`"
            )
        if url is not None and urlsplit(url).query:
            yield f"Expected a URL without a query - at `{key}.{name}`"
    urls = [signal.url or "", signal.token_url or ""]
    if signal.ca_file is not None and not any(u.startswith("https:") for u in urls):
        yield f"Of https:// alone: http:// is not encrypted - at `{key}.ca_file`"
    if signal.poll_or_default_s > signal.lease_s / TRIES:
        yield (
            f"One look each {signal.poll_or_default_s:g} s does not keep a lease of"
            f" {signal.lease_s:g} s: at most half of it - at `{key}.poll_s`"
        )
    simple = signal.simple or ()
    if any(more > less for less, more in pairwise(simple)):
        yield (
            "Expected no level to allow more than the one before: 0 is normal, 3 the"
            f" most severe - at `{key}.simple`"
        )


def is_in_the_clear(url: str) -> bool:
    """Tell whether what is sent to `url` can be read on the network."""
    found = urlsplit(url)
    host = found.hostname or ""
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return found.scheme not in {"https", "mqtts"} and not is_here
