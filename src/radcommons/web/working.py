"""The worker of a hub with the jobs of every zone: the one place that knows them all."""

from __future__ import annotations

from radcommons.access import post, remind
from radcommons.access.grant import go_round
from radcommons.catalogue import mailbox
from radcommons.catalogue.letters import SEND_JOB
from radcommons.catalogue.mailbox import MESSAGE_JOB
from radcommons.coalition.sign_in import tidy
from radcommons.hub.checkpoint import vouch
from radcommons.hub.jobs import make_jobs
from radcommons.platform.jobs import Jobs
from radcommons.platform.ports import Platform


def worker(platform: Platform, *, executor: str) -> Jobs:
    """Return the worker of one process; see `hub.jobs.make_jobs`."""
    return make_jobs(
        platform,
        executor=executor,
        others={
            SEND_JOB: lambda number: post.deliver(int(number), platform=platform),
            MESSAGE_JOB: lambda number: mailbox.deliver(int(number), platform=platform),
        },
        rounds=(
            lambda: go_round(platform),
            lambda: remind.go_round(platform),
            lambda: post.send_again(platform),
            lambda: mailbox.send_again(platform),
            lambda: tidy(platform),
            lambda: vouch(platform),
        ),
    )
