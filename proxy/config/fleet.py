"""`[[sites.fleet]]`: what draws a site's power."""

from typing import Annotated, Literal

from msgspec import Meta

from proxy.config.fields import Glob, Name, Positive, Section
from proxy.config.secret import Secret

Priority = Annotated[int, Meta(ge=0, le=1000)]


class FleetConfig(Section, frozen=True, kw_only=True):
    """`[[sites.fleet]]`: machines alike, told by worker or by address.

    Attributes:
        model: A machine of models.toml or of `[[models]]`; see `baseload help models`.
        tenant: Whose they are, for sums and statements.
        workers: Glob on the worker name; this or `addresses`.
        addresses: Network in CIDR form.
        control: `api`, or `pyasic`: by the device's own API; `stratum`: parking only.
        priority: The highest is shed last; machines that no row describes go first.
        top: Of a machine with a device API, what its full speed is: the limit that it
            is found with, which its owner set, or the model's watts.
        place: How a name or an address says where a machine is, on the map of the
            dashboard: `{hall}`, `{row}`, `{rack}`, `{shelf}`, `{pos}` are letters and
            digits, `*` is anything, all else is itself, as in `{hall}-r{rack}.{pos}`
            [what its name has before its last number].
        hash_scale: Of a simulated fleet; 1 for real machines.
        username: Shown to the machines' own API, where firmware asks for one [the
            maker's].
        password: Shown to it [the maker's].
    """

    workers: Glob | None = None
    addresses: str | None = None
    model: Annotated[str, Meta(min_length=1, max_length=64)]
    control: Literal["api", "pyasic", "stratum"] = "stratum"
    tenant: Name | None = None
    priority: Priority = 1
    top: Literal["found", "nameplate"] = "found"
    place: str | None = None
    hash_scale: Positive = 1.0
    username: Secret | None = None
    password: Secret | None = None

    @property
    def named(self) -> str:
        """What tells the row from others, for people."""
        return str(self.workers or self.addresses)

    @property
    def has_api(self) -> bool:
        """They are commanded by their own API."""
        return self.control != "stratum"
