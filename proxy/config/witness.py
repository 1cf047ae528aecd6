"""The file of `baseload witness`: whose logs it watches, and where it listens."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from protocol.errors import MalformedMessageError
from protocol.tlog.note import VerifierKey
from proxy.config.examine import Examiner
from proxy.config.fault import fault_of
from proxy.config.fields import Section, written
from proxy.config.load import error_of
from proxy.config.meter import MeterConfig, meter_faults
from proxy.config.toml_text import tables_of

MAX_LOGS = 100
"""Logs of one witness."""


_METER = "$.witness.meter"


class WitnessConfig(Section, frozen=True, kw_only=True):
    """`[witness]`: one that cosigns logs.

    Attributes:
        name: Of its key, for ever: a name like a url without its scheme.
        listen: Endpoint of its HTTP.
        log: Keys of the logs that it watches, as `baseload keys log` prints them.
        state: Folder for its key and for what it has seen.
        key: File there with its key, made if it is not there.
        meter: The site's meter, read by a wire of its own, as in `[sites.power]`: each
            minute goes into `meter.csv` in `state`, for `verify --meter`; None: it
            reads none.
    """

    name: Annotated[
        str,
        written(
            r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,198}$",
            'a name like a url without its scheme, as "grid.example/witness"',
        ),
    ]
    listen: str
    log: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_LOGS)]
    state: str = "witness"
    key: Annotated[
        str, written(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", "the name of a file")
    ] = "witness.key"
    meter: str | MeterConfig | None = None

    @property
    def logs(self) -> dict[str, list[VerifierKey]]:
        """The keys by the origin of their log.

        Raises:
            ValueError: One is no key of a log.
        """
        found: dict[str, list[VerifierKey]] = {}
        for number, text in enumerate(self.log):
            try:
                key = VerifierKey.from_text(text)
            except MalformedMessageError as error:
                raise ValueError(f"{error} - at `$.witness.log[{number}]`") from error
            found.setdefault(key.name, []).append(key)
        return found


class WitnessFile(Section, frozen=True, kw_only=True):
    """The whole file."""

    witness: WitnessConfig


def load_witness(path: Path) -> WitnessConfig:
    """Return the settings in a file, its folder relative to it.

    Raises:
        ConfigError: It cannot be read, or a key is wrong; the message names both.
    """
    _, tables = tables_of(path)
    examiner = Examiner(_none)
    file: WitnessFile = examiner.table(tables, WitnessFile, "$")
    if examiner.faults:
        raise error_of(path, examiner.faults)
    found = file.witness
    try:
        found.logs  # noqa: B018  (looks at each)
    except ValueError as error:
        raise error_of(path, [fault_of(str(error))]) from error
    if found.meter is not None:
        faults = [fault_of(text) for text in meter_faults(found.meter, _METER)]
        if found.meter == "model":
            faults = [fault_of(f"Expected a meter's URL - at `{_METER}`")]
        if faults:
            raise error_of(path, faults)
    folder = path.absolute().parent / found.state
    return msgspec.structs.replace(found, state=str(folder))


def _none(kind: type, value: object) -> object:
    raise NotImplementedError(f"{kind.__name__} from {value!r}")
