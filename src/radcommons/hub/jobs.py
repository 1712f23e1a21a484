"""The hub's jobs by name, as the durable engine runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from radcommons.catalogue import dois, incidents, submissions, withdrawals
from radcommons.catalogue.journal import OUTBOX, leave_job
from radcommons.hub.doi import mint
from radcommons.hub.incident import MOVE_JOB, move
from radcommons.hub.receive import VERIFY_JOB
from radcommons.hub.release import MINT_JOB
from radcommons.hub.verify import verify
from radcommons.hub.withdraw import PURGE_JOB, purge
from radcommons.platform.database import writing
from radcommons.platform.jobs import Handler, Jobs
from radcommons.platform.ports import Platform
from radcommons.records.lifecycle import SubmissionState


def make_jobs(
    platform: Platform,
    *,
    executor: str,
    others: Mapping[str, Handler] | None = None,
    rounds: Sequence[Callable[[], None]] = (),
) -> Jobs:
    """Return the worker of one process; `executor` names it over restarts, so that it goes on where it stopped.

    `others` are the jobs of other zones, `rounds` what the worker calls now and then.
    """
    return Jobs(
        engine=platform.engine,
        outbox=OUTBOX,
        handlers={
            VERIFY_JOB: lambda identifier: verify(identifier, platform=platform),
            MOVE_JOB: lambda incident: move(incident, platform=platform),
            MINT_JOB: lambda release: mint(release, platform=platform),
            PURGE_JOB: lambda identifier: purge(identifier, platform=platform),
            **(others or {}),
        },
        jobs_url=platform.settings.jobs_database,
        executor=executor,
        rounds=rounds,
    )


def ask_again(platform: Platform) -> int:
    """Ask for the jobs that the rows say are not done, and return how many.

    A job may be lost with the engine's own database (a restored backup), or have ended with a fault that is mended now.
    They change nothing when they run once more.
    """
    with writing(platform.engine) as connection:
        lost = [(VERIFY_JOB, one) for one in submissions.in_state(connection, SubmissionState.RECEIVED)]
        lost += [(PURGE_JOB, one) for one in withdrawals.unpurged(connection)]
        lost += [(MOVE_JOB, one) for one in incidents.unmoved(connection)]
        if platform.settings.datacite_url and platform.settings.doi_prefix:
            lost += [(MINT_JOB, one) for one in dois.lacking(connection)]
        for job, argument in lost:
            leave_job(connection, job, argument=argument)
    return len(lost)
