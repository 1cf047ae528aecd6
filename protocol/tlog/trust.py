"""Trust policies: which logs, which witnesses, and how many of them must have cosigned.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

Names are octets to the spec; here they are text, what is no UTF-8 kept as it is.
Spec: c2sp.org/tlog-policy.
"""

from collections.abc import Iterable

from attrs import frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.note import KeyKind, VerifierKey
from protocol.tlog.text import number_of

NO_QUORUM = "none"

MAX_TRUST_BYTES = 1 << 18
MAX_NAMED = 256
"""Lines of each kind; the spec asks for 32."""

_ALLOWED = frozenset(b"\t") | frozenset(range(0x20, 0x100)) - {0x7F}
_MIN_WORDS = {"log": 2, "witness": 3, "group": 4, "quorum": 2}
_MAX_WORDS = {"log": 3, "witness": 4, "group": MAX_NAMED, "quorum": 2}


@frozen
class TrustedLog:
    """A log that is believed."""

    key: VerifierKey
    url: str


@frozen
class Witness:
    """Who cosigns.

    Attributes:
        name: In this policy alone.
        url: Its submission prefix; empty: it is not asked.
    """

    name: str
    key: VerifierKey
    url: str


@frozen
class Group:
    """Members of whom `needed` must have cosigned; each a witness or a group."""

    needed: int
    members: tuple[str, ...]


@frozen
class Trust:
    """A policy.

    Attributes:
        groups: By name, in their order.
        quorum: A witness, a group, or `NO_QUORUM`.
    """

    logs: tuple[TrustedLog, ...]
    witnesses: tuple[Witness, ...]
    groups: dict[str, Group]
    quorum: str

    def is_met_by(self, cosigners: Iterable[VerifierKey]) -> bool:
        """Tell whether cosignatures by these are enough."""
        keys = set(cosigners)
        met = {NO_QUORUM} | {w.name for w in self.witnesses if w.key in keys}
        for name, group in self.groups.items():
            if sum(one in met for one in group.members) >= group.needed:
                met.add(name)
        return self.quorum in met


def trust_of(raw: bytes) -> Trust:
    """Read a policy.

    Raises:
        MalformedMessageError: It is none; the message names the line.
    """
    if len(raw) > MAX_TRUST_BYTES:
        raise MalformedMessageError(f"a trust policy of {len(raw)} B")
    reader = _Reader({}, [], [], [])
    for number, line in enumerate(raw.split(b"\n"), 1):
        try:
            reader.take(line)
        except MalformedMessageError as error:
            raise MalformedMessageError(f"line {number}: {error}") from error
    if len(reader.quorums) != 1:
        raise MalformedMessageError(f"{len(reader.quorums)} quorum lines, wanted one")
    groups = {n: g for n, g in reader.names.items() if g is not None}
    return Trust(tuple(reader.logs), tuple(reader.witnesses), groups, reader.quorums[0])


@frozen
class _Reader:
    """What was read so far; `names` has None for a witness."""

    names: dict[str, Group | None]
    logs: list[TrustedLog]
    witnesses: list[Witness]
    quorums: list[str]

    def take(self, raw: bytes) -> None:
        if not _ALLOWED.issuperset(raw):
            raise MalformedMessageError("a control character")
        line = raw.decode("utf-8", "surrogateescape").strip(" \t")
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or line.startswith("#"):
            return
        kind = words[0]
        if kind not in _MIN_WORDS:
            raise MalformedMessageError("no log, witness, group or quorum")
        if not _MIN_WORDS[kind] <= len(words) <= _MAX_WORDS[kind]:
            raise MalformedMessageError(f"{len(words)} words for a {kind}")
        if len(self.names) + len(self.logs) >= MAX_NAMED:
            raise MalformedMessageError(f"more than {MAX_NAMED} names")
        {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }[kind](words[1:])

    def _log(self, words: list[str]) -> None:
        key = VerifierKey.from_text(words[0])
        if any(log.key.public == key.public for log in self.logs):
            raise MalformedMessageError("a log whose key stands above")
        self.logs.append(TrustedLog(key, words[1] if len(words) > 1 else ""))

    def _witness(self, words: list[str]) -> None:
        name, key = self._new(words[0]), VerifierKey.from_text(words[1])
        if key.kind is KeyKind.ED25519:
            raise MalformedMessageError(f"the key of {name} makes no cosignatures")
        if any(one.key.public == key.public for one in self.witnesses):
            raise MalformedMessageError("a witness whose key stands above")
        self.names[name] = None
        url = words[2] if len(words) > 2 else ""  # noqa: PLR2004
        self.witnesses.append(Witness(name, key, url))

    def _group(self, words: list[str]) -> None:
        name, members = self._new(words[0]), words[2:]
        for one in members:
            self._known(one)
        if len(set(members)) < len(members):
            raise MalformedMessageError("a member that stands twice")
        used = {m for g in self.names.values() if g is not None for m in g.members}
        if again := used & set(members):
            raise MalformedMessageError(f"{again.pop()} is in a group already")
        count = {"all": len(members), "any": 1}.get(words[1])
        needed = number_of(words[1], "how many") if count is None else count
        if not 1 <= needed <= len(members):
            raise MalformedMessageError(f"{needed} of {len(members)} members")
        self.names[name] = Group(needed, tuple(members))

    def _quorum(self, words: list[str]) -> None:
        if words[0] != NO_QUORUM:
            self._known(words[0])
        self.quorums.append(words[0])

    def _new(self, name: str) -> str:
        if name in self.names or name == NO_QUORUM:
            raise MalformedMessageError(f"the name {name} is taken")
        return name

    def _known(self, name: str) -> None:
        if name not in self.names:
            raise MalformedMessageError(f"no witness or group {name} above")
