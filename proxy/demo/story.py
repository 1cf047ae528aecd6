"""What happens at the demo's plant: a day of power in minutes, told by HTTP."""

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


@frozen
class Scene:
    """What the plant can spare from a moment of the story on.

    Attributes:
        share: Of the contract; None: the plant falls silent.
    """

    begins: Seconds
    text: str
    share: float | None


@frozen
class Story:
    """What happens, again and again.

    Attributes:
        scenes: In order; the first begins at 0.
        repeats_from: What was before is told once.
        lasts: Until it comes round.
    """

    scenes: tuple[Scene, ...]
    repeats_from: Seconds
    lasts: Seconds

    def at(self, elapsed: float) -> Scene:
        """Return the scene that it is in, `elapsed` seconds after its start."""
        if elapsed >= self.lasts:
            round_ = self.lasts - self.repeats_from
            elapsed = self.repeats_from + (elapsed - self.lasts) % round_
        return next(s for s in reversed(self.scenes) if s.begins <= elapsed)


def _told(*scenes: tuple[float, str, float | None]) -> tuple[Scene, ...]:
    return tuple(Scene(Seconds(begins), text, share) for begins, text, share in scenes)


BEGIN = "The plant spares all that was agreed."
SLOW = Story(
    _told(
        (0, BEGIN, 1.0),
        (60, "The plant follows its load: a little less.", 0.9),
        (80, "The plant follows its load: less still.", 0.85),
        (100, "The plant follows its load: more again.", 0.9),
        (120, "Dispatch: down to two fifths, at once.", 0.4),
        (150, "The dispatch is over; who slept rests 2 min.", 1.0),
        (290, "The line is cut: nobody speaks for the plant.", None),
        (320, "The plant is heard again.", 1.0),
        (460, "Trip: nothing may be drawn.", 0.0),
        (480, "All clear; who slept rests 2 min.", 1.0),
    ),
    repeats_from=Seconds(60.0),
    lasts=Seconds(600.0),
)
FAST = Story(
    _told(
        (0, BEGIN, 1.0),
        (12, "The plant follows its load: a little less.", 0.85),
        (22, "Dispatch: down to two fifths, at once.", 0.4),
        (50, "The dispatch is over; who slept rests 2 min.", 1.0),
        (185, "The line is cut: nobody speaks for the plant.", None),
        (205, "The plant is heard again; who slept rests 2 min.", 1.0),
        (340, "Trip: nothing may be drawn.", 0.0),
        (355, "All clear; who slept rests 2 min.", 1.0),
    ),
    repeats_from=Seconds(12.0),
    lasts=Seconds(490.0),
)
"""A start takes some seconds, on a slow machine 15: the dispatch is seen within 40."""

STORIES = {"fast": FAST, "slow": SLOW}


@define(eq=False, repr=False)
class StoryPlant:
    """Gives the orders of the story, as a plant would: over HTTP, with a token.

    Attributes:
        url: Of the HTTP signal.
        token: What it shows.
        contract_w: What was agreed.
        clock: The reactor.
        story: What happens.
    """

    url: str
    token: str
    contract_w: Watts
    clock: Any
    story: Story = FAST
    _began: float = field(init=False)
    _told: Scene | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._began = self.clock.seconds()

    @property
    def scene(self) -> Scene:
        """What is happening now."""
        return self.story.at(self.clock.seconds() - self._began)

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
        coming = (s.begins - at for s in self.story.scenes if s.begins > at)
        return min([SPEAKS_EVERY, *coming])

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
