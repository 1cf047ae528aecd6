"""The demo's other story: several parties hold the power, a witness holds the log.

Plant and grid office sign what may be drawn; the host alone cannot; one who has the
machine rewrites the log, and the witness says so; whoever asks verifies it at the end.
"""

import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import treq
from attrs import define, field, frozen
from msgspec.structs import replace
from twisted.internet.error import ConnectError
from twisted.internet.task import deferLater
from twisted.web.client import ResponseFailed

from protocol.errors import RemoteError
from protocol.oversight.document import document_id
from protocol.tlog.checkpoint import Checkpoint, checkpoint_of
from protocol.tlog.note import KeyKind, Note, note_of
from protocol.tlog.trust import trust_of
from protocol.tlog.witnessing import PATH, AddCheckpoint
from protocol.units import Seconds, UnixTime
from proxy.config import Config
from proxy.config.power import SignalConfig
from proxy.config.transparency import TransparencyConfig
from proxy.config.witness import WitnessConfig
from proxy.demo.parties import Parties
from proxy.demo.story import Scene
from proxy.oversight.signing import Signer, ed25519, seed_in
from proxy.oversight.witness_server import Running, serve, witness_signer
from proxy.verifier.report import Report
from proxy.verifier.signatures import Trusted
from proxy.verifier.verify import UnusableError, Wanted, verify

ORIGIN = "plant.example/demo/log/1"
POLICY = "policy-1.json"
WITNESS = "grid.example/witness"

ROUND = Seconds(600.0)
"""Until it is told again: a key signs 20 documents an hour, and here three a round."""

OnThread = Callable[[Callable[[], Any]], Awaitable[Any]]


@frozen
class Act:
    """What happens at a moment of the round; it returns what is to be told."""

    begins: Seconds
    play: Callable[["OversightStory"], Awaitable[str]]


@frozen
class Around:
    """What the story needs of the world.

    Attributes:
        folder: Of the demo.
        witness_port: Of the loopback, free.
        on_thread: Runs what takes its time.
    """

    folder: Path
    orders_port: int
    witness_port: int
    clock: Any
    wall_clock: Callable[[], UnixTime]
    on_thread: OnThread

    @property
    def state(self) -> Path:
        """The proxy's state folder."""
        return self.folder / "state"


