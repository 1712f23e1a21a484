"""The Data Use Ontology (GA4GH): its terms as data, each with what it asks in plain words.

Codes, short names and labels are those of the ontology (http://purl.obolibrary.org/obo/duo.owl, 2021-02-23); the
meanings are this project's own words. `duo_match` compares them with what a request states.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a term is for: a dataset has one permission and any modifiers, a request has purposes."""

    PERMISSION = "permission"
    MODIFIER = "modifier"
    PURPOSE = "purpose"


@dataclass(frozen=True, slots=True)
class DuoTerm:
    """One term: `meaning` completes "who uses the data" for a dataset's terms, and names the aim for a purpose."""

    code: str
    short: str
    label: str
    kind: Kind
    meaning: str


_P, _M, _R = Kind.PERMISSION, Kind.MODIFIER, Kind.PURPOSE
TERMS: dict[str, DuoTerm] = {
    one.code: one
    for one in (
        DuoTerm("DUO:0000004", "NRES", "no restriction", _P, "Any use is allowed."),
        DuoTerm("DUO:0000042", "GRU", "general research use", _P, "Any research is allowed, whatever its question."),
        DuoTerm(
            "DUO:0000006",
            "HMB",
            "health or medical or biomedical research",
            _P,
            "Research about health, medicine or biology; not about where populations come from.",
        ),
        DuoTerm("DUO:0000007", "DS", "disease specific research", _P, "Only research about the disease that is named."),
        DuoTerm(
            "DUO:0000011",
            "POA",
            "population origins or ancestry research only",
            _P,
            "Only research about where populations or families come from.",
        ),
        DuoTerm(
            "DUO:0000012", "RS", "research specific restrictions", _M, "Only the kind of research that is described."
        ),
        DuoTerm(
            "DUO:0000015",
            "NMDS",
            "no general methods research",
            _M,
            "Not for developing methods, software or algorithms in general.",
        ),
        DuoTerm("DUO:0000016", "GSO", "genetic studies only", _M, "Only studies that look at genotypes."),
        DuoTerm(
            "DUO:0000018",
            "NPUNCU",
            "not for profit, non commercial use only",
            _M,
            "Only not-for-profit organisations, and only for aims that are not commercial.",
        ),
        DuoTerm("DUO:0000019", "PUB", "publication required", _M, "Results are to be published for all."),
        DuoTerm("DUO:0000020", "COL", "collaboration required", _M, "Work together with those who collected the data."),
        DuoTerm("DUO:0000021", "IRB", "ethics approval required", _M, "An ethics committee's approval is to be shown."),
        DuoTerm("DUO:0000022", "GS", "geographical restriction", _M, "Only in the countries that are named."),
        DuoTerm("DUO:0000024", "MOR", "publication moratorium", _M, "Nothing is to be published before a given day."),
        DuoTerm("DUO:0000025", "TS", "time limit on use", _M, "No longer than the months that are named."),
        DuoTerm("DUO:0000026", "US", "user specific restriction", _M, "Only people who are named and approved."),
        DuoTerm("DUO:0000027", "PS", "project specific restriction", _M, "Only within the project that is approved."),
        DuoTerm("DUO:0000028", "IS", "institution specific restriction", _M, "Only at institutions that are approved."),
        DuoTerm(
            "DUO:0000029",
            "RTN",
            "return to database or resource",
            _M,
            "What is derived from the data comes back to the commons.",
        ),
        DuoTerm("DUO:0000043", "CC", "clinical care use", _M, "May also serve the care of patients."),
        DuoTerm(
            "DUO:0000044",
            "NPOA",
            "population origins or ancestry research prohibited",
            _M,
            "Not for research about where populations or families come from.",
        ),
        DuoTerm("DUO:0000045", "NPU", "not for profit organisation use only", _M, "Only not-for-profit organisations."),
        DuoTerm(
            "DUO:0000046",
            "NCU",
            "non-commercial use only",
            _M,
            "Only aims that are not commercial; a company may do such research too.",
        ),
        DuoTerm("DUO:0000031", "", "method development", _R, "To develop or test a method, software or algorithm."),
        DuoTerm("DUO:0000032", "", "population research", _R, "To compare groups of the population."),
        DuoTerm("DUO:0000033", "", "ancestry research", _R, "To learn where people or populations come from."),
        DuoTerm("DUO:0000034", "", "age category research", _R, "To study people of an age group."),
        DuoTerm("DUO:0000035", "", "gender category research", _R, "To study people of a sex or gender."),
        DuoTerm("DUO:0000036", "", "research control", _R, "To use the patients as controls of another study."),
        DuoTerm("DUO:0000037", "", "biomedical research", _R, "To learn about health, medicine or biology."),
        DuoTerm("DUO:0000038", "", "genetic research", _R, "To study genotypes, alone or with images."),
        DuoTerm("DUO:0000039", "", "drug development research", _R, "To develop or test a drug."),
        DuoTerm("DUO:0000040", "", "disease category research", _R, "To study a disease or a group of diseases."),
    )
}


def of_kind(*kinds: Kind) -> tuple[DuoTerm, ...]:
    """Return the terms of some kinds in the order of the list."""
    return tuple(one for one in TERMS.values() if one.kind in kinds)


def named(code: str) -> str:
    """Return a term's label with its short name, or the code where nobody knows it."""
    term = TERMS.get(code)
    if term is None:
        return code
    return f"{term.label} ({term.short})" if term.short else term.label
