"""What the configuration of a site says of signals, meter and relay, made."""

import asyncio
from ipaddress import ip_network
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IStreamServerEndpoint

from protocol.oversight.presence import PRESENT_S, PresenceRule
from protocol.setpoint.der_map import DerMap
from protocol.setpoint.registers import Scale
from protocol.setpoint.simple_map import SimpleMap
from protocol.units import Seconds, Watts
from proxy.config import PowerConfig, SignalConfig
from proxy.config.meter import MeterConfig, read_meter_url
from proxy.config.trip_input import read_trip_url
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.orders.market import RewardSource
from proxy.power.ports import MeterSource, SignalSource
from proxy.runtime.tls import server_endpoint
from proxy.signals.http_orders import HttpOrders, HttpSettings
from proxy.signals.modbus_contact import ModbusContact
from proxy.signals.modbus_line import POLL_DEADLINE, ModbusLine
from proxy.signals.modbus_meter import MeterChoice, PlainMeter, SunSpecMeter
from proxy.signals.modbus_orders import ModbusOrders, ModbusSettings
from proxy.signals.mqtt_build import mqtt_lines, mqtt_settings
from proxy.signals.mqtt_orders import MqttOrders
from proxy.signals.openadr_build import openadr_signal
from proxy.signals.openadr_orders import OpenAdrOrders
from proxy.signals.price_build import price_signal
from proxy.signals.price_signal import PriceSignal
from proxy.signals.price_worth import NodeWorth
from proxy.signals.relay import HttpRelay
from proxy.signals.schedule_source import ScheduleFile, ScheduleSource
from proxy.signals.signed.http import ListeningDocuments
from proxy.signals.signed.source import SignedDocuments, SignedSettings
from proxy.signals.signed.trust import check_settings, read_policy
from proxy.signals.trip_contact import TripContact

UNITS = {"W": 1.0, "kW": 1e3, "MW": 1e6}


def signals_of(  # noqa: PLR0913  (as `signal_of`)
    site: str,
    power: PowerConfig,
    reactor: Any,
    wall_clock: SteadyClock,
    loop: asyncio.AbstractEventLoop | None = None,
    *,
    member: str = "",
    rewards: RewardSource | None = None,
) -> list[SignalSource]:
    """Return the signals of a site, none of them started.

    Args:
        site: Its name.
        power: Its power settings.
        reactor: As of `signal_of`.
        wall_clock: Likewise.
        loop: Likewise.
        rewards: Whom a price asks what a block earns; None: there is no node.
        member: See `mqtt_build.mqtt_lines`.

    Raises:
        ValueError: As of `signal_of`.
    """
    found = [
        signal_of(site, one, power, reactor, wall_clock, loop, member=member)
        for one in power.signals
    ]
    _join_prices(power, found)
    for signal in found:
        if isinstance(signal, PriceSignal) and isinstance(signal.worth, NodeWorth):
            signal.worth.rewards = rewards
    return found


def _join_prices(power: PowerConfig, signals: list[SignalSource]) -> None:
    """Let a price signal hear what a utility's events say, where it follows these."""
    for config, signal in zip(power.signals, signals, strict=True):
        if config.format != "openadr3" or not isinstance(signal, PriceSignal):
            continue
        for other in signals:
            if isinstance(other, OpenAdrOrders) and other.name == config.document:
                other.prices_to = signal


def signal_of(  # noqa: PLR0911, PLR0913, PLR0917  (one each)
    site: str,
    config: SignalConfig,
    power: PowerConfig,
    reactor: Any,
    wall_clock: SteadyClock,
    loop: asyncio.AbstractEventLoop | None = None,
    *,
    member: str = "",
) -> SignalSource:
    """Return a signal, not started; until then reactor and loop are not used.

    Raises:
        ScheduleError: The file of a schedule cannot be used.
        ValueError: An endpoint is none, or a kind of signal does not exist yet.
    """
    name = config.source
    if config.kind == "schedule" and config.file is not None:
        file = ScheduleFile(config.file, config.time_zone or "UTC")
        return ScheduleSource(site, name, file, reactor, wall_clock)
    if config.kind == "http" and config.listen and config.token is not None:
        lease_s, max_age_s = Seconds(config.lease_s), Seconds(config.max_age_s)
        settings = HttpSettings(site, name, config.token, lease_s, max_age_s)
        endpoint = _endpoint(config.listen, reactor)
        return HttpOrders(settings, endpoint, reactor, wall_clock)
    if config.kind == "modbus" and config.listen:
        endpoint = _endpoint(config.listen, reactor)
        return _modbus(site, config, power, endpoint, reactor, wall_clock)
    if config.kind == "mqtt" and config.brokers:
        mqtt = mqtt_settings(site, config, power)
        lines = mqtt_lines(site, config, loop, member)
        return MqttOrders(mqtt, lines, reactor, wall_clock)
    if config.kind == "openadr3" and config.url:
        return openadr_signal(site, config, power, reactor, wall_clock, loop)
    if config.kind == "signed":
        return _signed(site, config, power, reactor)
    if config.kind == "price" and config.document is not None:
        return price_signal(site, config, power, reactor, wall_clock)
    raise ValueError(f"no signal of kind {config.kind!r} yet, or not enough said of it")


