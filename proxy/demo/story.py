"""What happens at the demo's plant: a day of power in ten minutes, told by HTTP."""

from typing import Any

import treq
from attrs import define, field, frozen
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    DNSLookupError,
)
from twisted.internet.task import deferLater
from twisted.web.client import ResponseFailed
from twisted.web.http_headers import Headers

from protocol.units import Seconds, Watts

LEASE = Seconds(10.0)
"""The plant has to speak again within so long."""

OK = 200

SPEAKS_EVERY = Seconds(2.0)
REPEATS_FROM = Seconds(60.0)
LASTS = Seconds(600.0)


@frozen
class Scene:
    """What the plant can spare from a moment of the story on.

    Attributes:
        share: Of the contract; None: the plant falls silent.
    """

    begins: Seconds
    text: str
    share: float | None


STORY = (
    Scene(Seconds(0.0), "The plant spares all that was agreed.", 1.0),
    Scene(Seconds(60.0), "The plant follows its load: a little less.", 0.9),
    Scene(Seconds(80.0), "The plant follows its load: less still.", 0.85),
    Scene(Seconds(100.0), "The plant follows its load: more again.", 0.9),
    Scene(Seconds(120.0), "Dispatch: down to two fifths, at once.", 0.4),
    Scene(Seconds(150.0), "The dispatch is over; who slept rests 2 min.", 1.0),
    Scene(Seconds(290.0), "The line is cut: nobody speaks for the plant.", None),
    Scene(Seconds(320.0), "The plant is heard again.", 1.0),
    Scene(Seconds(460.0), "Trip: nothing may be drawn.", 0.0),
    Scene(Seconds(480.0), "All clear; who slept rests 2 min.", 1.0),
)
"""From `REPEATS_FROM` on it is told again and again."""


def scene_at(elapsed: float) -> Scene:
    """Return the scene that the story is in, `elapsed` seconds after its start."""
    if elapsed >= LASTS:
        elapsed = REPEATS_FROM + (elapsed - LASTS) % (LASTS - REPEATS_FROM)
    return next(s for s in reversed(STORY) if s.begins <= elapsed)


@define(eq=False, repr=False)
class StoryPlant:
    """Gives the orders of the story, as a plant would: over HTTP, with a token.

    Attributes:
        url: Of the HTTP signal.
        token: What it shows.
        contract_w: What was agreed.
        clock: The reactor.
    """

    url: str
    token: str
    contract_w: Watts
    clock: Any
    _began: float = field(init=False)
    _told: Scene | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._began = self.clock.seconds()

    @property
    def scene(self) -> Scene:
        """What is happening now."""
        return scene_at(self.clock.seconds() - self._began)

    async def until_heard(self) -> None:
        """Speak until somebody listens; the story begins then."""
        while not await self._speak():
            await deferLater(self.clock, 0.2)
        self._began = self.clock.seconds()

    async def run(self) -> None:
        """Tell the story until cancelled."""
        while True:
            await deferLater(self.clock, self._pause())
            if self.scene.share is not None:
                await self._speak()

    def _pause(self) -> float:
        """Return how long to wait: to the next word, or to the next scene."""
        at = float(self.clock.seconds()) - self._began
        return min([SPEAKS_EVERY, *(s.begins - at for s in STORY if s.begins > at)])

    async def _speak(self) -> bool:
        """Give the scene's order, or renew its lease; return whether it was taken."""
        scene = self.scene
        if scene is self._told or scene.share is None:
            return await self._post("lease", b"")
        watts = scene.share * self.contract_w
        order = f'{{"watts":{watts:.0f},"lease_s":{LEASE:g},"reason":"{scene.text}"}}'
        if not await self._post("orders", order.encode()):
            return False
        self._told = scene
        return True

    async def _post(self, what: str, body: bytes) -> bool:
        headers = Headers({"Authorization": [f"Bearer {self.token}"]})
        url = f"{self.url}/v1/{what}"
        try:
            answer = await treq.post(
                url, data=body, headers=headers, persistent=False, reactor=self.clock
            )
            await answer.content()
        except (ConnectingCancelledError, DNSLookupError) as error:
            raise CancelledError from error  # a look-up's way to say so
        except ConnectError:  # not there yet, or on its way back
            return False
        except ResponseFailed as error:
            if any(reason.check(CancelledError) for reason in error.reasons):
                raise CancelledError from error
            return False
        return bool(answer.code == OK)
