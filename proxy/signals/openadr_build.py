"""A signal that asks a utility's server, made of its row of the configuration."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.ssl import trustRootFromCertificates

from protocol.openadr.caps import SIMPLE, Rules
from protocol.units import Seconds, Watts
from proxy.config import PowerConfig, SignalConfig
from proxy.power.control.wall_clock import SteadyClock
from proxy.regular_file import open_regular
from proxy.runtime.tls import MAX_CA_BYTES, authorities
from proxy.signals.http_client import HttpClient
from proxy.signals.mqtt_build import tls_context
from proxy.signals.openadr_notices import Notices, line_maker
from proxy.signals.openadr_orders import OpenAdrOrders, OpenAdrSettings
from proxy.signals.openadr_session import VtnAccess, VtnSession
from proxy.signals.openadr_vtn import Vtn

REPORT_S = Seconds(60.0)
"""Between two reports to a utility: what programmes settle are quarter hours."""


def openadr_signal(  # noqa: PLR0913, PLR0917  (what the others are given)
    site: str,
    config: SignalConfig,
    power: PowerConfig,
    reactor: Any,
    wall_clock: SteadyClock,
    loop: asyncio.AbstractEventLoop | None,
) -> OpenAdrOrders:
    """Return a signal that asks a utility's server, not started.

    Raises:
        ValueError: `ca_file` cannot be used.
    """
    rules = Rules(
        config.ven_name or site,
        Watts(power.budget_w),
        Watts(power.fail_safe_w),
        config.simple or SIMPLE,
        config.units,
    )
    settings = OpenAdrSettings(
        site,
        config.source,
        Seconds(config.lease_s),
        Seconds(config.max_age_s),
        Seconds(config.poll_or_default_s),
        REPORT_S if config.report_s is None else Seconds(config.report_s),
        config.url or "",
        config.program,
        rules,
    )
    access = VtnAccess(
        config.url or "",
        config.token_url or "",
        config.client_id or "",
        config.client_secret or "",
    )
    http = HttpClient(reactor, roots=_roots(config.ca_file))
    vtn = Vtn(VtnSession(access, http, reactor), wall_clock)
    notices_of = None
    if config.notices == "mqtt":
        notices_of = partial(Notices, line_maker(loop), tls_context(config.ca_file))
    return OpenAdrOrders(settings, vtn, reactor, wall_clock, notices_of)


def _roots(ca_file: Path | None) -> Any:
    if ca_file is None:
        return None
    try:
        with open_regular(ca_file) as file:
            found = authorities(file.read(MAX_CA_BYTES))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"ca_file {ca_file}: {why}") from error
    return trustRootFromCertificates(found)