def _signed(
    site: str, config: SignalConfig, power: PowerConfig, reactor: Any
) -> SignedDocuments:
    """Return a signal of signed documents, not started."""
    if config.policy is None or config.policy_id is None:
        raise ValueError("a policy is needed, and its id")
    trusted = read_policy(config.policy, config.policy_id, site)
    presence = PresenceRule(
        config.raise_needs or 0,
        PRESENT_S if config.present_s is None else config.present_s,
        config.absent_s or 0.0,
    )
    check_settings(trusted, presence, Watts(power.budget_w))
    settings = SignedSettings(site, config.source, trusted, presence)
    if config.listen is None:
        return SignedDocuments(settings, reactor)
    return ListeningDocuments(settings, _endpoint(config.listen, reactor), reactor)


def _modbus(  # noqa: PLR0913, PLR0917  (what the others are given, and the contract)
    site: str,
    config: SignalConfig,
    power: PowerConfig,
    endpoint: IStreamServerEndpoint,
    reactor: Any,
    wall_clock: SteadyClock,
) -> ModbusOrders:
    """Return a signal over Modbus TCP, not started."""
    is_simple = config.map == "simple"
    units = config.units or ("kW" if is_simple else "W")
    unit_w = power.budget_w / 100.0 if units == "percent" else UNITS[units]
    sign = -1 if config.sign == "generator" else 1
    scale = Scale(Watts(power.budget_w), unit_w, sign)
    settings = ModbusSettings(
        site,
        config.source,
        Seconds(config.lease_s),
        Watts(power.budget_w),
        Watts(power.fail_safe_w),
        1 if config.unit is None else config.unit,
        config.exclusive is not False,
        tuple(ip_network(text) for text in config.allow),
    )
    registers = SimpleMap(scale) if is_simple else DerMap(scale, site)
    return ModbusOrders(settings, registers, endpoint, reactor, wall_clock)


def _endpoint(text: str, reactor: Any) -> IStreamServerEndpoint:
    try:
        endpoint: IStreamServerEndpoint = server_endpoint(reactor, text)
    except (ValueError, TypeError, LookupError, OSError, SSL.Error) as error:
        raise ValueError(f"{text!r} is no endpoint: {error}") from error
    return endpoint


def meter_of(power: PowerConfig, loop: asyncio.AbstractEventLoop) -> MeterSource | None:
    """Return a site's meter, None where the model is all there is."""
    return meter_source(power.meter, loop) if power.has_meter else None


def meter_source(
    meter: str | MeterConfig, loop: asyncio.AbstractEventLoop
) -> MeterSource:
    """Return a meter by its URL or its table."""
    plain = meter if isinstance(meter, MeterConfig) else None
    url = plain.url if plain is not None else str(meter)
    address = read_meter_url(url)
    line = ModbusLine(loop, (address.host, address.port), address.unit)
    if plain is not None:
        return PlainMeter(line, plain.place, plain.energy_place)
    return SunSpecMeter(line, MeterChoice(address.model, address.nth))


def trip_contact_of(
    site: str,
    power: PowerConfig,
    loop: asyncio.AbstractEventLoop,
    reactor: Any,
    wall_clock: SteadyClock,
) -> list[SignalSource]:
    """Return the contact that trips a site, not read yet; none if it has none."""
    if power.trip_input is None:
        return []
    at, give_up = read_trip_url(power.trip_input), Seconds(power.trip_input_s)
    # Half of what it may be silent for: a second look is due before that is over.
    deadline = Seconds(min(POLL_DEADLINE, give_up / 2.0))
    line = ModbusLine(loop, (at.host, at.port), at.unit, deadline, what="contact")
    contact = ModbusContact(line, at.number, at.is_closed_good)
    return [TripContact(site, contact, give_up, reactor, wall_clock)]


def relay_of(site: str, power: PowerConfig, reactor: Any) -> HttpRelay | None:
    """Return a site's relay, None if it has none."""
    if power.relay is None:
        return None
    return HttpRelay(reactor, site, power.relay, power.relay_token)
