"""Cleaning of single texts, by the manner in which they are written."""

from __future__ import annotations

import pytest

from radcommons.dicom.lexicon import is_clinical
from radcommons.dicom.text import Cleaner, Manner
from radcommons.dicom.text_fold import keys
from radcommons.dicom.text_identity import KnownIdentity, Matcher

KNOWN = KnownIdentity(
    names=frozenset({"Quellmann^Theobald", "Li^An"}),
    ids=frozenset({"0047-11", "7"}),
    births=frozenset({"19280131"}),
    places=frozenset({"Waldgrund Klinikum Thorax"}),
)
CLEANER = Cleaner(KNOWN, keeps_unknown_words=False)


@pytest.mark.parametrize(
    ("text", "manner", "kept"),
    [
        ("SOMATOM Zorblax", Manner.TECHNICAL, "SOMATOM Zorblax"),
        ("Lung Zorblax", Manner.DESCRIPTOR, "Lung"),
        ("lung zorblax", Manner.DESCRIPTOR, "lung"),
        ("The lung shows zorblax. Zorblax came.", Manner.NARRATIVE, "The lung shows. came."),
        ("840539006", Manner.TERM, "840539006"),
        ("840539006", Manner.TECHNICAL, ""),
        ("Thorax Waldgrund", Manner.TECHNICAL, "Thorax"),
        ("Klinikum Thorax", Manner.DESCRIPTOR, "Thorax"),
        ("Li lung", Manner.TECHNICAL, "lung"),
        ("7 mm lung", Manner.DESCRIPTOR, "7 mm lung"),
        ("lung (Quellmann)", Manner.DESCRIPTOR, "lung"),
        ("Quellmann^Theobald", Manner.TECHNICAL, ""),
        ("5.0 B30f 120kV 0.625mm", Manner.DESCRIPTOR, "5.0 B30f 120kV 0.625mm"),
        ("Lung 31JAN1928", Manner.TECHNICAL, "Lung"),
        ("Lung 31 Jan 1928", Manner.TECHNICAL, "Lung"),
        ("Lung 12 Feb 2020", Manner.DESCRIPTOR, "Lung"),
    ],
)
def test_what_is_kept_of_a_text(text, manner, kept):
    """Known identity goes everywhere; unknown words by manner; codes, measures and clinical words stay."""
    assert CLEANER.clean(text, manner).text == kept


def test_reasons_are_told_apart():
    """A known name, a sure sign and an unknown word are different reasons, and a clean text has none."""
    assert CLEANER.clean("Lung Quellmann", Manner.DESCRIPTOR).held_known
    assert CLEANER.clean("Lung a@b.test", Manner.DESCRIPTOR).held_pattern
    unknown = CLEANER.clean("Lung Zorblax", Manner.DESCRIPTOR)
    assert (unknown.held_known, unknown.held_pattern, unknown.held_unknown) == (False, False, True)
    assert not CLEANER.clean("Lung", Manner.DESCRIPTOR).changed


def test_unknown_words_stay_where_the_profile_says_so():
    """With `unknown_words: keep` only what is known or certain goes."""
    keeping = Cleaner(KNOWN, keeps_unknown_words=True)
    assert keeping.clean("Lung Zorblax Quellmann", Manner.DESCRIPTOR).text == "Lung Zorblax"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Müller", "MUELLER"), ("Muller", "Mueller"), ("Łódź", "lodz"), ("Иванов", "Ivanov"), ("Strauß", "Strauss")],
)
def test_spellings_of_one_name_meet(one, other):
    """Umlauts, accents and alphabets lead to a common form."""
    assert keys(one) & keys(other)


def test_an_identity_is_never_shown():
    """The printed form of an identity, as in a traceback with locals, holds no value."""
    assert not any(value in repr(KNOWN) for value in ("Quellmann", "47", "1928", "Waldgrund"))


def test_identities_add_up():
    """What two objects know is searched together."""
    both = KnownIdentity(names=frozenset({"Alphard"})) | KnownIdentity(names=frozenset({"Betelius"}))
    assert {"alphard", "betelius"} <= Matcher(both).words


@pytest.mark.parametrize("word", ["Thorax", "LUNGENFENSTER", "ThoraxRoutine", "pneumonía", "Übersicht", "effusion"])
def test_clinical_words_are_known(word):
    """Words of descriptions in several languages and their compounds are clinical."""
    assert is_clinical(word)


@pytest.mark.parametrize(
    "word", ["Müller", "Smith", "Garcia", "Rossi", "Dubois", "Young", "Grant", "Robert", "Nguyen", "Taylor"]
)
def test_names_are_not_in_the_lexicon(word):
    """Frequent names are no clinical words, even those that are words or eponyms."""
    assert not is_clinical(word)
