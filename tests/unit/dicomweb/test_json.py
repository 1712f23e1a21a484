"""Data sets become the DICOM JSON model of annex F."""

from __future__ import annotations

import json

from pydicom import Dataset

from radcommons.dicomweb.json import first, members, to_json


def _dataset() -> Dataset:
    dataset = Dataset()
    dataset.PatientName = "Alpha^Bravo=Kanji=Kana"
    dataset.Rows = 4
    dataset.ImagePositionPatient = [-1.5, 2.0, 3]
    dataset.InstanceNumber = "7"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "", "AXIAL"]
    dataset.FrameIncrementPointer = 0x00181063
    dataset.StudyDescription = ""
    item = Dataset()
    item.CodeValue = "1234"
    dataset.ProcedureCodeSequence = [item]
    dataset.add_new(0x00091001, "OB", b"\x01\x02")
    dataset.add_new(0x00091002, "OB", bytes(5000))
    dataset.PixelData = b"\0" * 32
    dataset["PixelData"].VR = "OW"
    return dataset


def test_every_kind_of_value() -> None:
    """Names by component group, numbers as numbers, nulls for empty values, tags in hexadecimal."""
    model = to_json(_dataset())
    assert model["00100010"]["Value"] == [{"Alphabetic": "Alpha^Bravo", "Ideographic": "Kanji", "Phonetic": "Kana"}]
    assert model["00280010"] == {"vr": "US", "Value": [4]}
    assert model["00200032"]["Value"] == [-1.5, 2, 3]
    assert model["00200013"]["Value"] == [7]
    assert model["00080008"]["Value"] == ["ORIGINAL", "PRIMARY", None, "AXIAL"]
    assert model["00280009"]["Value"] == ["00181063"]
    assert model["00081030"] == {"vr": "LO"}
    assert model["00081032"]["Value"] == [{"00080100": {"vr": "SH", "Value": ["1234"]}}]
    json.dumps(model, allow_nan=False)


def test_bulk_data_goes_by_reference() -> None:
    """Short binary is inline; long binary and pixels are a URI, and never the bytes."""
    model = to_json(_dataset(), bulk_uri=lambda path: f"http://h/bulk/{path}")
    assert model["00091001"]["InlineBinary"] == "AQI="
    assert model["00091002"] == {"vr": "OB", "BulkDataURI": "http://h/bulk/00091002"}
    assert model["7FE00010"] == {"vr": "OW", "BulkDataURI": "http://h/bulk/7FE00010"}
    assert to_json(_dataset())["7FE00010"] == {"vr": "OW"}


def test_it_agrees_with_pydicoms_own_model() -> None:
    """Reading the model back gives an equal data set (values without empty ones inside)."""
    dataset = _dataset()
    del dataset.PixelData, dataset[0x00091002], dataset.ImageType
    assert Dataset.from_json(to_json(dataset)) == dataset


def test_an_answer_is_made_from_keywords() -> None:
    """Keywords become tags in ascending order; None is an attribute without a value."""
    made = members(StudyInstanceUID="1.2", ModalitiesInStudy=["CT", "DX"], StudyDate=None, PatientName="A^B")
    assert list(made) == ["00080020", "00080061", "00100010", "0020000D"]
    assert made["00080020"] == {"vr": "DA"}
    assert first(made, "ModalitiesInStudy") == "CT"
    assert first(made, "StudyDate") is None
