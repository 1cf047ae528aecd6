"""Notices of a utility's server over MQTT: they call for a look, and say nothing.

The server says where its broker is, what it is shown there, and on which topics it
tells of events. What is in a notice is not read: the list of events is the truth.
"""

import asyncio
from collections.abc import Callable
from ssl import SSLContext

from attrs import define, field
from twisted.logger import Logger

from proxy.config.mqtt import read_broker_url
from proxy.config.openadr import is_in_the_clear
from proxy.signals.mqtt_client import Broker, Topics
from proxy.signals.mqtt_line import MqttLine
from proxy.signals.mqtt_ports import Line
from proxy.signals.openadr_session import VtnError
from proxy.signals.openadr_vtn import NoticePlace, Vtn

_SCHEMES = {"mqtt": "mqtt", "tcp": "mqtt", "mqtts": "mqtts", "ssl": "mqtts"}
"""As servers spell them; openleadr-vtn takes paho's."""

MakeLine = Callable[[Broker, Topics], Line]


@define(eq=False, repr=False)
class Notices:
    """Follows the server's broker, wherever that is.

    Args:
        make_line: Returns a connection to a broker, not started.
        tls: How a broker's certificate is verified.
        wake: Called when something is new, or may have been missed.
    """

    _log = Logger()

    _make_line: MakeLine
    _tls: SSLContext
    _wake: Callable[[], None]
    _place: NoticePlace | None = field(default=None, init=False)
    _line: Line | None = field(default=None, init=False)
    _fault: str = field(default="", init=False)

    async def follow(self, vtn: Vtn, ven_id: str) -> None:
        """Be where the server says that it tells of events; once a minute is enough."""
        try:
            place = await vtn.notices(ven_id)
            if place != self._place:
                await self.stop()
                self._line = self._make_line(_broker(place, self._tls), _topics(place))
                self._place = place
                self._line.start(self)
            self._say("")
        except (VtnError, ValueError) as error:
            self._say(str(error))

    async def stop(self) -> None:
        """Hang up."""
        line, self._line, self._place = self._line, None, None
        if line is not None:
            await line.stop()

    def came(self) -> None:
        """See `Ear`: what was said before is lost."""
        self._wake()

    def heard(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """See `Ear`."""
        del topic, payload, is_retained
        self._wake()

    def _say(self, fault: str) -> None:
        """Log once why there are no notices; the events are asked for all the same."""
        if fault and fault != self._fault:
            self._log.warn("no notices: {why}; events are asked for", why=fault)
        self._fault = fault


def line_maker(loop: asyncio.AbstractEventLoop | None) -> MakeLine:
    """Return what makes connections to brokers."""
    return lambda broker, topics: MqttLine(loop, broker, topics)


def _broker(place: NoticePlace, tls: SSLContext) -> Broker:
    """Return the broker that is to be connected to.

    Raises:
        ValueError: There is none that may be.
    """
    for uri in place.uris:
        scheme, _, rest = uri.partition("://")
        url = f"{_SCHEMES.get(scheme, scheme)}://{rest}".rstrip("/")
        at = read_broker_url(url)
        if place.password and not at.is_encrypted and is_in_the_clear(url):
            raise ValueError(f"{url} would show the token to the network")
        shown = tls if at.is_encrypted else None
        return Broker(at.host, at.port, shown, place.username, place.password)
    raise ValueError("the server names no broker")


def _topics(place: NoticePlace) -> Topics:
    return Topics(None, tuple((topic, topic) for topic in place.topics))
