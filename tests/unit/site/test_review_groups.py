"""One decision covers a group, never more than what the reviewer could see, and it can be taken back until signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from radcommons.cli.main import cli
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FileState
from radcommons.records.submission import Submission
from radcommons.site.candidate import Candidate, Instance, Judged
from radcommons.site.record import AddedUnder, record
from radcommons.site.review import decide, held
from radcommons.site.review_decide import (
    GroupDecided,
    Reviewer,
    decide_group,
    mark_wrong,
    reviewer_mark,
    undo_group,
)
from radcommons.site.review_groups import Group, overview, settle
from radcommons.site.review_looks import Look
from radcommons.site.review_sample import Round, draw, most_wrong, opened, sample_size
from radcommons.site.review_standing import decided
from radcommons.site.seal import seal_ready
from radcommons.site.settings import SiteSettings, write_settings
from radcommons.site.store import Store, create_store, open_store
from radcommons.site.tables import audit, file, policy, submission

ROE, DOE = Reviewer(name="M. Roe"), Reviewer(name="J. Doe", role="privacy-officer")
POLICY = "9" * 64
UNDER = AddedUnder(site="ALFA", dataset="covid-chest", protocol=POLICY, profile="8" * 64, policy="7" * 64)
_NUMBERS = count(1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A gateway where nothing goes before its group was accepted."""
    write_settings(tmp_path, SiteSettings(hub="http://127.0.0.1:1", sites=("ALFA",), review="groups"))
    create_store(tmp_path)
    found = open_store(tmp_path)
    with found.change() as change:
        for digest, kind in ((UNDER.protocol, "protocol"), (UNDER.profile, "profile")):
            change.connection.execute(policy.insert().values(digest=digest, kind=kind, id=kind, version="1"))
    yield found
    found.close()


def look(device: str = "Invented CR 1") -> Look:
    """A look of an invented device."""
    return Look(
        digest=device.ljust(64, "0"),
        device=device,
        study="Chest",
        series="AP",
        modality="CR",
        matrix="up to 512 × 512",
        syntax="1.2.840.10008.1.2.1",
        private=0,
    )


def add(store: Store, *, study: str, device: str = "Invented CR 1", question: str = "", files: int = 1) -> None:
    """Write down judged files of one study, as `add` does."""
    asked = (Finding(code=question, severity=Severity.QUESTION, message="Is it so?"),) if question else ()
    pairs = []
    for number in (next(_NUMBERS) for _ in range(files)):
        digest = f"{number:064x}"
        instance = Instance(
            pseudonym="ALFA-AAAA-BBBB-CCCC-DDDD"[:23],
            study_uid=f"2.25.{study}",
            series_uid=f"2.25.{study}.1",
            sop_uid=f"2.25.{study}.1.{number}",
            sop_class="1.2.840.10008.5.1.4.1.1.1",
            transfer_syntax="1.2.840.10008.1.2.1",
            original_study_uid=f"1.2.{study}",
            study_date="20200401",
            object_digest=digest,
            object_size=100,
        )
        judged = Judged(
            state=FileState.HELD if question else FileState.READY,
            code=question,
            original_digest=f"{number:063x}f",
            findings=asked,
            instance=instance,
            look=look(device),
        )
        pairs.append((Candidate(path=f"/{number}", file=Path(f"/{number}"), stamp="1"), judged))
    record(store, pairs, under=UNDER)


def groups(store: Store) -> list[Group]:
    """The groups that wait."""
    settle(store)
    with store.read() as connection:
        return overview(connection)


def look_at_all(store: Store, drawn: Round) -> Round:
    """Open each study of a sample."""
    with store.change() as change:
        for one in drawn.samples:
            opened(change, one.file, found=drawn.id, by=ROE.name)
    with store.read() as connection:
        token = connection.execute(
            sa.text("SELECT g.token FROM review_group g JOIN review_round r ON r.grp = g.id WHERE r.id = :id"),
            {"id": drawn.id},
        ).scalar_one()
    return draw(store, token)


def accepted(store: Store) -> Round:
    """Accept the only group that waits."""
    (group,) = groups(store)
    drawn = look_at_all(store, draw(store, group.token))
    done = decide_group(store, drawn.token, version=drawn.version, decision="accept", reviewer=ROE)
    assert isinstance(done, GroupDecided)
    return drawn


def states(store: Store) -> dict[str, int]:
    """Files by state."""
    with store.read() as connection:
        query = sa.select(file.c.state, sa.func.count()).group_by(file.c.state)
        return {row[0]: row[1] for row in connection.execute(query)}


def test_what_looks_alike_waits_together(store: Store) -> None:
    """Two devices make two groups, and a study with two series is of another layout; a held file is in no group."""
    for number in range(4):
        add(store, study=f"1{number}")
    add(store, study="20", device="Invented CT 2", files=3)
    add(store, study="30", question="burned-in-text")
    found = groups(store)
    assert [(group.words.device, group.studies, group.files) for group in found] == [
        ("Invented CR 1", 4, 4),
        ("Invented CT 2", 1, 3),
    ]


