"""Findings of the hub as tasks in plain words, and honest progress."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.site.sent_store import SECRETS, answered, finding, make_store, send

from radcommons.site.store import Store
from radcommons.site.submit import UPLOAD_RATE
from radcommons.site.tables import earlier, file
from radcommons.site.tasks import progress, spoken, tasks


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty gateway."""
    opened = make_store(tmp_path / "gateway")
    yield opened
    opened.close()


def test_findings_become_sentences_with_a_place(store: Store) -> None:
    """Where in the picture, or which attribute; notes ask for nothing; several objects of a study are one task."""
    identifier, made = send(store)
    answered(
        store,
        identifier,
        quarantined=4,
        findings=[
            finding(made[0], "burned-in-text", where="frame 1, x 1..9, y 1..5"),
            finding(made[1], "unusual-text", where="SeriesDescription"),
            finding(made[2], "unusual-text", where="SeriesDescription"),
            finding(made[4], "burned-in-text", where="frame 3, x 20..31, y 25..30"),
            finding(made[3], "pixels-cleaned", severity="note"),
        ],
    )
    found = tasks(store)
    assert [(one.sentence, one.objects, one.state) for one in found] == [
        ("study 1: text in the image, top left", 1, "open"),
        ("study 1: a text with words that may name somebody (SeriesDescription)", 2, "open"),
        ("study 3: text in the image, bottom right of frame 3", 1, "open"),
    ]
    assert all(one.todo and one.link.startswith("/review/f/") for one in found)
    assert len({one.link for one in found}) == 3
    assert not any(secret in str(found) for secret in SECRETS)
    assert tasks(store)[0].link == found[0].link, "an address stays"


def test_a_task_ends_when_it_is_corrected_taken_back_or_settled(store: Store) -> None:
    """A new version, a withdrawal or the curator's decision closes it; it is shown as closed, not dropped."""
    identifier, made = send(store)
    told = [finding(made[0], "burned-in-text"), finding(made[3], "unusual-text"), finding(made[4], "not-conformant")]
    answered(store, identifier, quarantined=3, findings=told)
    assert {one.state for one in tasks(store)} == {"open"}
    with store.change() as change:
        change.connection.execute(
            file.update().where(file.c.object_digest == made[3].item.digest).values(state="withdrawn")
        )
        number = change.connection.execute(
            file.update()
            .where(file.c.object_digest == made[0].item.digest)
            .values(object_digest="1" * 64)
            .returning(file.c.id)
        ).scalar_one()
        change.connection.execute(
            earlier.insert().values(
                file=number,
                submission=identifier,
                object_digest=made[0].item.digest,
                object_size=1,
                pseudonym="ALFA-ABCDEFGHIJ",
                sop_uid="2.25.1",
                reason="corrected",
                replaced_at="2026-03-31T12:00:00Z",
            )
        )
    assert {one.study: one.state for one in tasks(store)} == {1: "corrected", 2: "withdrawn", 3: "open"}
    assert tasks(store)[0].study == 3, "open ones first"
    answered(store, identifier, quarantined=0, accepted=4, refused=0, findings=told)
    assert {one.study: one.state for one in tasks(store)}[3] == "settled"


def test_progress_is_what_the_hub_has_and_the_estimate_what_was_measured(store: Store) -> None:
    """Half of the objects at a known rate; without a rate there is no estimate."""
    identifier, made = send(store)
    size = sum(one.item.size for one in made)
    answered(store, identifier, state="announced", received=2)
    (one,) = progress(store)
    assert (one.share, one.left_bytes, one.left_s) == (0.4, round(size * 0.6), None)
    with store.change() as change:
        change.remember(UPLOAD_RATE, "10")
    (one,) = progress(store)
    assert one.left_s == round(size * 0.6 / 10)
    answered(store, identifier, state="received", received=5)
    assert [one.left_s for one in progress(store)] == [None]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (5, "less than a minute"), (60, "about 1 minute"), (5400, "about 2 hours"), (200000, "about 2 days")],
)
def test_spans_are_spoken(seconds: int | None, words: str) -> None:
    """As people say them."""
    assert spoken(seconds) == words
