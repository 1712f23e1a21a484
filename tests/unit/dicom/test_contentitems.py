"""Content items whose concept makes their value identity."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from radcommons.dicom.contentitems import settle_item


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def number(concept: Dataset, value: str, unit: str) -> Dataset:
    """Return a NUM content item."""
    item, measured = Dataset(), Dataset()
    item.ConceptNameCodeSequence = [concept]
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = value, [coded(unit, "UCUM", unit)]
    measured.FloatingPointValue = float(value)
    item.MeasuredValueSequence = [measured]
    return item


@pytest.mark.parametrize(
    ("concept", "value", "unit", "after"),
    [
        (("121033", "DCM", "Subject Age"), "97", "a", 90),
        (("121033", "DCM", "Subject Age"), "89", "a", 89),
        (("397669002", "SCT", "Age"), "1164", "mo", 1080),
        (("A1", "99LOCAL", "Patient's age"), "103", "a", 90),
        (("A1", "99LOCAL", "Gestational age"), "120", "d", 120),
        (("A1", "99LOCAL", "Average"), "120", "a", 120),
        (("103339001", "SCT", "Long axis"), "97", "mm", 97),
    ],
)
def test_ages_are_capped_and_other_numbers_stay(concept, value, unit, after):
    """An age of 90 years and more becomes 90 in its own unit, in whichever form it stands; measurements stay."""
    item = number(coded(*concept), value, unit)
    changed = settle_item(item)
    measured = item.MeasuredValueSequence[0]
    assert (float(measured.NumericValue), changed) == (after, float(value) != after)
    assert ("FloatingPointValue" in measured) != changed


def test_birth_dates_and_the_subject_are_replaced():
    """The date of birth and the subject's number as content items say nothing any more; other dates and texts stay."""
    birth, subject, finding = Dataset(), Dataset(), Dataset()
    birth.ConceptNameCodeSequence, birth.Date = [coded("121031", "DCM", "Subject Birth Date")], "19280131"
    subject.ConceptNameCodeSequence, subject.TextValue = [coded("121030", "DCM", "Subject ID")], "AB"
    finding.ConceptNameCodeSequence, finding.TextValue = [coded("121071", "DCM", "Finding")], "nodule"
    assert [settle_item(one) for one in (birth, subject, finding)] == [True, True, False]
    assert (birth.Date, subject.TextValue, finding.TextValue) == ("19000101", "REMOVED", "nodule")