def test_a_group_is_not_accepted_before_its_sample_was_opened(store: Store) -> None:
    """One study of the sample that nobody opened is enough to refuse, and nothing goes."""
    for number in range(12):
        add(store, study=f"1{number:02}")
    drawn = draw(store, groups(store)[0].token)
    assert len(drawn.samples) == sample_size(12) == 5
    with store.change() as change:
        for one in drawn.samples[1:]:
            opened(change, one.file, found=drawn.id, by=ROE.name)
    refused = decide_group(store, drawn.token, version=drawn.version, decision="accept", reviewer=ROE)
    assert isinstance(refused, Finding)
    assert refused.code == "sample-not-seen"
    assert seal_ready(store) == []
    drawn = look_at_all(store, drawn)
    assert isinstance(decide_group(store, drawn.token, version=1, decision="accept", reviewer=ROE), GroupDecided)
    assert len(seal_ready(store)) == 1


def test_the_sample_stays_the_same_when_the_page_is_opened_again(store: Store) -> None:
    """Nobody can reload until the sample is convenient."""
    for number in range(60):
        add(store, study=f"1{number:02}")
    token = groups(store)[0].token
    assert draw(store, token).samples == draw(store, token).samples


def test_what_comes_after_the_sample_is_asked_about_on_its_own(store: Store) -> None:
    """A study that came later, and a study that changed later, are not covered by the decision."""
    for number in range(6):
        add(store, study=f"1{number}")
    drawn = look_at_all(store, draw(store, groups(store)[0].token))
    add(store, study="20")
    outside = next(one for one in range(6) if f"2.25.1{one}" not in {sample.study_uid for sample in drawn.samples})
    add(store, study=f"1{outside}")
    done = decide_group(store, drawn.token, version=drawn.version, decision="accept", reviewer=ROE)
    assert isinstance(done, GroupDecided)
    assert (done.studies, done.files) == (5, 5)
    assert [(group.studies, group.files) for group in groups(store)] == [(2, 3)]


def test_of_two_reviewers_the_second_sees_who_was_first(store: Store) -> None:
    """The second decision changes nothing and names the first reviewer."""
    for number in range(3):
        add(store, study=f"1{number}")
    drawn = accepted(store)
    late = decide_group(store, drawn.token, version=drawn.version, decision="exclude", reviewer=DOE)
    assert isinstance(late, Finding)
    assert late.code == "decided-before"
    assert "M. Roe" in late.message
    assert states(store) == {"ready": 3}


@pytest.mark.parametrize("decision", ["accept", "hold", "exclude"])
def test_a_decision_is_taken_back_until_it_is_signed(store: Store, decision: str) -> None:
    """Undo brings every file back to where it waits for its group, and the group has to be looked at again."""
    for number in range(3):
        add(store, study=f"1{number}", files=2)
    drawn = look_at_all(store, draw(store, groups(store)[0].token))
    done = decide_group(store, drawn.token, version=drawn.version, decision=decision, reviewer=ROE, note="ask Doe")
    assert isinstance(done, GroupDecided)
    assert groups(store) == []
    expected = {"accept": "ready", "hold": "held", "exclude": "excluded"}[decision]
    assert states(store) == {expected: 6}
    with store.read() as connection:
        (listed,) = decided(connection)
    assert listed.note == "ask Doe"
    assert isinstance(undo_group(store, listed.token, version=listed.version, reviewer=DOE), GroupDecided)
    assert states(store) == {"ready": 6}
    (group,) = groups(store)
    assert (group.studies, group.seen) == (3, 0)
    assert held(store) == []
    assert seal_ready(store) == []


def test_what_is_signed_is_not_taken_back(store: Store) -> None:
    """After the submission was sealed, undo says so and changes nothing."""
    add(store, study="1")
    drawn = accepted(store)
    seal_ready(store)
    late = undo_group(store, drawn.token, version=drawn.version + 1, reviewer=ROE)
    assert isinstance(late, Finding)
    assert late.code == "signed-before"


