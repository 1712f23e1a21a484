"""The pre-match says what a form can say: term by term a fit, a conflict, or that somebody has to read."""

from __future__ import annotations

import dataclasses

import pytest

from radcommons.records.countries import COUNTRIES, country
from radcommons.records.duo import TERMS, Kind, named, of_kind
from radcommons.records.duo_match import Limits, StatedUse, Verdict, match
from radcommons.records.terms import Terms

F, P, C = Verdict.FITS, Verdict.PERSON, Verdict.CONFLICTS
METHODS, POPULATION, ANCESTRY, BIO, GENES, DISEASE = (f"DUO:00000{n}" for n in (31, 32, 33, 37, 38, 40))


def _use(*purposes: str, **stated: object) -> StatedUse:
    return dataclasses.replace(StatedUse(purposes=frozenset(purposes)), **stated)  # type: ignore[arg-type]


def _verdict(code: str, use: StatedUse, limits: Limits | None = None) -> Verdict:
    (found,) = match(use, terms=Terms(license="x", duo=(code,)), limits=limits or Limits(), today="2026-12-01")
    assert found.reason
    return found.verdict


CASES: list[tuple[str, StatedUse, Limits, Verdict]] = [
    ("04", _use(), Limits(), F),
    ("42", _use(ANCESTRY), Limits(), F),
    ("06", _use(BIO), Limits(), F),
    ("06", _use(BIO, ANCESTRY), Limits(), C),
    ("06", _use(METHODS), Limits(), P),
    ("07", _use(DISEASE, disease=" covid-19"), Limits(disease="COVID-19"), F),
    ("07", _use(DISEASE, disease="pneumonia"), Limits(disease="COVID-19"), P),
    ("07", _use(BIO), Limits(disease="COVID-19"), C),
    ("11", _use(POPULATION, ANCESTRY), Limits(), F),
    ("11", _use(POPULATION, BIO), Limits(), C),
    ("11", _use(), Limits(), C),
    ("12", _use(BIO), Limits(), P),
    ("15", _use(METHODS, BIO), Limits(), C),
    ("15", _use(BIO), Limits(), F),
    ("16", _use(GENES), Limits(), F),
    ("16", _use(BIO), Limits(), C),
    ("18", _use(), Limits(), F),
    ("18", _use(is_company=True), Limits(), C),
    ("18", _use(is_commercial=True), Limits(), C),
    ("19", _use(will_publish=True), Limits(), F),
    ("19", _use(), Limits(), C),
    ("20", _use(will_collaborate=True), Limits(), F),
    ("20", _use(), Limits(), C),
    ("21", _use(has_ethics=True), Limits(), F),
    ("21", _use(), Limits(), C),
    ("22", _use(), Limits(), P),
    ("24", _use(), Limits(moratorium="2026-11-30"), F),
    ("24", _use(), Limits(moratorium="2027-11-30"), P),
    ("24", _use(), Limits(), P),
    ("25", _use(months=12), Limits(months=12), F),
    ("25", _use(months=13), Limits(months=12), C),
    ("25", _use(), Limits(months=12), C),
    ("25", _use(months=13), Limits(), P),
    ("26", _use(), Limits(), F),
    ("27", _use(), Limits(), F),
    ("28", _use(institution="university of A "), Limits(institutions=("University of A",)), F),
    ("28", _use(institution="University of B"), Limits(institutions=("University of A",)), P),
    ("29", _use(will_return=True), Limits(), F),
    ("29", _use(), Limits(), C),
    ("43", _use(for_care=True), Limits(), F),
    ("44", _use(POPULATION), Limits(), C),
    ("44", _use(BIO), Limits(), F),
    ("45", _use(is_company=True), Limits(), C),
    ("45", _use(is_commercial=True), Limits(), F),
    ("46", _use(is_commercial=True), Limits(), C),
    ("46", _use(is_company=True), Limits(), F),
]


@pytest.mark.parametrize(("number", "use", "limits", "verdict"), CASES)
def test_each_term_by_what_is_stated(number: str, use: StatedUse, limits: Limits, verdict: Verdict) -> None:
    """The verdict on one term under one stated use."""
    assert _verdict(f"DUO:00000{number}", use, limits) is verdict


def test_every_term_of_a_dataset_has_cases() -> None:
    """No permission or modifier goes without a rule and a test of it."""
    tried = {f"DUO:00000{number}" for number, *_ in CASES}
    assert tried == {one.code for one in of_kind(Kind.PERMISSION, Kind.MODIFIER)}


def test_care_needs_its_own_term() -> None:
    """Use in the care of patients conflicts with terms that do not name it."""
    found = match(_use(BIO, for_care=True), terms=Terms(license="x", duo=("DUO:0000006",)), limits=Limits(), today="")
    assert [(one.code, one.verdict) for one in found] == [("DUO:0000043", C), ("DUO:0000006", F)]


@pytest.mark.parametrize(
    ("stated", "allowed", "verdict"),
    [("DE", ("DE", "FR"), F), ("US", ("DE", "FR"), C), ("", ("DE",), P), ("DE", (), C)],
)
def test_geography_is_compared_by_country(stated: str, allowed: tuple[str, ...], verdict: Verdict) -> None:
    """A list of countries decides, with or without the term that announces it, and stands once."""
    for duo in ((), ("DUO:0000022",)):
        terms = Terms(license="x", duo=duo, geography=allowed)
        found = match(_use(country=stated), terms=terms, limits=Limits(), today="")
        assert [one.verdict for one in found] == [verdict]


def test_conflicts_come_first_and_unknown_terms_need_a_person() -> None:
    """The order is that of the trouble; what nobody knows is never waved through."""
    terms = Terms(license="x", duo=("DUO:0000042", "DUO:0009999", "DUO:0000021"))
    found = match(_use(), terms=terms, limits=Limits(), today="")
    assert [one.verdict for one in found] == [C, P, F]


def test_terms_are_those_of_the_ontology() -> None:
    """Codes, short names and labels of the permissions and modifiers, as duo.csv of 2021 lists them."""
    shorts = "NRES GRU HMB DS POA RS NMDS GSO NPUNCU PUB COL IRB GS MOR TS US PS IS RTN CC NPOA NPU NCU"
    numbers = (4, 42, 6, 7, 11, 12, 15, 16, 18, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 43, 44, 45, 46)
    assert {one.short: one.code for one in TERMS.values() if one.short} == {
        short: f"DUO:{number:07}" for short, number in zip(shorts.split(), numbers, strict=True)
    }
    assert [one.code for one in of_kind(Kind.PURPOSE)] == [f"DUO:{number:07}" for number in range(31, 41)]
    assert (named("DUO:0000006"), named("DUO:0009999")) == (
        "health or medical or biomedical research (HMB)",
        "DUO:0009999",
    )


def test_countries_are_those_of_the_standard() -> None:
    """ISO 3166-1 has 249 codes of two letters."""
    assert len(COUNTRIES) == 249
    assert all(len(code) == 2 and code.isupper() and name for code, name in COUNTRIES.items())
    assert (country("DE"), country("XX")) == ("Germany", "XX")
