"""Those who are told: Alertmanager, webhooks, ntfy, mail."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from attrs import define, frozen
from twisted.internet.defer import TimeoutError  # noqa: A004
from twisted.internet.error import ConnectError, ConnectionClosed
from typing_extensions import override

from protocol.units import Seconds, UnixTime
from proxy.alerts import bodies
from proxy.alerts.delivery import DeliveryError, Notice, Receiver
from proxy.alerts.http import HttpClient
from proxy.config.alerts import AlertConfig

RE_POSTED = Seconds(60.0)
"""How often Alertmanager wants to hear of an alarm that stands (its clients' API)."""

TAKEN_FOR_OVER = Seconds(240.0)
"""An alarm that is not posted again is over for Alertmanager: three may get lost."""

MAIL_DEADLINE = Seconds(60.0)
"""Chosen: mail servers hold strangers back for some ten seconds."""

_JSON = {"Content-Type": "application/json"}


@frozen
class Sender:
    """Who speaks.

    Attributes:
        proxy: What the process is called.
        wall_clock: Tells the time of day.
    """

    proxy: str
    reactor: Any
    wall_clock: Callable[[], UnixTime]


@define(eq=False, repr=False)
class AlertmanagerReceiver(Receiver):
    """Alertmanager's `POST /api/v2/alerts`."""

    sender: Sender
    client: HttpClient
    config: AlertConfig

    @override
    async def send(self, notices: Sequence[Notice]) -> None:
        until = UnixTime(self.sender.wall_clock() + TAKEN_FOR_OVER)
        body = bodies.alertmanager(self.sender.proxy, notices, until)
        url = f"{str(self.config.url).rstrip('/')}/api/v2/alerts"
        headers = _JSON | _bearer(self.config)
        await self.client.post(url, msgspec.json.encode(body), headers)


@define(eq=False, repr=False)
class WebhookReceiver(Receiver):
    """Whatever takes Alertmanager's webhooks."""

    sender: Sender
    client: HttpClient
    config: AlertConfig

    @override
    async def send(self, notices: Sequence[Notice]) -> None:
        body = bodies.webhook(self.sender.proxy, self.config.name, notices)
        headers = _JSON | _bearer(self.config)
        await self.client.post(str(self.config.url), msgspec.json.encode(body), headers)


@define(eq=False, repr=False)
class NtfyReceiver(Receiver):
    """A topic of ntfy."""

    sender: Sender
    client: HttpClient
    config: AlertConfig

    @override
    async def send(self, notices: Sequence[Notice]) -> None:
        headers = bodies.ntfy_headers(self.sender.proxy, notices)
        headers |= _bearer(self.config)
        body = bodies.text(notices).encode()
        await self.client.post(str(self.config.url), body, headers)


@define(eq=False, repr=False)
class MailReceiver(Receiver):
    """A mail server that takes messages of ours: twisted.mail's client."""

    sender: Sender
    config: AlertConfig

    @override
    async def send(self, notices: Sequence[Notice]) -> None:
        # It imports the reactor, which `share_process.main` has to choose first.
        from twisted.mail.smtp import SMTPClientError, sendmail  # noqa: PLC0415

        config, clock = self.config, self.sender.reactor
        sender, to = str(config.from_), list(config.to)
        at = self.sender.wall_clock()
        message = bodies.mail(self.sender.proxy, sender, to, notices, at)
        sent = sendmail(
            str(config.host).encode("idna"),
            sender.encode(),
            [address.encode() for address in to],
            message,
            port=config.port,
            reactor=clock,
            username=config.username,
            password=config.password,
            requireAuthentication=config.username is not None,
            requireTransportSecurity=config.starttls,
        )
        try:
            await sent.addTimeout(MAIL_DEADLINE, clock)
        except TimeoutError as error:
            raise DeliveryError(f"not taken in {MAIL_DEADLINE:g} s") from error
        except (SMTPClientError, OSError, ConnectError, ConnectionClosed) as error:
            raise DeliveryError(str(error)) from error


def receiver_of(config: AlertConfig, sender: Sender) -> Receiver:
    """Return who a row of `[[alerts]]` is about, other than a heartbeat."""
    if config.kind == "smtp":
        return MailReceiver(sender, config)
    client = HttpClient(sender.reactor)
    if config.kind == "alertmanager":
        return AlertmanagerReceiver(sender, client, config)
    if config.kind == "webhook":
        return WebhookReceiver(sender, client, config)
    return NtfyReceiver(sender, client, config)


def _bearer(config: AlertConfig) -> dict[str, str]:
    token = config.token
    return {} if token is None else {"Authorization": f"Bearer {token}"}
