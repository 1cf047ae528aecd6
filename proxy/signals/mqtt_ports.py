"""Between a signal over MQTT and its brokers: what each end calls on the other."""

from typing import Protocol


class Ear(Protocol):
    """Who listens to one broker."""

    def came(self) -> None:
        """Take note that the broker is connected, and its topics are subscribed."""

    def heard(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """Take in a message; `topic` is the last part of it."""


class Line(Protocol):
    """One broker, connected or not."""

    @property
    def name(self) -> str:
        """Return what it is, for people: no password."""

    def start(self, ear: Ear) -> None:
        """Connect, and again whenever the connection ends."""

    async def stop(self) -> None:
        """Say `offline`, and hang up."""

    def say(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        """Publish, as soon as that can be; lost where the broker is not there.

        Of what is retained the last one of a topic is kept until it is published.
        `topic` is as `Ear` has it, or a whole one that begins with `/`.
        """
