"""At the gateway certain writing is covered, a flagged object waits for a person, and a person covers by hand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from tests.functional.fake_hub import FakeHub
from tests.functional.gateways import Gateway, make_gateway
from tests.functional.site_inputs import ct_slice, write

from radcommons.dicom.pixeltext import TextBox
from radcommons.records.errors import NotFound, UsageError
from radcommons.site.judge_pixels import cover_held
from radcommons.site.tables import finding
from radcommons.site.tables_pixels import pixel_box

ROWS, COLUMNS = 300, 400
NAME_PLACE = (slice(40, 64), slice(40, 210))


def film(path: Path, **changes: Any) -> Path:
    """Write a secondary picture with a name in its pixels."""
    down, across = np.mgrid[0:ROWS, 0:COLUMNS]
    soft = 700 + 300 * np.sin(down / 70) * np.cos(across / 90) + np.random.default_rng(2).normal(0, 9, (ROWS, COLUMNS))
    mask = Image.new("L", (COLUMNS, ROWS))
    ImageDraw.Draw(mask).text((40, 40), "QUELLMANN 1956", font=ImageFont.load_default(22), fill=255)
    stored = np.where(np.asarray(mask) > 127, 2600, soft).astype("<i2")
    dataset = ct_slice(1, Rows=ROWS, Columns=COLUMNS, ImageType=["DERIVED", "SECONDARY", "AXIAL"], **changes)
    dataset.PixelData = stored.tobytes()
    return write(path, dataset)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """A gateway that knows of no hub."""
    with FakeHub() as hub:
        return make_gateway(tmp_path / "gateway", hub.url)


def boxes_of(gateway: Gateway) -> list[sa.Row[tuple[object, ...]]]:
    """Return the boxes that the store knows."""
    with gateway.store() as store, store.read() as connection:
        return list(connection.execute(sa.select(pixel_box)))


def pixels_of(gateway: Gateway, digest: str) -> np.ndarray:
    """Return the stored values of an object of the store."""
    with gateway.store() as store:
        return np.asarray(dcmread(io.BytesIO(store.object_path(digest).read_bytes())).pixel_array)


def test_a_name_is_covered_and_recorded(gateway: Gateway, tmp_path: Path) -> None:
    """The object is ready, its name is gone, and box and note say where it stood."""
    gateway.add(film(tmp_path / "film"))
    (row,) = gateway.rows()
    assert row.state == "ready"
    assert float(pixels_of(gateway, row.object_digest)[NAME_PLACE].max()) < 1500
    boxes = boxes_of(gateway)
    assert boxes
    assert all(box.is_covered and box.kind == "text" and box.frame == 0 for box in boxes)
    with gateway.store() as store, store.read() as connection:
        codes = connection.execute(sa.select(finding.c.code)).scalars().all()
    assert "pixels-cleaned" in codes


@pytest.mark.parametrize("how", ["flag", "setting"])
def test_a_person_covers_what_was_held(gateway: Gateway, tmp_path: Path, how: str) -> None:
    """An object that says of itself that identity is burned in waits uncovered; boxes by hand cover it."""
    if how == "setting":
        gateway.set(pixels="hold")
    changes: dict[str, Any] = {"BurnedInAnnotation": "YES"} if how == "flag" else {}
    gateway.add(film(tmp_path / "film", **changes))
    (row,) = gateway.rows()
    assert (row.state, row.code) == ("held", "burned-in-text")
    assert float(pixels_of(gateway, row.object_digest)[NAME_PLACE].max()) == 2600
    found = boxes_of(gateway)
    assert found
    assert not any(box.is_covered for box in found)
    by_hand = [(box.frame, TextBox(x=box.x, y=box.y, width=box.width, height=box.height, score=1.0)) for box in found]
    with gateway.store() as store:
        written, done = cover_held(store, row.object_digest, by_hand)
        dataset = dcmread(io.BytesIO(store.object_path(written.sha256).read_bytes()))
    assert done.is_checked
    assert written.sha256 != row.object_digest
    assert float(np.asarray(dataset.pixel_array)[NAME_PLACE].max()) < 1500
    assert dataset.BurnedInAnnotation == "NO"
    assert dataset.ImageType[0] == "DERIVED"
    before, after = pixels_of(gateway, row.object_digest), np.asarray(dataset.pixel_array)
    outside = np.ones(before.shape, bool)
    for _, box in done.boxes:
        outside[box.y : box.y + box.height, box.x : box.x + box.width] = False
    assert np.array_equal(before[outside], after[outside])


def test_boxes_that_lie_nowhere_are_refused(gateway: Gateway, tmp_path: Path) -> None:
    """A box outside of the picture, in no frame, or of an object that is not here changes nothing."""
    gateway.set(pixels="hold")
    gateway.add(film(tmp_path / "film"))
    (row,) = gateway.rows()
    box = TextBox(x=10, y=10, width=20, height=20, score=1.0)
    away = TextBox(x=COLUMNS, y=10, width=20, height=20, score=1.0)
    with gateway.store() as store:
        for frame, wrong in ((0, away), (1, box), (-1, box)):
            with pytest.raises(UsageError):
                cover_held(store, row.object_digest, [(frame, wrong)])
        with pytest.raises(NotFound):
            cover_held(store, "0" * 64, [(0, box)])


def test_screens_are_refused_unless_they_are_taken(gateway: Gateway, tmp_path: Path) -> None:
    """A dose sheet is refused with its reason; where the settings take captures it is cleaned like an image."""
    gateway.add(film(tmp_path / "a", SeriesDescription="Dose report"))
    gateway.set(captures="take")
    gateway.add(film(tmp_path / "b", SeriesDescription="Dose report", SOPInstanceUID="2.25.77"))
    assert [(row.state, row.code) for row in gateway.rows()] == [("refused", "screen-capture"), ("ready", "")]
