"""The slices of a sampled series: their order, and that each of them stands for the study."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.functional.site_inputs import ct_slice, write

from radcommons.platform.pool import import_ahead
from radcommons.records.errors import NotFound
from radcommons.site.add import add
from radcommons.site.join import init
from radcommons.site.review_decide import Reviewer, mark_wrong
from radcommons.site.review_groups import overview, settle
from radcommons.site.review_sample import draw, open_round_of_file
from radcommons.site.review_stack import slices_of
from radcommons.site.settings import SiteSettings
from radcommons.site.store import Store, open_store
from radcommons.site.tables import file

ROE = Reviewer(name="M. Roe")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A study of three slices that came last slice first, and one slice of another study."""
    import_ahead("radcommons.site.judge")
    for name, number in (("a", 3), ("b", 2), ("c", 1)):
        write(tmp_path / "pacs" / name, ct_slice(number, patient="4711"))
    write(tmp_path / "pacs" / "d", ct_slice(1, patient="4712", ManufacturerModelName="Invented B"))
    settings = SiteSettings(hub="http://127.0.0.1:1", sites=("ALFA",))
    init(tmp_path / "gateway", settings=settings, token="x", offline=True)
    found = open_store(tmp_path / "gateway")
    add(found, [tmp_path / "pacs"], jobs=1)
    settle(found)
    yield found
    found.close()


def numbers(store: Store) -> dict[str, int]:
    """The number of each file by its name."""
    with store.read() as connection:
        rows = connection.execute(sa.select(file.c.path, file.c.id)).all()
    return {str(row.path).rpartition("/")[2]: int(row.id) for row in rows}


def test_slices_stand_by_their_places_and_not_as_they_came(store: Store) -> None:
    """The first slice of the body is the first; another study is no part of it; there is none beyond the ends."""
    by_name = numbers(store)
    with store.read() as connection:
        found = slices_of(connection, by_name["b"])
    assert found.files == (by_name["c"], by_name["b"], by_name["a"])
    assert (found.at, found.file_at(3)) == (2, by_name["a"])
    for place in (0, 4):
        with pytest.raises(NotFound):
            found.file_at(place)


def test_any_slice_that_is_wrong_holds_its_study(store: Store) -> None:
    """What a person finds on another slice than the sampled one counts as well, once, and for that study alone."""
    by_name = numbers(store)
    with store.read() as connection:
        tokens = [group.token for group in overview(connection)]
    drawn = [draw(store, token) for token in tokens]
    mine = next(one for one in drawn if one.samples[0].file in {by_name[name] for name in "abc"})
    sampled = mine.samples[0].file
    other = next(by_name[name] for name in "abc" if by_name[name] != sampled)
    with store.read() as connection:
        assert open_round_of_file(connection, other) == mine.id
        assert open_round_of_file(connection, by_name["d"]) != mine.id
    assert not mark_wrong(store, by_name["d"], found=mine.id, reviewer=ROE)
    assert mark_wrong(store, other, found=mine.id, reviewer=ROE)
    assert not mark_wrong(store, sampled, found=mine.id, reviewer=ROE)
    with store.read() as connection:
        states = dict(connection.execute(sa.select(file.c.id, file.c.state)).all())
    assert {states[by_name[name]] for name in "abc"} == {"held"}
    assert states[by_name["d"]] == "ready"
