"""The index in memory against counting by hand."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from radcommons.catalogue.facets import Asked, FacetIndex, facet_of_rows, facet_of_studies

STUDIES = 60


def _made(seed: int) -> tuple[FacetIndex, list[tuple[int, str, str]], list[str], list[set[str]]]:
    dice = random.Random(seed)
    rows = [
        (dice.randrange(STUDIES), dice.choice("ABC"), dice.choice(("lung", "soft lung", "bone"))) for _ in range(200)
    ]
    rows += [(study, "A", "bone") for study in range(STUDIES)]  # each study has a series
    site = [dice.choice("XYZ") for _ in range(STUDIES)]
    releases = [set(dice.sample(("r1", "r2", "r3"), dice.randint(1, 3))) for _ in range(STUDIES)]
    row_study = np.asarray([row[0] for row in rows], np.int32)
    texts = sorted({row[2] for row in rows})
    index = FacetIndex(
        uids=[f"2.25.{number}" for number in range(STUDIES)],
        row_study=row_study,
        facets={
            "modality": facet_of_rows(row_study, (row[1] for row in rows)),
            "site": facet_of_studies(enumerate(site)),
            "release": facet_of_studies((study, one) for study, held in enumerate(releases) for one in held),
        },
        texts=texts,
        row_text=np.asarray([texts.index(row[2]) for row in rows], np.int32),
        order={"name": np.arange(STUDIES, dtype=np.int32)[::-1].copy()},
    )
    return index, rows, site, releases


@pytest.mark.parametrize("seed", range(30))
def test_counts_are_those_by_hand(seed: int) -> None:
    """Under any filter each facet counts the studies that pass all filters but its own."""
    index, rows, site, releases = _made(seed)
    dice = random.Random(seed + 1000)
    values = {"modality": "ABC", "site": "XYZ", "release": ("r1", "r2", "r3", "none")}
    names = dice.sample(sorted(values), dice.randint(0, 3))
    chosen = {name: tuple(dice.sample(tuple(values[name]), dice.randint(1, 2))) for name in names}
    words = ("LUNG",) if dice.random() < 0.5 else ()

    def passing(without: str) -> list[tuple[int, str]]:
        filters = {name: kept for name, kept in chosen.items() if name != without}
        return [
            (study, modality)
            for study, modality, text in rows
            if modality in filters.get("modality", modality)
            if site[study] in filters.get("site", site[study])
            if releases[study] & set(filters.get("release", releases[study]))
            if all(word.casefold() in text for word in words)
        ]

    found = index.ask(Asked(chosen=chosen, words=words))
    assert found.studies.tolist() == sorted({study for study, _ in passing("")})
    expected = {
        "modality": {one: {s for s, m in passing("modality") if m == one} for one in "ABC"},
        "site": {one: {s for s, _ in passing("site") if site[s] == one} for one in "XYZ"},
        "release": {one: {s for s, _ in passing("release") if one in releases[s]} for one in ("r1", "r2", "r3")},
    }
    for name, held in expected.items():
        counted = dict(zip(index.facets[name].values, found.counts[name].tolist(), strict=True))
        assert counted == {value: len(studies) for value, studies in held.items()}, name
    assert index.sorted(found, "name").tolist() == found.studies.tolist()[::-1]


def test_a_word_is_found_in_either_description() -> None:
    """One word may stand in the study's description and the other in the series'; an empty text holds none."""
    row_study = np.asarray([0, 0, 1], np.int32)
    index = FacetIndex(
        uids=["2.25.1", "2.25.2"],
        row_study=row_study,
        facets={"modality": facet_of_rows(row_study, "ABA")},
        texts=("", "Axial  Lung"),
        row_text=np.asarray([0, 1, 1], np.int32),
        order={},
        study_texts=("Chest", ""),
        study_text=np.asarray([0, 1], np.int32),
    )

    def asked(*words: str) -> Any:
        return index.ask(Asked(chosen={}, words=words)).studies.tolist()

    assert (asked("chest", "lung"), asked("lung"), asked("chest"), asked("heart")) == ([0], [0, 1], [0], [])
    assert index.ask(Asked(chosen={}, words=("chest", "lung"))).counts["modality"].tolist() == [0, 1]


def test_a_study_names_its_values() -> None:
    """The badges of a card come from the index."""
    index, _, site, releases = _made(1)
    assert index.values_of("site", 7) == [site[7]]
    assert set(index.values_of("release", 7)) == releases[7]
