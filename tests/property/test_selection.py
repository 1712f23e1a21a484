"""Series and rankings whatever their order and noise; and what a flow loses, which is nothing."""

from __future__ import annotations

import random
import warnings
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from radcommons.dicom.planes import place_of
from radcommons.records.lifecycle import FileState
from radcommons.records.protocol import Choice, Rank
from radcommons.records.protocol_facts import Condition
from radcommons.site.selection_choose import Rival, choose
from radcommons.site.selection_flow import drawn, steps_of
from radcommons.site.selection_series import Shot, stack_of
from radcommons.site.status import ORDER, FlowLine


def shots(positions: list[float], moment: str = "1", first: int = 1) -> list[Shot]:
    """Return axial images at places."""
    return [
        Shot(file=number, orientation="axial", positions_mm=(place,), moment=moment)
        for number, place in enumerate(positions, start=first)
    ]


@given(
    count=st.integers(8, 60),
    spacing=st.floats(0.4, 10),
    start=st.floats(-500, 500),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_what_was_taken_out_is_missed_and_nothing_else(
    count: int, spacing: float, start: float, seed: int, data: st.DataObject
) -> None:
    """Of a stack in any order, with rounding, as many slices are missing as were taken out of its inside."""
    gone = data.draw(st.sets(st.integers(1, count - 2), max_size=count // 6))
    noise = random.Random(seed)
    places = [start + n * spacing + noise.uniform(-0.009, 0.009) for n in range(count) if n not in gone]
    order = list(places)
    noise.shuffle(order)
    found = stack_of(shots(order))
    assert (found.slices, found.missing, found.repeated) == (count - len(gone), len(gone), ())
    assert found.spacing_mm is not None
    assert abs(found.spacing_mm - spacing) < 0.03


@given(count=st.integers(5, 30), spacing=st.floats(0.5, 8), again=st.integers(0, 4), phases=st.integers(2, 4))
def test_repeats_are_told_from_phases(count: int, spacing: float, again: int, phases: int) -> None:
    """A second image of one slice is a repeat; the whole stack again, named or not, is another phase."""
    places = [n * spacing for n in range(count)]
    twin = shots([places[again]], first=1000)
    assert stack_of([*shots(places), *twin]).repeated == (1000,)
    named = [shot for phase in range(phases) for shot in shots(places, str(phase), 1 + phase * count)]
    unnamed = [shot for phase in range(phases) for shot in shots(places, "", 1 + phase * count)]
    for found in (stack_of(named), stack_of(unnamed)):
        assert (found.slices, found.missing, found.repeated) == (count, 0, ())


def test_breath_holds_that_follow_each_other_are_one_stack() -> None:
    """Two acquisitions that meet are no gap and no repeat; slices without a place leave everything unknown."""
    upper, lower = [n * 5.0 for n in range(10)], [n * 5.0 for n in range(10, 20)]
    found = stack_of([*shots(upper, "1"), *shots(lower, "2", 100)])
    assert (found.slices, found.missing, found.repeated) == (20, 0, ())
    single = [shot for n in range(12) for shot in shots([n * 10.0], str(n), n + 1)]
    assert stack_of(single).missing == 0
    nowhere = Shot(file=99, orientation="", positions_mm=())
    assert stack_of([*shots(upper), nowhere]).missing is None


def test_slices_at_two_distances_are_unknown_and_no_gap() -> None:
    """Half of the body at 5 mm, half at 10 mm: nobody knows what was meant, so nothing is claimed."""
    places = [n * 5.0 for n in range(10)] + [50 + n * 10.0 for n in range(10)]
    assert stack_of(shots(places)).missing is None


def test_real_series_are_whole_and_a_lost_slice_shows(shared_data: Path) -> None:
    """The shared CTs have no gap; each loses a slice and has one."""
    stacks: defaultdict[str, list[Shot]] = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for folder in ("ct_open", "ct_covid_ct_md"):
            for number, path in enumerate(sorted((shared_data / folder).rglob("*.dcm"))):
                place = place_of(dcmread(path, stop_before_pixels=True))
                stacks[path.parent.name].append(
                    Shot(file=number, orientation=place.orientation, positions_mm=place.positions_mm)
                )
    assert len(stacks) >= 4
    for stack in stacks.values():
        assert (stack_of(stack).missing, stack_of(stack).repeated) == (0, ())
        ordered = sorted(stack, key=lambda shot: shot.positions_mm)
        assert stack_of(ordered[:3] + ordered[4:]).missing == 1


RANKS = (
    Rank(says="Lung.", test=Condition(fact="kernel", is_="lung")),
    Rank(says="Thin.", least="slice_thickness_mm"),
    Rank(says="Many.", most="slices"),
)
FACTS = st.fixed_dictionaries(
    {
        "kernel": st.sampled_from(["lung", "soft", None]),
        "slice_thickness_mm": st.sampled_from([1.0, 5.0, None]),
        "slices": st.sampled_from([10, 300, None]),
    }
)


@given(st.lists(FACTS, min_size=1, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_one_series_goes_or_somebody_is_asked(many: list[dict[str, object]], order: random.Random) -> None:
    """Whatever the order: exactly one is kept and every other says why, or a question names its series."""
    choice = Choice(id="ct", says="One.", rank=RANKS)
    rivals = [Rival(uid=str(n), facts=facts, first_file=n) for n, facts in enumerate(many)]  # type: ignore[arg-type]
    found = choose(choice, rivals, answers={})
    shuffled = list(rivals)
    order.shuffle(shuffled)
    assert choose(choice, shuffled, answers={}) == found
    everybody = {one.uid for one in rivals}
    if found.kept:
        assert {found.kept, *found.why} == everybody
        assert found.kept not in found.why
    else:
        assert set(found.asked) <= set(found.waiting)
        assert {*found.waiting, *found.why} == everybody
        answered = {(found.open_rank, uid): False for uid in found.asked}
        assert choose(choice, rivals, answers=answered).kept


def test_what_went_out_stays_chosen() -> None:
    """A better series that comes after the first was sent does not go."""
    choice = Choice(id="ct", says="One.", rank=RANKS)
    old = Rival(uid="old", facts={"kernel": "soft"}, first_file=1, is_sent=True)
    better = Rival(uid="new", facts={"kernel": "lung"}, first_file=2)
    assert choose(choice, [better, old], answers={}).kept == "old"


COUNTS = st.dictionaries(
    st.sampled_from([state for state in ORDER]),
    st.dictionaries(st.sampled_from(["adult", "other-series", "over-quota", "duplicate"]), st.integers(1, 9000)),
)


@given(COUNTS, st.integers(0, 50))
def test_every_file_is_in_the_flow_once(counts: dict[FileState, dict[str, int]], without: int) -> None:
    """What enters a step leaves it or went out beside it; the last step is what is ready or sent."""
    lines, total = [], 0
    for state, codes in counts.items():
        whole = sum(codes.values()) + without
        total += whole
        lines.append(FlowLine(state=state, code="", words="", files=whole, patients=1, studies=1))
        if state not in (FileState.READY, FileState.SUBMITTED, FileState.DUPLICATE):
            lines += [
                FlowLine(state=state, code=code, words="", files=count, patients=1, studies=1)
                for code, count in codes.items()
            ]
    lines.insert(0, FlowLine(state="seen", code="", words="", files=total, patients=1, studies=1))
    steps = steps_of(lines, says={"adult": "The patient is <18 & more."})
    for before, after in pairwise(steps):
        assert before.files == after.files + after.went_out
    here = sum(line.files for line in lines if line.state in ("ready", "submitted") and not line.code)
    assert steps[-1].files == here
    picture = drawn(steps)
    assert "<18" not in picture
    assert "<title" in picture
    assert "style" not in picture