def test_a_wrong_sample_is_held_and_asks_for_a_larger_one(store: Store) -> None:
    """The study found wrong waits for a person, the group needs twice the sample, and the attestation says so."""
    for number in range(30):
        add(store, study=f"1{number:02}")
    drawn = look_at_all(store, draw(store, groups(store)[0].token))
    assert mark_wrong(store, drawn.samples[0].file, found=drawn.id, reviewer=ROE)
    drawn = draw(store, groups(store)[0].token)
    assert (drawn.studies, len(drawn.asked), drawn.wrong, drawn.is_seen) == (29, 10, 1, False)
    drawn = look_at_all(store, drawn)
    done = decide_group(store, drawn.token, version=drawn.version, decision="accept", reviewer=ROE)
    assert isinstance(done, GroupDecided)
    assert states(store) == {"held": 1, "ready": 29}
    (group,) = attested(store)
    assert (group["studies"], group["sampled"], group["wrong"], group["objects"]) == (30, 11, 1, 29)
    assert group["below_permille"] == -(-most_wrong(30, opened=11, wrong=1) * 1000 // 30)


def attested(store: Store) -> list[dict[str, Any]]:
    """The groups in the attestation of the only submission."""
    (identifier,) = seal_ready(store)
    with store.read() as connection:
        document = connection.execute(sa.select(submission.c.document)).scalar_one()
    parsed = json.loads(document)
    assert identifier
    return list(parsed["attestation"]["groups"])


def test_the_attestation_says_who_decided_on_what(store: Store) -> None:
    """Role and mark of the reviewer, never the name; the sample by digests; every object is accounted for once."""
    for number in range(8):
        add(store, study=f"1{number}")
    add(store, study="90", question="burned-in-text")
    decide(store, [one.id for one in held(store)], decision="pass", reviewer="data manager")
    accepted(store)
    (group,) = attested(store)
    with store.read() as connection:
        raw = bytes(connection.execute(sa.select(submission.c.document)).scalar_one())
    assert group["reviewer"] == reviewer_mark(store, ROE.name)
    assert group["role"] == "data-manager"
    assert ROE.name.encode() not in raw
    assert len(group["samples"]) == group["sampled"] == 5
    body = json.loads(raw)
    assert sum(one["objects"] for one in body["attestation"]["reviews"]) == len(body["items"]) == 9
    assert not [one for one in body["attestation"]["reviews"] if one["rule"] == "every automatic check passed"]


def test_a_document_without_groups_has_the_bytes_of_before(store: Store) -> None:
    """A submission that no group stands behind names no groups, so that older hubs and digests hold."""
    write_settings(store.directory, SiteSettings(hub="http://127.0.0.1:1", sites=("ALFA",)))
    again = open_store(store.directory)
    add(again, study="1")
    seal_ready(again)
    with again.read() as connection:
        document = connection.execute(sa.select(submission.c.document)).scalar_one()
    again.close()
    assert "groups" not in json.loads(document)["attestation"]
    assert Submission.__dataclass_fields__["attestation"]


def test_a_new_version_of_a_file_is_not_covered(store: Store) -> None:
    """An accepted study whose object was made anew waits again: the decision names the version that was looked at."""
    add(store, study="1")
    accepted(store)
    with store.change() as change:
        change.connection.execute(file.update().values(object_digest="e" * 64))
    assert seal_ready(store) == []
    assert [group.studies for group in groups(store)] == [1]


def test_the_trail_tells_rounds_and_counts_alone(store: Store) -> None:
    """The audit events of a review name no path, no UID and no description."""
    for number in range(3):
        add(store, study=f"1{number}")
    accepted(store)
    with store.read() as connection:
        rows = connection.execute(sa.select(audit).where(audit.c.kind.like("review.%"))).all()
    assert {row.kind for row in rows} == {"review.sample-drawn", "review.group-accepted"}
    assert not any(word in row.details + row.subject for row in rows for word in ("2.25", "Chest", "Invented", "/"))


@pytest.mark.parametrize(("studies", "opened_", "expected"), [(1000, 20, 0.14), (1000, 100, 0.03), (100000, 300, 0.01)])
def test_the_limit_follows_the_rule_of_three(studies: int, opened_: int, expected: float) -> None:
    """None wrong of n: fewer than 3/n, a little less by the exact rule."""
    share = most_wrong(studies, opened=opened_) / studies
    assert 0.85 * 3 / opened_ <= share <= 3 / opened_
    assert round(share, 2) == expected


def test_the_limit_is_exact_in_small_groups() -> None:
    """Counted by hand: of 10 with 5 opened, 4 bad ones would show in all but 6/252 of samples, 3 in all but 21/252."""
    assert most_wrong(10, opened=5) == 3
    assert most_wrong(10, opened=10) == 0
    assert most_wrong(5, opened=5, wrong=1) == 1


def run(store: Store, *options: str) -> dict[str, Any]:
    """What `radcommons site review-groups --json` prints."""
    said = CliRunner().invoke(cli, ["site", "review-groups", str(store.directory), "--json", *options])
    return dict(json.loads(said.output))


def test_the_command_line_tells_the_same_story(store: Store) -> None:
    """Groups, sample, decision and undo without a browser; accepting before looking is refused there too."""
    for number in range(7):
        add(store, study=f"1{number}")
    (group,) = run(store)["groups"]
    assert (group["studies"], group["sampled"], group["seen"]) == (7, 5, 0)
    sample = run(store, "--sample", group["token"])["sample"]
    assert [one["opened_by"] for one in sample] == [""] * 5
    assert "0 of 5" in run(store, "--accept", group["token"], "--reviewer", "M. Roe")["objection"]
    run(store, "--seen", group["token"], "--reviewer", "M. Roe")
    done = run(store, "--accept", group["token"], "--reviewer", "M. Roe")
    assert (done["done"]["studies"], done["groups"]) == (7, [])
    assert done["decided"][0]["reviewer"] == "M. Roe"
    undone = run(store, "--undo", done["decided"][0]["token"], "--reviewer", "J. Doe")
    assert [one["studies"] for one in undone["groups"]] == [7]
