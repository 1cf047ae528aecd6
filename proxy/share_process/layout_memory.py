"""What each site's layout was, kept in the state folder from run to run."""

from collections.abc import Callable
from pathlib import Path

import msgspec
from attrs import define, field
from twisted.logger import Logger

from protocol.unreadable import UNREADABLE
from protocol.work.extranonce import Layout, read_layout
from proxy.runtime.whole_file import write_whole

LAYOUT_FILE = "layouts.json"
"""In `state_dir`: {"hall-a": "4+4"}."""


@define(eq=False, repr=False)
class LayoutMemory:
    """Layouts by site, as they were decided last."""

    _log = Logger()

    path: Path
    _layouts: dict[str, str] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        try:
            self._layouts = msgspec.json.decode(
                self.path.read_bytes(), type=dict[str, str]
            )
        except FileNotFoundError:
            return
        except (OSError, *UNREADABLE) as error:
            self._log.warn(
                "{path} is not read, layouts are decided anew: {error}",
                path=str(self.path),
                error=error,
            )

    def recall(self, site: str) -> Layout | None:
        """Return the layout of `site` in an earlier run; None if none is known."""
        try:
            return read_layout(self._layouts[site])
        except (KeyError, ValueError):
            return None

    def keeper_of(self, site: str) -> Callable[[Layout], None]:
        """Return what keeps each decision of `site`."""
        return lambda layout: self._keep(site, layout)

    def _keep(self, site: str, layout: Layout) -> None:
        if self._layouts.get(site) == layout.name:
            return
        self._layouts[site] = layout.name
        try:
            write_whole(self.path, msgspec.json.encode(self._layouts))
        except OSError as error:
            self._log.warn(
                "{path} cannot be written: {error}", path=str(self.path), error=error
            )
