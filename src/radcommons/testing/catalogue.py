"""What the catalogue must keep on every database; one test class for each database inherits it."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from radcommons.catalogue import instances, sites, submissions, withdrawals
from radcommons.catalogue.journal import broken_lines, lines_about, record
from radcommons.catalogue.migrate import is_current, upgrade
from radcommons.catalogue.readings import Reading, keep_readings
from radcommons.catalogue.sites import DEFAULT_TERMS, Dataset
from radcommons.platform.database import reading, writing
from radcommons.records.documents import digest
from radcommons.records.errors import Conflict, WrongState
from radcommons.records.event import Event
from radcommons.records.lifecycle import InstanceEvent, InstanceState, SubmissionEvent, SubmissionState
from radcommons.records.submission import Submission
from radcommons.records.terms import Tier
from radcommons.testing.sender import Sender


class CatalogueTests:
    """Subclass it and give a fixture `engine`: a database without tables, one for the class."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> sa.Engine:
        """Return an empty database."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def ready(cls, engine: sa.Engine) -> sa.Engine:
        """Return the database with its schema and a dataset."""
        upgrade(engine)
        dataset = Dataset(name="covid-chest", title="T", tier=Tier.OPEN, steward="S", terms=DEFAULT_TERMS)
        with writing(engine) as connection:
            sites.create_dataset(connection, dataset)
        return engine

    def _announced(self, engine: sa.Engine, sender: Sender, *, count: int = 2) -> tuple[str, Submission]:
        submission = sender.submission([sender.instance(number=number) for number in range(count)])
        identifier = digest(submission)
        with writing(engine) as connection:
            sites.ensure_site(connection, sender.site)
            submissions.add(connection, submission, identifier=identifier, document="{}", refusals=())
            versions = instances.announce(
                connection, submission.items, site=sender.site, dataset="covid-chest", submission=identifier
            )
            submissions.link(connection, identifier, instance_ids=[version.id for version in versions])
        return identifier, submission

    def test_schema_is_current_after_an_upgrade(self, ready: sa.Engine) -> None:
        """An upgrade brings the schema of this program, and a second one changes nothing."""
        assert is_current(ready)
        upgrade(ready)
        assert is_current(ready)

    def test_announcing_again_adds_nothing(self, ready: sa.Engine) -> None:
        """The same versions again are the same rows."""
        sender = Sender(site="AGAIN")
        identifier, submission = self._announced(ready, sender)
        with writing(ready) as connection:
            again = instances.announce(
                connection, submission.items, site="AGAIN", dataset="covid-chest", submission=identifier
            )
            assert [v.id for v in again] == [v.id for v in instances.of_submission(connection, identifier)]
        with reading(ready) as connection:
            assert submissions.missing(connection, identifier) == sorted(item.digest for item in submission.items)

    def test_states_move_by_the_table_alone(self, ready: sa.Engine) -> None:
        """An arrow that the lifecycle table lacks moves nothing at all."""
        identifier, _ = self._announced(ready, Sender(site="MOVES"))
        with writing(ready) as connection:
            versions = instances.of_submission(connection, identifier)
            instances.move(connection, versions[:1], InstanceEvent.STORE)
        with reading(ready) as connection:
            versions = instances.of_submission(connection, identifier)
        with pytest.raises(WrongState), writing(ready) as connection:
            instances.move(connection, versions, InstanceEvent.STORE)
        with reading(ready) as connection:
            states = submissions.counts(connection, [identifier])[identifier]
        assert states == {InstanceState.RECEIVED: 1, InstanceState.ANNOUNCED: 1}

    def test_what_fails_leaves_no_trace(self, ready: sa.Engine) -> None:
        """A transaction that fails takes its audit event with it."""

        def fail() -> None:
            with writing(ready) as connection:
                record(connection, Event(kind="tried", actor="test", subject="nothing"))
                raise Conflict("stop")

        with pytest.raises(Conflict):
            fail()
        with reading(ready) as connection:
            assert lines_about(connection, "nothing") == []

    def test_audit_chain_holds_under_many_writers(self, ready: sa.Engine) -> None:
        """Writers at once append one chain, without a gap or a fork."""

        def work(name: int) -> None:
            for _ in range(5):
                with writing(ready) as connection:
                    record(connection, Event(kind="counted", actor="test", subject=f"writer:{name}"))

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with reading(ready) as connection:
            assert list(broken_lines(connection)) == []
            assert sum(len(lines_about(connection, f"writer:{name}")) for name in range(4)) == 20

    @pytest.mark.parametrize("statement", ["UPDATE audit_event SET kind = 'x'", "DELETE FROM audit_event"])
    def test_audit_trail_refuses_change(self, ready: sa.Engine, statement: str) -> None:
        """The database itself refuses to change or remove a line."""
        with writing(ready) as connection:
            record(connection, Event(kind="kept", actor="test", subject="kept"))
        with pytest.raises(sa.exc.DBAPIError), writing(ready) as connection:
            connection.execute(sa.text(statement))

    def test_accepting_writes_study_and_series(self, ready: sa.Engine) -> None:
        """Acceptance catalogs each study and series once, by what the object's own header says."""
        sender = Sender(site="ACCEPT")
        identifier, submission = self._announced(ready, sender)
        header: dict[str, Any] = {
            "00080060": {"vr": "CS", "Value": ["CT"]},
            "00081030": {"vr": "LO", "Value": ["CT chest"]},
        }
        with writing(ready) as connection:
            versions = instances.of_submission(connection, identifier)
            instances.move(connection, versions, InstanceEvent.STORE)
            read = Reading(modality="CT", number=1, rows=32, columns=32, frames=1, document=json.dumps(header).encode())
            keep_readings(connection, [(version.id, read) for version in versions])
        with writing(ready) as connection:
            instances.accept(connection, instances.of_submission(connection, identifier))
        uid = submission.items[0].study_instance_uid
        with reading(ready) as connection:
            found = connection.execute(
                sa.text("SELECT patient, description FROM study WHERE study_instance_uid = :uid"), {"uid": uid}
            ).all()
        assert [tuple(row) for row in found] == [(submission.items[0].patient, "CT chest")]

    def test_withdrawn_is_blocked_for_its_site_alone(self, ready: sa.Engine) -> None:
        """What one site took back does not bind another."""
        sender = Sender(site="BLOCKS")
        withdrawal = sender.withdrawal(studies=("2.25.7",))
        with writing(ready) as connection:
            sites.ensure_site(connection, "BLOCKS")
            assert withdrawals.add(connection, withdrawal, identifier="b" * 64, document="{}")
            assert not withdrawals.add(connection, withdrawal, identifier="b" * 64, document="{}")
            keys = [(withdrawals.STUDY, "2.25.7")]
            withdrawals.block(connection, site="BLOCKS", identifier="b" * 64, keys=keys)
            withdrawals.block(connection, site="BLOCKS", identifier="b" * 64, keys=keys)
            for site, expected in (("BLOCKS", {"2.25.7"}), ("OTHER", set())):
                values = ["2.25.7", "2.25.8"]
                found = withdrawals.blocked(connection, site=site, kind=withdrawals.STUDY, values=values)
                assert found == expected

    def test_one_patients_own_word(self, ready: sa.Engine) -> None:
        """A word is lonely when one patient alone has it, and only once there is a crowd."""
        with writing(ready) as connection:
            rows = [(f"2.25.{number}", "shared", f"P{number}", "SeriesDescription") for number in range(4)]
            instances.keep_words(connection, [*rows, ("2.25.0", "own", "P0", "StudyDescription")])
            instances.keep_words(connection, rows)
        with reading(ready) as connection:
            assert instances.lonely_words(connection, ["P0"], crowd=5) == []
            assert instances.lonely_words(connection, ["P0", "P1"], crowd=4) == [("2.25.0", "StudyDescription")]

    def test_submission_moves_and_is_counted(self, ready: sa.Engine) -> None:
        """A submission's own state follows its table, and what it counts adds up."""
        identifier, _ = self._announced(ready, Sender(site="COUNTS"), count=3)
        with writing(ready) as connection:
            standing = submissions.find(connection, identifier, lock=True)
            assert standing is not None
            assert submissions.move(connection, standing, SubmissionEvent.COMPLETE) is SubmissionState.RECEIVED
        with reading(ready) as connection:
            assert identifier in submissions.in_state(connection, SubmissionState.RECEIVED)
            assert sum(submissions.counts(connection, [identifier])[identifier].values()) == 3
