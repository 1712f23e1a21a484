"""Tables beside images are read whatever their columns, separators and encodings are."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from radcommons.dicom.table_csv import ImageRow, ImageTable, read_table

NAMES = ["a.jpg", "b.png"]


def table(text: str | bytes, names: list[str] = NAMES) -> ImageTable | None:
    """Read a table from text."""
    return read_table(io.BytesIO(text if isinstance(text, bytes) else text.encode()), image_names=names)


@pytest.mark.parametrize(
    "text",
    [
        "file,patient,view,sex,age,offset\na.jpg,p1,PA,M,70.0,3\nb.png,p2,AP,F,,\n",
        "\ufeffImage;Patient ID;View Position;Gender;Patient Age;Day\r\na/A.JPG;p1;PA;M;070Y;3\r\nb.png;p2;AP;F;;\n",
        "subject\tfilename\tprojection\tsex\tage\tdays\np1\tx\\a.jpg\tPA\tM\t70\t3\np2\tb\tAP\tF\t\t\n",
        b"\xff\xfe" + 'file,patient,view,sex,age,offset\na.jpg,p1,PA,M,"70,0",3\nb.png,p2,AP,F,,\n'.encode("utf-16-le"),
    ],
)
def test_usual_headings_separators_and_encodings_are_understood(text: str | bytes) -> None:
    """Four ways to write one table give the same rows."""
    found = table(text)
    assert found is not None
    row = found.row_for("a.jpg")
    assert row is not None
    assert (row.patient, row.view, row.sex, row.age_years, row.offset_days) == ("p1", "PA", "M", 70.0, 3.0)
    other = found.row_for("b.png")
    assert other is not None
    assert (other.patient, other.age_years, other.offset_days) == ("p2", None, None)


def test_the_file_column_is_found_by_its_values() -> None:
    """A column under an unusual heading is the file column when it names the images."""
    found = table("Bildname,patient\na.jpg,p1\nb.png,p2\n")
    assert found is not None
    assert found.row_for("b.png") == ImageRow(file="b.png", patient="p2")


def test_latin_1_and_several_rows_of_one_image_are_understood() -> None:
    """Rows that agree on the patient are one; rows that name two patients are no row."""
    found = table("file,patient,label\na.jpg,Müller,x\na.jpg,Müller,y\nb.png,p1,x\nb.png,p2,x\n".encode("latin-1"))
    assert found is not None
    assert found.rows["a.jpg"].patient == "Müller"
    assert found.row_for("b.png") is None
    assert found.contradicted == {"b.png"}


@pytest.mark.parametrize("text", ["", "file,patient\n", "one,two\n1,2\n", "no table at all", b"\x00\xff\xfe\x01" * 9])
def test_what_names_no_image_is_no_table(text: str | bytes) -> None:
    """A file that names none of the images is told as no table."""
    assert table(text) is None


def test_the_real_table_is_read(shared_data: Path) -> None:
    """Every one of 548 real radiographs has its row."""
    folder = shared_data / "xray"
    names = [path.name for path in folder.glob("*.jpg")]
    with (folder / "metadata.csv").open("rb") as source:
        found = read_table(source, image_names=names)
    assert found is not None
    rows = [found.row_for(name) for name in names]
    assert len(rows) == 548
    assert all(row is not None and row.patient and row.view for row in rows)
