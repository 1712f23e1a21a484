"""Durable jobs on DBOS: the only file that knows the engine.

A transaction that wants work done leaves a row in the outbox; a relay enqueues it with the row's id as the workflow's
id, so a row is worked once however often the relay or the machine dies. Steps run at least once: make them idempotent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
import structlog

from radcommons.platform.clock import instant
from radcommons.platform.database import make_engine, reading, set_pragmas, writing

if TYPE_CHECKING:
    from dbos import DBOSConfig, Queue, StepOptions

# The engine is imported where it runs: it takes a second, and most commands and all routes only leave rows for it.

T = TypeVar("T")
Handler = Callable[[str], None]
_QUEUE = "radcommons"
_VERSION = "1"  # of the steps' order; raise it when a job's steps change, and old runs finish with the old program
_ONE_ENGINE = threading.Lock()
# Seconds between two looks at the queue: often while there is work, seldom while there is none, when each look costs
# an idle machine's processor. It stays often for a while, since one job is followed by another.
_BUSY, _IDLE, _LINGER = 0.05, 0.5, 3.0
# A server answers first: to load the engine takes as long as to load everything else.
_FIRST_ANSWERS_S = 1.0
_log = structlog.get_logger()


def define_outbox(metadata: sa.MetaData) -> sa.Table:
    """Add the outbox to a schema."""
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("argument", sa.String(128), nullable=False),
        sa.Column("created_at", sa.String(20), nullable=False),
        sa.Column("enqueued_at", sa.String(20), nullable=True, index=True),
    )


def leave(connection: sa.Connection, outbox: sa.Table, *, job: str, argument: str) -> None:
    """Ask for a job within the caller's transaction."""
    connection.execute(outbox.insert().values(job=job, argument=argument, created_at=instant()))


def step(name: str, work: Callable[..., T], *arguments: object) -> T:
    """Run one durable step of the job that is being worked; its result is remembered over restarts."""
    from dbos import DBOS

    # A database or store that is away for a minute must not end a job; a fault that stays ends it and is logged.
    options: StepOptions = {
        "name": name,
        "retries_allowed": True,
        "max_attempts": 6,
        "interval_seconds": 1.0,
        "backoff_rate": 2.0,
    }
    return DBOS.run_step(options, work, *arguments)


def _system_engine(url: str) -> sa.Engine:
    """Return the engine's own database; on SQLite it begins transactions itself, so the driver must let it."""
    if not url.startswith("sqlite"):
        return make_engine(url)
    arguments = {"timeout": 30, "check_same_thread": False, "isolation_level": "IMMEDIATE"}
    engine = sa.create_engine(url, connect_args=arguments)
    set_pragmas(engine, synchronous="NORMAL")
    return engine


class _Pace:
    """Sets how often the workers look at the queue; the setting is one for all of them."""

    def __init__(self, queue: Queue | None) -> None:
        assert queue is not None  # the relay starts after the queue
        self._queue = queue
        self._is_busy, self._until = True, time.monotonic() + _LINGER

    def keep(self, *, has_work: bool) -> None:
        """Look often from now on, or seldom once nothing has waited for a while."""
        if has_work:
            self._until = time.monotonic() + _LINGER
            if not self._is_busy:
                self._is_busy = True
                self._queue.set_polling_interval_sec(_BUSY)
        elif self._is_busy and time.monotonic() > self._until:
            if self._waiting():
                self._until = time.monotonic() + _LINGER
            else:
                self._is_busy = False
                self._queue.set_polling_interval_sec(_IDLE)

    def _waiting(self) -> bool:
        from dbos import DBOS

        return bool(DBOS.list_queued_workflows(queue_name=_QUEUE, limit=1, load_input=False, load_output=False))


def _end() -> None:
    from dbos import DBOS

    DBOS.destroy(destroy_registry=True)


class Jobs:
    """The worker of one process: a relay thread and the engine's queue."""

    def __init__(
        self,
        *,
        engine: sa.Engine,
        outbox: sa.Table,
        handlers: Mapping[str, Handler],
        jobs_url: str,
        executor: str = "hub",
        concurrency: int = 2,
    ) -> None:
        self._engine, self._outbox, self._handlers = engine, outbox, dict(handlers)
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._relay, name="outbox-relay", daemon=True)
        self._system = _system_engine(jobs_url)
        self._concurrency = concurrency
        self._config: DBOSConfig = {
            "name": "radcommons",
            "system_database_engine": self._system,
            "application_version": _VERSION,
            "executor_id": executor,
            "console_log_level": "ERROR",
            "log_level": "ERROR",
        }
        self._queue: Queue | None = None

    def start(self) -> None:
        """Start to work, beside whatever else starts; what was cut off before goes on where it stopped.

        Raises
        ------
        RuntimeError
            If another worker runs in this process: the engine is one for all of it.
        """
        if not _ONE_ENGINE.acquire(blocking=False):
            raise RuntimeError("another worker runs in this process")
        self._thread.start()

    def _launch(self) -> None:
        from dbos import DBOS

        DBOS(config=self._config)
        handlers = self._handlers

        @DBOS.workflow(name="radcommons-job")
        def run(job: str, argument: str) -> None:
            handlers[job](argument)

        self._run: Any = run
        DBOS.launch()
        self._queue = DBOS.register_queue(
            _QUEUE, worker_concurrency=self._concurrency, polling_interval_sec=_BUSY, on_conflict="always_update"
        )

    def _launched(self) -> bool:
        """Launch the engine, as often as it takes: its database may come later than this process."""
        while not self._stop.is_set():
            try:
                self._launch()
            except Exception as error:  # the job runner records and goes on
                _log.error("jobs-not-started", error=type(error).__name__)
                _end()
                self._stop.wait(1.0)
            else:
                return True
        return False

    def wake(self) -> None:
        """Let the relay look at once, after a commit that left something."""
        self._wake.set()

    def stop(self) -> None:
        """Stop taking work; what runs goes on at the next start."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=30)
        if self._queue is not None:
            _end()
        self._system.dispose()
        _ONE_ENGINE.release()

    def _relay(self) -> None:
        self._wake.wait(_FIRST_ANSWERS_S)
        if not self._launched():
            return
        pace = _Pace(self._queue)
        while not self._stop.is_set():
            try:
                moved = self._move()
                pace.keep(has_work=bool(moved))
            except Exception as error:  # the job runner records and goes on; a dead database comes back
                _log.error("outbox-relay-failed", error=type(error).__name__)
                moved = 0
                self._stop.wait(1.0)
            if not moved:
                self._wake.wait(0.2)
                self._wake.clear()

    def _move(self) -> int:
        from dbos import SetWorkflowID

        table = self._outbox
        with reading(self._engine) as connection:
            waiting = connection.execute(
                sa.select(table).where(table.c.enqueued_at.is_(None)).order_by(table.c.id).limit(100)
            ).all()
        for row in waiting:
            with SetWorkflowID(f"outbox-{row.id}"):
                assert self._queue is not None  # set before this thread starts
                self._queue.enqueue(self._run, row.job, row.argument)
        if waiting:
            with writing(self._engine) as connection:
                connection.execute(
                    table.update().where(table.c.id.in_([row.id for row in waiting])).values(enqueued_at=instant())
                )
        return len(waiting)
