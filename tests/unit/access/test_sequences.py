"""Matching within a sequence (PS3.4 section C.2.2.2.6)."""

from __future__ import annotations

import io

import pytest
from pydicom import Dataset, dcmread, dcmwrite

from unit.access.commons import Commons, image

_STEP, _PROCEDURE = (
    f"RequestAttributesSequence.{name}" for name in ("ScheduledProcedureStepID", "RequestedProcedureID")
)


@pytest.fixture(scope="module")
def several(commons: Commons) -> Commons:
    """The commons with one more series that answers three requests."""
    made = dcmread(io.BytesIO(image(series="2.25.29", uid="2.25.39")))
    items = []
    for number in (1, 2, 3):
        item = Dataset()
        item.ScheduledProcedureStepID, item.RequestedProcedureID = f"S{number}", f"R{number}"
        items.append(item)
    made.RequestAttributesSequence = items
    target = io.BytesIO()
    dcmwrite(target, made, enforce_file_format=True)
    commons.load(target.getvalue(), dataset="chest")
    commons.release("chest")
    return commons


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        (f"{_STEP}=S1", True),
        (f"{_STEP}=S3", True),
        (f"{_PROCEDURE}=R*", True),
        (f"00400275.00401001=R2&{_STEP}=S2", True),
        (f"{_STEP}=S1&{_PROCEDURE}=R2", False),
        (f"{_STEP}=S4", False),
        (f"{_STEP}=R1", False),
        (f"{_STEP}=S2&Modality=CR", False),
    ],
)
def test_any_item_matches_and_all_keys_in_the_same(several: Commons, query: str, is_found: bool) -> None:
    """Whichever item it is; two keys of two items are no match; for series and for instances."""
    client = several.client()
    for path, tag, uid in (("series", "0020000E", "2.25.29"), ("instances", "00080018", "2.25.39")):
        answer = client.get(f"/dicomweb/{path}?{query}")
        found = [one[tag]["Value"][0] for one in answer.json()] if answer.status_code == 200 else []
        assert found == ([uid] if is_found else [])
