"""Whether what a request states keeps a dataset's terms of use: at once, term by term, each with its reason.

A match is advice. A conflict tells the applicant before anybody waits; it is the committee that decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from radcommons.records.countries import country
from radcommons.records.duo import TERMS, named
from radcommons.records.terms import Terms

METHODS, POPULATION, ANCESTRY = "DUO:0000031", "DUO:0000032", "DUO:0000033"
BIOMEDICAL, GENETIC, DISEASE = "DUO:0000037", "DUO:0000038", "DUO:0000040"
CLINICAL_CARE = "DUO:0000043"
_ORIGINS = frozenset({POPULATION, ANCESTRY})
_HEALTH = frozenset({BIOMEDICAL, GENETIC, DISEASE, "DUO:0000034", "DUO:0000035", "DUO:0000036", "DUO:0000039"})


class Verdict(StrEnum):
    """What a look at the forms alone can say."""

    FITS = "fits"
    PERSON = "person"  # somebody has to read it
    CONFLICTS = "conflicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One term, whether the request keeps it, and why."""

    code: str
    label: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the modifiers of a dataset's terms leave open: which disease, how long, until when, and who.

    Parameters
    ----------
    disease : str
        For DS; empty where the term does not stand.
    months : int
        For TS; 0 names none.
    moratorium : str
        For MOR: the ISO day before which nothing is published.
    institutions : tuple of str
        For IS.
    """

    disease: str = ""
    months: int = 0
    moratorium: str = ""
    institutions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedUse:
    """What an applicant states, as far as terms speak of it."""

    purposes: frozenset[str] = frozenset()
    disease: str = ""
    country: str = ""
    institution: str = ""
    months: int = 0
    is_company: bool = False
    is_commercial: bool = False
    for_care: bool = False
    has_ethics: bool = False
    will_publish: bool = False
    will_collaborate: bool = False
    will_return: bool = False


Answer = tuple[Verdict, str]
_FITS, _PERSON, _CONFLICTS = Verdict.FITS, Verdict.PERSON, Verdict.CONFLICTS


def match(use: StatedUse, *, terms: Terms, limits: Limits, today: str) -> tuple[Match, ...]:
    """Return the verdict on each term of a dataset, conflicts first.

    Parameters
    ----------
    use : StatedUse
    terms : Terms
        Their DUO codes and geography.
    limits : Limits
    today : str
        ISO day, for a moratorium that is over.
    """
    found = list(_matches(use, terms, limits, today))
    order = (Verdict.CONFLICTS, Verdict.PERSON, Verdict.FITS)
    return tuple(sorted(found, key=lambda one: order.index(one.verdict)))


def _matches(use: StatedUse, terms: Terms, limits: Limits, today: str) -> Iterator[Match]:
    for code in terms.duo:
        if code == _GEOGRAPHY and terms.geography is not None:
            continue  # the countries themselves are compared below
        rule = _RULES.get(code)
        verdict, reason = rule(use, limits, today) if rule else (_PERSON, "This term is not known here.")
        yield Match(code=code, label=named(code), verdict=verdict, reason=reason)
    if terms.geography is not None:
        verdict, reason = _geography(use, terms.geography)
        yield Match(code=_GEOGRAPHY, label=named(_GEOGRAPHY), verdict=verdict, reason=reason)
    if use.for_care and CLINICAL_CARE not in terms.duo:
        reason = "The terms do not allow use in the care of patients, and the request names it."
        yield Match(code=CLINICAL_CARE, label=named(CLINICAL_CARE), verdict=_CONFLICTS, reason=reason)


_GEOGRAPHY = "DUO:0000022"


def _geography(use: StatedUse, allowed: tuple[str, ...]) -> Answer:
    names = ", ".join(country(code) for code in allowed) or "no country at all"
    if not use.country:
        return _PERSON, f"The request names no country; allowed: {names}."
    if use.country in allowed:
        return _FITS, f"{country(use.country)} is among the allowed countries."
    return _CONFLICTS, f"{country(use.country)} is not among the allowed countries: {names}."


def _aims(codes: frozenset[str]) -> str:
    return ", ".join(sorted(TERMS[code].label for code in codes if code in TERMS))


def _any(_use: StatedUse, _limits: Limits, _today: str) -> Answer:
    return _FITS, "Any stated purpose keeps it."


def _health(use: StatedUse, _limits: Limits, _today: str) -> Answer:
    if origins := use.purposes & _ORIGINS:
        return _CONFLICTS, f"Stated: {_aims(origins)}, which this permission leaves out."
    if use.purposes & _HEALTH:
        return _FITS, f"Stated: {_aims(use.purposes & _HEALTH)}."
    return _PERSON, "No purpose about health or medicine is stated; somebody has to read the plan."


def _disease(use: StatedUse, limits: Limits, _today: str) -> Answer:
    named_here = limits.disease or "the dataset's disease"
    if DISEASE not in use.purposes:
        return _CONFLICTS, f"Research on a disease is not among the stated purposes; allowed is {named_here}."
    if limits.disease and use.disease.casefold().strip() == limits.disease.casefold().strip():
        return _FITS, f"The stated disease is {limits.disease}."
    return _PERSON, f"Whether the stated disease is {named_here}, somebody has to read."


def _origins_only(use: StatedUse, _limits: Limits, _today: str) -> Answer:
    if use.purposes and use.purposes <= _ORIGINS:
        return _FITS, f"Stated: {_aims(use.purposes)}."
    return _CONFLICTS, "Purposes other than population origins or ancestry are stated, or none."


def _no_origins(use: StatedUse, _limits: Limits, _today: str) -> Answer:
    if origins := use.purposes & _ORIGINS:
        return _CONFLICTS, f"Stated: {_aims(origins)}."
    return _FITS, "No such purpose is stated."


def _no_methods(use: StatedUse, _limits: Limits, _today: str) -> Answer:
    if METHODS in use.purposes:
        return _CONFLICTS, "Method development is among the stated purposes."
    return _FITS, "No method development is stated."


def _genetic(use: StatedUse, _limits: Limits, _today: str) -> Answer:
    if GENETIC in use.purposes:
        return _FITS, "Genetic research is stated."
    return _CONFLICTS, "Genetic research is not among the stated purposes."


def _no_company(use: StatedUse, _limits: Limits, _today: str) -> Answer:
    if use.is_company:
        return _CONFLICTS, "The institution is stated to work for profit."
    return _FITS, "The institution is stated to be not-for-profit."


def _no_commerce(use: StatedUse, _limits: Limits, _today: str) -> Answer:
    if use.is_commercial:
        return _CONFLICTS, "A commercial aim is stated."
    return _FITS, "No commercial aim is stated."


def _neither(use: StatedUse, limits: Limits, today: str) -> Answer:
    first = _no_company(use, limits, today)
    return first if first[0] is _CONFLICTS else _no_commerce(use, limits, today)


def _promise(kept: bool, what: str) -> Answer:
    return (_FITS, f"The request promises {what}.") if kept else (_CONFLICTS, f"The request does not promise {what}.")


def _ethics(use: StatedUse, _limits: Limits, _today: str) -> Answer:
    if use.has_ethics:
        return _FITS, "An approval is named; the committee reads it."
    return _CONFLICTS, "No ethics approval is named."


def _moratorium(_use: StatedUse, limits: Limits, today: str) -> Answer:
    if not limits.moratorium:
        return _PERSON, "The day is not set; ask the steward."
    if limits.moratorium <= today:
        return _FITS, f"The moratorium ended on {limits.moratorium}."
    return _PERSON, f"Nothing may be published before {limits.moratorium}; the committee looks at your plan."


def _time(use: StatedUse, limits: Limits, _today: str) -> Answer:
    if not limits.months:
        return _PERSON, "How long is not set; the committee names it."
    if 0 < use.months <= limits.months:
        return _FITS, f"{use.months} months are asked for, {limits.months} are allowed."
    return _CONFLICTS, f"{use.months} months are asked for, and {limits.months} are allowed."


def _institution(use: StatedUse, limits: Limits, _today: str) -> Answer:
    known = {one.casefold().strip() for one in limits.institutions}
    if known and use.institution.casefold().strip() in known:
        return _FITS, "The institution is one of those that are approved."
    return _PERSON, "Whether the institution is one of those that are approved, somebody has to look up."


_RULES: dict[str, Callable[[StatedUse, Limits, str], Answer]] = {
    "DUO:0000004": _any,
    "DUO:0000042": _any,
    "DUO:0000006": _health,
    "DUO:0000007": _disease,
    "DUO:0000011": _origins_only,
    "DUO:0000012": lambda *_: (_PERSON, "Which research that is stands in the dataset's description."),
    "DUO:0000015": _no_methods,
    "DUO:0000016": _genetic,
    "DUO:0000018": _neither,
    "DUO:0000019": lambda use, *_: _promise(use.will_publish, "to publish the results"),
    "DUO:0000020": lambda use, *_: _promise(use.will_collaborate, "to work with those who collected the data"),
    "DUO:0000021": _ethics,
    _GEOGRAPHY: lambda *_: (_PERSON, "The countries are not listed; ask the steward."),
    "DUO:0000024": _moratorium,
    "DUO:0000025": _time,
    "DUO:0000026": lambda *_: (_FITS, "A grant names the people whom it is for."),
    "DUO:0000027": lambda *_: (_FITS, "A grant is for the project of its request alone."),
    "DUO:0000028": _institution,
    "DUO:0000029": lambda use, *_: _promise(use.will_return, "to send back what is derived"),
    CLINICAL_CARE: lambda *_: (_FITS, "Care of patients is allowed besides research."),
    "DUO:0000044": _no_origins,
    "DUO:0000045": _no_company,
    "DUO:0000046": _no_commerce,
}