@define(eq=False, repr=False)
class OversightStory:
    """Plays the story; the parties' answers are the site's own.

    Attributes:
        text: What is happening.
    """

    parties: Parties
    around: Around
    text: str = field(
        default="Nobody has signed: three fifths of what was agreed.", init=False
    )
    _limit: str = field(default="", init=False)
    _lift: bytes = field(default=b"", init=False)
    _witness: Running | None = field(default=None, init=False)

    @property
    def scene(self) -> Scene:
        """What is happening now."""
        return Scene(Seconds(0.0), self.text, None)

    def configured(self, config: Config) -> Config:
        """Return a configuration with documents and a log that is cosigned."""
        around, raw = self.around, self.parties.policy()
        policy, trust = around.folder / POLICY, around.folder / "trust.txt"
        policy.write_bytes(raw)
        witness = witness_signer(self._witness_settings()).key.text
        url = f"http://127.0.0.1:{around.witness_port}"
        lines = [f"log {self._log_signer().key.text}", f"witness grid {witness} {url}"]
        trust.write_text("\n".join([*lines, "quorum grid", ""]))
        signal = SignalConfig(
            kind="signed",
            policy=policy,
            policy_id=document_id(raw),
            listen=f"tcp:{around.orders_port}:interface=127.0.0.1",
        )
        (site,) = config.sites
        if site.power is not None:
            site = replace(site, power=replace(site.power, signals=(signal,)))
        log = TransparencyConfig(origin=ORIGIN, every_s=2.0, trust=trust)
        proxy = replace(config.proxy, transparency=log)
        return replace(config, proxy=proxy, sites=[site])

    async def start(self) -> None:
        """Let the witness listen."""
        around, settings = self.around, self._witness_settings()
        self._witness = await serve(
            settings, around.clock, around.wall_clock, around.on_thread, _quietly
        )

    async def stop(self) -> None:
        """End the witness."""
        if self._witness is not None:
            await self._witness.stop()

    async def until_heard(self) -> None:
        """Knock until the site takes documents."""
        while not (await self.parties.send(b"", "host")).status:
            await deferLater(self.around.clock, 0.2)

    async def run(self) -> None:
        """Tell the story until cancelled."""
        clock = self.around.clock
        while True:
            began = clock.seconds()
            for act in ACTS:
                await deferLater(clock, max(0.0, began + act.begins - clock.seconds()))
                self.text = await act.play(self)
            await deferLater(clock, max(0.0, began + ROUND - clock.seconds()))

    # the acts

    async def both_allow(self) -> str:
        """Plant and grid office raise the site."""
        raw = self.parties.allow(1.0, "as agreed")
        said = await self.parties.send(raw, "plant", "grid")
        what = "all that was agreed" if said.status == 200 else said.reason  # noqa: PLR2004
        return f"Plant and grid office sign: {what}."

    async def host_alone(self) -> str:
        """The host asks for more, and nobody signs with it."""
        raw = self.parties.allow(1.0, "more, please")
        said = await self.parties.send(raw, "host")
        return f"The host alone signs for more: it waits for {_list(said.needs)}."

    async def grid_limits(self) -> str:
        """The grid office lowers the site, alone."""
        raw = self.parties.limit(0.4, "feeder work")
        self._limit = (await self.parties.send(raw, "grid")).id
        return "The grid office signs a limit: two fifths, at once."

    async def host_lifts(self) -> str:
        """The host would have the limit gone."""
        self._lift = self.parties.lift(self._limit, "work is done")
        said = await self.parties.send(self._lift, "host")
        return f"The host signs that it ends: it waits for {_list(said.needs)}."

    async def plant_lifts(self) -> str:
        """The plant signs the same."""
        await self.parties.send(self._lift, "plant")
        return "The plant signs it, too: the limit ends."

    async def emergency(self) -> str:
        """The emergency office stops the site."""
        raw = self.parties.limit(0.0, "smoke in the hall")
        self._limit = (await self.parties.send(raw, "emergency")).id
        return "The emergency office signs: nothing may be drawn."

    async def all_clear(self) -> str:
        """Plant and grid office let it go on."""
        raw = self.parties.lift(self._limit, "all clear")
        await self.parties.send(raw, "plant", "grid")
        return "All clear, sign plant and grid office."

    async def forge(self) -> str:
        """One who has the log's key shows the witness another history."""
        try:
            size = await self._cosigned_size()
            status, why = await self._ask(self._forged(size), size)
        except (
            OSError,
            ValueError,
            RemoteError,
            ConnectError,
            ResponseFailed,
        ) as error:
            return f"The witness was shown another history: {error}."
        return f"Another history is signed: {WITNESS} answers {status}, {why}."

    async def verified(self) -> str:
        """Whoever has a copy of the log verifies it."""
        folder = self.around.folder
        trust = trust_of((folder / "trust.txt").read_bytes())
        policy = document_id((folder / POLICY).read_bytes())
        wanted = Wanted(self.around.state / "log", Trusted((), trust), policy_id=policy)
        try:
            text: str = await self.around.on_thread(lambda: told(verify(wanted).report))
        except UnusableError as error:
            text = str(error)
        return f"The verifier: {text}."

    async def _cosigned_size(self) -> int:
        note = note_of((self.around.state / "log" / "checkpoint").read_bytes())
        point = checkpoint_of(note.text)
        status, told = await self._ask(Note(note.text, note.signatures), 0)
        # It knows the log: the answer to an old size of 0 is the size that it knows.
        return int(told) if status == 409 else point.size  # noqa: PLR2004

    def _forged(self, size: int) -> Note:
        point = Checkpoint(ORIGIN, size, sha256(b"another history").digest())
        line = self._log_signer().line(point.text, int(self.around.wall_clock()))
        return Note(point.text, (line,))

    async def _ask(self, note: Note, old: int) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.around.witness_port}/{PATH}"
        body = AddCheckpoint(old, (), note).raw
        answer = await treq.post(
            url, data=body, persistent=False, reactor=self.around.clock
        )
        return answer.code, (await answer.content()).decode(errors="replace").strip()

    def _log_signer(self) -> Signer:
        settings = TransparencyConfig(origin=ORIGIN)
        seed = seed_in(self.around.state / settings.key, secrets.token_bytes)
        return ed25519(ORIGIN, KeyKind.ED25519, seed)

    def _witness_settings(self) -> WitnessConfig:
        return WitnessConfig(
            name=WITNESS,
            listen=f"tcp:{self.around.witness_port}:interface=127.0.0.1",
            log=(self._log_signer().key.text,),
            state=str(self.around.folder / "witness"),
        )


def told(report: Report) -> str:
    """Return what a verifier found, in a sentence."""
    faults = sum(one.severity == "finding" for one in report.findings)
    found = "no finding" if not faults else f"{faults} findings"
    by = ", ".join(report.cosigned_by) or "nobody"
    taken, refused = (report.documents.get(k, 0) for k in ("taken", "refused"))
    return (
        f"{report.size} rows, cosigned by {by}; {taken} documents taken, {refused}"
        f" refused; {report.exceed_kwh_outside_response:.2g} kWh above the budget"
        f" without reason: {found}"
    )


def _quietly(_: str, __: Signer) -> None:
    """Tell nobody where the witness listens."""


def _list(needs: object) -> str:
    return "; ".join(map(str, needs)) if isinstance(needs, list | tuple) else ""


ACTS = (
    Act(Seconds(15.0), OversightStory.both_allow),
    Act(Seconds(45.0), OversightStory.host_alone),
    Act(Seconds(60.0), OversightStory.grid_limits),
    Act(Seconds(85.0), OversightStory.host_lifts),
    Act(Seconds(95.0), OversightStory.plant_lifts),
    Act(Seconds(110.0), OversightStory.emergency),
    Act(Seconds(130.0), OversightStory.all_clear),
    Act(Seconds(145.0), OversightStory.forge),
    Act(Seconds(160.0), OversightStory.verified),
)
"""In the order in which they are played."""
