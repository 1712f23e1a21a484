"""The hub's jobs by name, as the durable engine runs them."""

from __future__ import annotations

from radcommons.catalogue import sessions, submissions, throttle, withdrawals
from radcommons.catalogue.journal import OUTBOX, leave_job
from radcommons.catalogue.mailbox import SEND_JOB, deliver, unsent
from radcommons.hub.checkpoint import CHECKPOINT_JOB, checkpoint
from radcommons.hub.receive import VERIFY_JOB
from radcommons.hub.verify import verify
from radcommons.hub.withdraw import PURGE_JOB, purge
from radcommons.platform.database import writing
from radcommons.platform.jobs import Jobs
from radcommons.platform.ports import Platform
from radcommons.records.lifecycle import SubmissionState

TIDY_JOB = "tidy"


def make_jobs(platform: Platform, *, executor: str) -> Jobs:
    """Return the worker of one process; `executor` names it over restarts, so that it goes on where it stopped."""
    return Jobs(
        engine=platform.engine,
        outbox=OUTBOX,
        handlers={
            VERIFY_JOB: lambda identifier: verify(identifier, platform=platform),
            PURGE_JOB: lambda identifier: purge(identifier, platform=platform),
            CHECKPOINT_JOB: lambda _: _checkpoint(platform),
            TIDY_JOB: lambda _: tidy(platform),
            SEND_JOB: lambda number: deliver(number, platform=platform),
        },
        jobs_url=platform.settings.jobs_database,
        executor=executor,
        regular={CHECKPOINT_JOB: 300.0, TIDY_JOB: 3600.0},
    )


def _checkpoint(platform: Platform) -> None:
    checkpoint(platform, is_due=True)


def tidy(platform: Platform) -> None:
    """Drop what is over: sessions, ceremonies, links, and counts of tries."""
    with writing(platform.engine) as connection:
        sessions.forget_over(connection)
        throttle.forget_old(connection)


def ask_again(platform: Platform) -> int:
    """Ask for the jobs that the rows say are not done, and return how many.

    A job may be lost with the engine's own database (a restored backup), or have ended with a fault that is mended now.
    These jobs change nothing when they run once more.
    """
    with writing(platform.engine) as connection:
        lost = [(VERIFY_JOB, one) for one in submissions.in_state(connection, SubmissionState.RECEIVED)]
        lost += [(PURGE_JOB, one) for one in withdrawals.unpurged(connection)]
        lost += [(SEND_JOB, str(one)) for one in unsent(connection)]
        for job, argument in lost:
            leave_job(connection, job, argument=argument)
    return len(lost)
