"""A run: in each round each server in turn, so that they share the noise."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve

from proxy.admin.client import call
from proxy.bench.arrangement import (
    POOL_DIFFICULTY,
    SHARE_DIFFICULTY,
    Cores,
    await_jobs,
    choose_cores,
    on_core,
    running_baseline,
    running_proxy,
)
from proxy.bench.native.generator import HASHING
from proxy.bench.report import Document, Result, view_of
from proxy.bench.scenarios import Options, Scenario
from proxy.bench.target import BenchError, Target
from proxy.runtime.descriptors import raise_limit

SPARE_FILES = 200
"""Of the limit: for whatever is no miner's connection."""


def run(
    scenarios: Sequence[Scenario], options: Options, found: Callable[[Result], None]
) -> Document:
    """Run `scenarios` one after the other, and hand over each as it is done.

    Raises:
        BenchError: A server did not start, or did not serve.
    """
    files, cores = raise_limit()[1], choose_cores()
    results, engines = [], set()
    with on_core(cores.load):
        for scenario in scenarios:
            with _servers(scenario, options, cores) as (targets, engine):
                results.append(_measured(scenario, options, files, targets))
            engines.add(engine)
            found(results[-1])
    return Document(
        engine=", ".join(engines),
        hashing=HASHING,
        has_own_core=cores.are_apart,
        results=[view_of(result) for result in results],
    )


def _measured(
    scenario: Scenario, options: Options, files: int, targets: Sequence[Target]
) -> Result:
    plan = scenario.plan(options)
    connections = plan.miners + scenario.extra
    if connections > files - SPARE_FILES:
        raise BenchError(f"{connections} miners, but {files} open files are allowed")
    result = Result(
        scenario.name,
        scenario.title(plan),
        scenario.columns,
        {target.name: [] for target in targets},
    )
    for _ in range(plan.rounds):
        for target in targets:
            figures = scenario.measure(target, plan)
            result.rounds[target.name].append(figures)
    return result


@contextmanager
def _servers(
    scenario: Scenario, options: Options, cores: Cores
) -> Iterator[tuple[list[Target], str]]:
    """Run the servers of a scenario; yield them and the engine of ours."""
    setting = evolve(scenario.setting, engine=options.engine)
    with ExitStack() as stack:
        for other in filter(None, (options.pool, options.against)):
            await_jobs(other)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="baseload-bench-")))
        pool = options.pool or stack.enter_context(
            running_baseline(cores.load, POOL_DIFFICULTY, setting)
        )
        targets = []
        if scenario.has_baseline:
            baseline = running_baseline(cores.server, SHARE_DIFFICULTY, setting)
            targets.append(stack.enter_context(baseline))
        proxy = running_proxy(cores.server, folder, pool, setting)
        targets.append(stack.enter_context(proxy))
        if options.against is not None:
            targets.append(options.against)
        status = call(folder / "admin.sock", "status", {})
        yield targets, status["engine"]
