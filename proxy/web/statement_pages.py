"""`GET /api/v1/statement`: a month for each tenant, as `baseload statement` has it."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

from attrs import define, field

from proxy.admin.running import Running
from proxy.power.journal.database import STORE_FILE
from proxy.records.error import RecordsError
from proxy.records.month import Month
from proxy.records.page import STYLE, csv_text, page
from proxy.records.statement import Statement, statements
from proxy.records.tenants import Tenants, addresses_in
from proxy.web.answers import CSV, HTML, Answer, ProblemError
from proxy.web.archive import Archive
from proxy.web.asked import Asked
from proxy.web.routes import Routes

MAX_WAITING = 2
"""Who asks while as many wait: a month of 20,000 workers takes some seconds each."""

MAX_NAME_CHARS = 256

_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""The page has its style within itself, for who saves it: that one and no other."""


@define(eq=False, repr=False)
class StatementPages:
    """Answers what a month came to, as a page to print or as a table."""

    running: Running
    archive: Archive
    _waiting: int = field(default=0, init=False)

    def add_to(self, routes: Routes) -> None:
        """Answer the path."""
        routes.add("GET", "/api/v1/statement", self.statement)

    async def statement(self, asked: Asked) -> Answer:
        """Return a month; this one so far, if none is named.

        Raises:
            ProblemError: There is no such month or tenant, or it cannot be read now.
        """
        kind = asked.accepted(HTML, CSV)
        month = self._month(asked)
        if self._waiting >= MAX_WAITING:
            why = "as many as may be are waiting for a statement"
            raise ProblemError(503, why, {"retry-after": "5"})
        self._waiting += 1
        try:
            work = self._read(month, asked.args.get("tenant"), kind)
            body = await self.archive.run(work)
        except RecordsError as error:
            raise ProblemError(503, str(error), {"retry-after": "5"}) from error
        finally:
            self._waiting -= 1
        headers = {"cache-control": "no-store", "content-security-policy": POLICY}
        return Answer(body, kind, headers=headers)

    def _month(self, asked: Asked) -> Month:
        now = datetime.fromtimestamp(self.running.wall_clock(), UTC)
        name = asked.args.get("month", now.strftime("%Y-%m"))
        zone = asked.args.get("zone", "UTC")
        try:
            return Month.of(name[:MAX_NAME_CHARS], zone[:MAX_NAME_CHARS])
        except RecordsError as error:
            raise ProblemError(404, str(error)) from error

    def _read(self, month: Month, tenant: str | None, kind: str) -> Callable[[], bytes]:
        state, config = self.archive.state, self.running.config
        now = self.running.wall_clock()

        def read() -> bytes:
            tenants = Tenants.of(config, addresses_in(state / STORE_FILE))
            _require(tenants, tenant)
            found: list[Statement] = statements(state, month, tenants, now, tenant)
            text = csv_text(found) if kind == CSV else page(found)
            return text.encode()

        return read


def _require(tenants: Tenants, tenant: str | None) -> None:
    try:
        tenants.require([] if tenant is None else [tenant])
    except RecordsError as error:
        raise ProblemError(404, str(error)) from error
