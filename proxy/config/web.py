"""`[proxy.web]`: the dashboard, its API and the metrics."""

from typing import Annotated

from msgspec import Meta

from proxy.config.fields import Section
from proxy.config.secret import Secret

MAX_HOSTS = 64


class WebConfig(Section, frozen=True, kw_only=True):
    """`[proxy.web]`: the dashboard, its API and the metrics.

    Attributes:
        listen: Endpoint of the dashboard.
        hosts: Names and addresses that browsers may reach it by; empty: localhost,
            127.0.0.1, ::1 and the address that it listens on.
        token: Who shows it may steer; None: nobody may, the web side only shows.
        trusted_proxy: Addresses of a proxy that authenticates: the user that it names
            in X-Forwarded-User stands in the events, and gets no right by that.
        worker_metrics: Tell Prometheus of each worker at /metrics/workers: three series
            of each, so that its memory grows with the machines.
    """

    listen: str
    hosts: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...],
        Meta(max_length=MAX_HOSTS),
    ] = ()
    token: Secret | None = None
    trusted_proxy: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(max_length=MAX_HOSTS),
    ] = ()
    worker_metrics: bool = False
