"""QIDO-RS parameters become a query, or a typed refusal."""

from __future__ import annotations

import pytest

from radcommons.dicomweb.errors import QueryError
from radcommons.dicomweb.query import Kind, Level, Match, parse, wildcard_to_like


def test_keywords_and_tags_name_the_same_key() -> None:
    """A key may be given by keyword or by tag (PS3.18 section 8.3.4.1)."""
    by_word = parse(Level.STUDY, [("PatientID", "ALFA-AAAAAAAAAA")])
    assert by_word == parse(Level.STUDY, [("00100020", "ALFA-AAAAAAAAAA")])
    assert by_word.value("PatientID") == "ALFA-AAAAAAAAAA"


@pytest.mark.parametrize(
    ("name", "text", "kind", "values"),
    [
        ("StudyDate", "20200301-20200401", Kind.RANGE, ("20200301", "20200401")),
        ("StudyDate", "-20200401", Kind.RANGE, ("", "20200401")),
        ("StudyDate", "20200401-", Kind.RANGE, ("20200401", "")),
        ("StudyDate", "20200401", Kind.EXACT, ("20200401",)),
        ("PatientID", "ALFA-*", Kind.WILDCARD, ("ALFA-*",)),
        ("StudyDescription", "CHEST?", Kind.WILDCARD, ("CHEST?",)),
        ("StudyInstanceUID", "1.2.3,1.2.4", Kind.LIST, ("1.2.3", "1.2.4")),
        ("StudyInstanceUID", "1.2.3\\1.2.4", Kind.LIST, ("1.2.3", "1.2.4")),
        ("StudyInstanceUID", "1.2.3", Kind.EXACT, ("1.2.3",)),
        ("ModalitiesInStudy", "CT,DX", Kind.LIST, ("CT", "DX")),
    ],
)
def test_each_kind_of_matching(name: str, text: str, kind: Kind, values: tuple[str, ...]) -> None:
    """The value decides how it is matched (PS3.4 section C.2.2.2)."""
    assert parse(Level.STUDY, [(name, text)]).matches == (Match(keyword=name, kind=kind, values=values),)


@pytest.mark.parametrize("text", ["", "*"])
def test_universal_matching_is_no_key(text: str) -> None:
    """An empty value and a lone asterisk match everything."""
    assert parse(Level.STUDY, [("PatientID", text)]).matches == ()


@pytest.mark.parametrize(
    "pair",
    [
        ("NoSuchAttribute", "x"),
        ("00091001", "x"),
        ("StudyInstanceUID", "1.2.x"),
        ("StudyInstanceUID", ","),
        ("StudyDate", "yesterday"),
        ("StudyDate", "-"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("offset", "1.5"),
        ("fuzzymatching", "maybe"),
        ("includefield", "NoSuchAttribute"),
    ],
)
def test_a_parameter_without_meaning_is_refused(pair: tuple[str, str]) -> None:
    """A typed error, and its text does not repeat the value."""
    with pytest.raises(QueryError) as caught:
        parse(Level.STUDY, [pair])
    assert pair[1] not in str(caught.value) or len(pair[1]) < 3


def test_one_key_twice_is_refused() -> None:
    """Which of two values is meant cannot be known, also when one is named by tag."""
    with pytest.raises(QueryError):
        parse(Level.STUDY, [("PatientID", "A"), ("00100020", "B")])


def test_known_but_unmatched_keys_are_told() -> None:
    """A key of a lower level or inside a sequence is reported as ignored, not silently dropped."""
    query = parse(Level.STUDY, [("RequestAttributesSequence.ScheduledProcedureStepID", "7"), ("Modality", "CT")])
    assert query.matches == ()
    assert query.ignored == ("RequestAttributesSequence.ScheduledProcedureStepID", "Modality")


def test_the_window_and_the_fields() -> None:
    """limit, offset, fuzzymatching and includefield, repeated and as a list."""
    query = parse(
        Level.INSTANCE,
        [
            ("limit", "25"),
            ("offset", "50"),
            ("fuzzymatching", "true"),
            ("includefield", "00080060,PatientAge"),
            ("includefield", "SliceThickness"),
            ("includefield", "all"),
        ],
    )
    assert (query.limit, query.offset, query.fuzzy, query.include_all) == (25, 50, True, True)
    assert query.include == {"Modality", "PatientAge", "SliceThickness"}


def test_a_limit_never_exceeds_the_servers_own() -> None:
    """A caller cannot ask for more than the maximum."""
    assert parse(Level.STUDY, [("limit", "999999999")]).limit == 5000


def test_like_patterns_take_their_own_wildcards_literally() -> None:
    """Percent and underscore in a value are characters, not SQL wildcards."""
    assert wildcard_to_like("50%_*?!") == "50!%!_%_!!"
