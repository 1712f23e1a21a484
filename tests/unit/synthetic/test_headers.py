"""The headers hide an identity in every place where hospitals do, and every one of them is listed."""

from __future__ import annotations

from datetime import date

import pytest
from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset
from pydicom.uid import UID

from radcommons.synthetic.headers import age_on, uid
from radcommons.synthetic.identity import CULTURES, Person, hospital_for, person_for, plain


def person(culture: str, number: int = 1) -> Person:
    """Return the invented person that the instances' fixture uses for a number."""
    return person_for(seed=1, number=number, culture=culture, sex="F", age_years=50, on=date(2020, 4, 1))


@pytest.mark.parametrize("culture", sorted(CULTURES))
def test_every_culture_encodes_in_its_own_character_set(culture: str) -> None:
    """A name survives a round trip through the character set that the header declares."""
    who = person(culture)
    header = Dataset()
    header.SpecificCharacterSet = list(who.charset) if isinstance(who.charset, tuple) else who.charset
    header.PatientName = who.name
    encoded = header.PatientName.encode([part or "iso8859" for part in _codecs(header)])
    assert b"?" not in encoded
    assert all(len(group) <= 64 for group in encoded.split(b"="))


def _codecs(header: Dataset) -> list[str]:
    return convert_encodings(header.SpecificCharacterSet)


def test_identity_stands_in_names_text_sequences_and_private_groups(instances: dict[str, Dataset]) -> None:
    """The family name or the id is found at each depth and kind of place."""
    image = instances["siemens"]
    family = str(image.PatientName).split("^")[0]
    assert family in image.PatientComments
    assert image.PatientID in image.RequestAttributesSequence[0].ReasonForTheRequestedProcedure
    assert image.OtherPatientIDsSequence[0].PatientID != image.PatientID
    assert image.ReferencedStudySequence[0].ReferencedSOPInstanceUID == uid("siemens", "earlier")
    block = image.private_block(0x0029, "SIEMENS CSA HEADER")
    assert plain(family).encode() in block[0x10].value


def test_canaries_of_a_person_are_what_the_header_says(instances: dict[str, Dataset]) -> None:
    """Ids, names, phone and town of the header are all among the listed strings."""
    image, who = instances["siemens"], person("de", 0)
    assert {str(image.PatientID), who.other_id, str(image.PatientTelephoneNumbers)} <= who.canaries
    assert set(str(image.PatientName).split("^")) <= who.canaries
    assert any(word in image.PatientAddress for word in who.canaries)
    assert str(image.InstitutionName) in hospital_for("ALFA", 0).canaries


def test_uids_are_valid_and_stable() -> None:
    """A UID is a function of its parts."""
    assert UID(uid("a", 1)).is_valid
    assert uid("a", 1) == uid("a", 1) != uid("a", 2)


def test_age_counts_whole_years() -> None:
    """The day before a birthday does not count."""
    assert age_on(date(2002, 5, 6), date(2020, 5, 5)) == 17
    assert age_on(date(2002, 5, 6), date(2020, 5, 6)) == 18
