"""The parts of text cleaning: numbers and days, unspaced scripts, words beside names, and the lexicon's edges."""

from __future__ import annotations

import time

import pytest

from radcommons.dicom.lexicon import is_clinical, is_core, is_listed_name
from radcommons.dicom.manners import technical_manner
from radcommons.dicom.text import LONGEST_PIECE, Cleaner, Manner, pieces
from radcommons.dicom.text_identity import KnownIdentity, Matcher
from radcommons.dicom.text_numbers import days_in, ids_in
from radcommons.dicom.text_unspaced import foreign_runs

STRANGER = Cleaner(KnownIdentity(), keeps_unknown_words=False)


@pytest.mark.parametrize(
    "text",
    ["4711083", "4711-083", "47 11 08 3", "PAT4711083", "004711083x", "４７１１０８３", "4711.083/1", "id_4711083"],
)
def test_a_number_is_found_behind_marks_and_zeros(text):
    """Separators, letters beside it, leading zeros and wide digits do not hide an identifier."""
    assert list(ids_in(text, ("4711083",)))


@pytest.mark.parametrize("text", ["14711083", "47110831", "471108", "4711a083", ""])
def test_another_number_is_not_the_identifier(text):
    """A number with further digits beside it, or with letters in it, is another one."""
    assert not list(ids_in(text, ("4711083",)))


@pytest.mark.parametrize(
    "text",
    [
        "19620503", "03051962", "620503", "3.5.1962", "5/3/62", "1962-05-03", "3 May 1962", "May 3rd, 1962", "3. Mai 1962",  # noqa: E501
        "3 de mayo de 1962", "3 мая 1962", "1962年5月3日", "1962년 5월 3일", "03MAY62", "1962 May 3",
    ],
)  # fmt: skip
def test_a_day_is_read_in_many_notations(text):
    """The third of May 1962 is found however it is written."""
    assert any((62, 5, 3) in days for _, _, days in days_in(f"x {text} y"))


@pytest.mark.parametrize(
    ("text", "left"), [("胸部CT王小东", "胸部CT"), ("흉부 김희중", "흉부"), ("両肺の陰影 山田", "両肺の陰影")]
)
def test_unspaced_scripts_keep_terms_alone(text, left):
    """Terms of radiology stay; other characters go, with the single ones beside them."""
    assert STRANGER.clean(text, Manner.NARRATIVE).text == left


def test_single_characters_do_not_add_up_to_a_name():
    """Three characters that each are a word may be a name together."""
    assert list(foreign_runs("上中小"))
    assert not list(foreign_runs("胸部左肺"))


def test_the_lexicon_tells_names_from_words():
    """Compounds, prefixes and medical endings count; names do not, though they be made of words."""
    assert all(
        map(is_clinical, ("Lungenfenster", "subpleural", "Lobektomie", "bronchoscopy", "пневмонии", "пневмония"))
    )
    assert not any(
        map(is_clinical, ("Blackwood", "Whitehead", "Goldberg", "Subramanian", "Prescott", "Иванова", "Лев"))
    )
    assert is_core("Long")
    assert is_listed_name("Long")


def test_a_word_that_is_a_name_goes_beside_a_name():
    """Long stays in long axis, and goes behind a first name, a title or a word of kinship."""
    assert STRANGER.clean("long axis 12 mm", Manner.NARRATIVE).text == "long axis 12 mm"
    assert "Long" not in STRANGER.clean("Emily Long called", Manner.NARRATIVE).text
    assert "Long" not in STRANGER.clean("Dr. Long called", Manner.NARRATIVE).text
    assert "Long" not in STRANGER.clean("her husband Long called", Manner.NARRATIVE).text


def test_device_words_stay_where_devices_speak():
    """A model that no lexicon knows stays a model; the same word elsewhere may be a person."""
    assert technical_manner(0x00081090) is technical_manner(0x0019109E) is Manner.MAKER
    assert technical_manner(0x00180010) is Manner.TECHNICAL
    assert technical_manner(0x00180027) is Manner.DESCRIPTOR
    for model in ("Zorblax 9000", "ZORBLAX", "EFGRE3D", "Zorblax Medical Systems", "SOMATOM Force", "fse-xl"):
        assert STRANGER.clean(model, Manner.MAKER).text == model
    assert STRANGER.clean("CT Zorblax", Manner.MAKER).text == "CT"
    assert STRANGER.clean("Zorblax 9000", Manner.TECHNICAL).text == "Zorblax 9000"
    assert STRANGER.clean("Zorblax Emily Carter", Manner.TECHNICAL).text == "Zorblax"


@pytest.mark.parametrize("piece", ["a", "1 ", "A. ", "a.", "O'", "12 Ab ", "Dr ", "1962 ", "tel 1", "王"])
def test_long_texts_take_no_longer_than_their_length(piece):
    """Text of 40,000 characters, built to mislead patterns, is cleaned in under two seconds of one core."""
    start = time.process_time()
    STRANGER.clean(piece * (40_000 // len(piece)), Manner.NARRATIVE)
    assert time.process_time() - start < 2


def test_pieces_are_the_whole_text():
    """Cutting a long text loses no character, and cuts between words where there are any."""
    text = "lung " * 3000
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert all(len(one) <= LONGEST_PIECE and one.endswith(" ") for one in cut)


def test_a_new_identity_costs_little():
    """An identity is made ready in under a millisecond of CPU, which thousands of patients pay."""
    start = time.process_time()
    for number in range(200):
        names = frozenset({f"Quell{number}^Theobald", "Ostrander^Mina", "Baukenova^Käthe"})
        Matcher(KnownIdentity(names=names, ids=frozenset({str(number + 10**6)}), births=frozenset({"19620503"})))
    assert (time.process_time() - start) / 200 < 0.002
