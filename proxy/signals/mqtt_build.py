"""A signal over MQTT, made of its row of the configuration."""

import asyncio
import ssl
from pathlib import Path

from protocol.units import Seconds, Watts
from proxy.config import PowerConfig, SignalConfig
from proxy.config.mqtt import read_broker_url
from proxy.power.journal.alarms import AlarmName
from proxy.runtime.tls import verifying_context
from proxy.signals.mqtt_client import Broker, Topics
from proxy.signals.mqtt_discovery import discovery
from proxy.signals.mqtt_line import MqttLine
from proxy.signals.mqtt_orders import LEASE, ORDER, MqttSettings
from proxy.version import VERSION

_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""As `runtime.tls`."""


def mqtt_settings(site: str, config: SignalConfig, power: PowerConfig) -> MqttSettings:
    """Return what the signal is told."""
    base = _base(site, config)
    alarms = tuple(name.value for name in AlarmName)
    order_w = power.budget_w if config.allow_orders else None
    told = discovery(site, base, alarms, order_w, VERSION) if config.discovery else None
    return MqttSettings(
        site,
        config.source,
        Seconds(config.lease_s),
        Seconds(config.max_age_s),
        Watts(power.budget_w),
        "target_timestamp" if config.format == "target_timestamp" else "order",
        told,
    )


def mqtt_lines(
    site: str,
    config: SignalConfig,
    loop: asyncio.AbstractEventLoop | None,
    member: str = "",
) -> list[MqttLine]:
    """Return a line to each broker; the loop is not used until they are started.

    Args:
        site: Whose orders are heard.
        config: As configured.
        loop: The controller's.
        member: Which of the halls that hear them: it publishes below its name, and is
            told by it, so that a broker hangs up on none for another; empty: the site
            itself.

    Raises:
        ValueError: A URL is none, or `ca_file` cannot be used.
    """
    base = _base(site, config)
    own = f"{base}/{member}" if member else base
    heard = ((config.topic or f"{base}/{ORDER}", ORDER), (f"{base}/{LEASE}", LEASE))
    return [
        MqttLine(loop, _broker(url, config), Topics(own, heard))
        for url in config.brokers
    ]


def _base(site: str, config: SignalConfig) -> str:
    return f"{config.prefix or 'baseload'}/{site}"


def _broker(url: str, config: SignalConfig) -> Broker:
    at = read_broker_url(url)
    tls = tls_context(config.ca_file) if at.is_encrypted else None
    return Broker(at.host, at.port, tls, config.username, config.password)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return how a broker's certificate is verified.

    Raises:
        ValueError: `ca_file` cannot be read, or has no certificate in it.
    """
    try:
        context = verifying_context(ca_file)
    except OSError as error:  # of which ssl.SSLError is one
        raise ValueError(f"ca_file {ca_file}: {error.strerror or error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    return context
