"""The hub's jobs by name, as the durable engine runs them."""

from __future__ import annotations

from radcommons.catalogue.journal import OUTBOX
from radcommons.hub.pool import WorkerPool
from radcommons.hub.receive import VERIFY_JOB
from radcommons.hub.verify import verify
from radcommons.hub.withdraw import PURGE_JOB, purge
from radcommons.platform.jobs import Jobs
from radcommons.platform.ports import Platform


def make_jobs(platform: Platform, *, pool: WorkerPool, executor: str) -> Jobs:
    """Return the worker of one process; `executor` names it over restarts, so that it goes on where it stopped."""
    return Jobs(
        engine=platform.engine,
        outbox=OUTBOX,
        handlers={
            VERIFY_JOB: lambda identifier: verify(identifier, platform=platform, pool=pool),
            PURGE_JOB: lambda identifier: purge(identifier, platform=platform),
        },
        jobs_url=platform.settings.jobs_database,
        executor=executor,
    )
