"""Instances as each vendor would write them."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime

import pytest
from pydicom.dataset import Dataset

from radcommons.synthetic.headers import StudyPlan, identity_header, series_header, uid
from radcommons.synthetic.identity import CULTURES, Person, hospital_for, person_for
from radcommons.synthetic.instances import ct_instances, film_instance
from radcommons.synthetic.phantom import make_phantom
from radcommons.synthetic.radiograph import project
from radcommons.synthetic.vendors import VENDORS

CT_VENDORS = ("siemens", "ge", "philips", "canon")


def person(culture: str, number: int = 1) -> Person:
    """Return an invented person of a culture."""
    return person_for(seed=1, number=number, culture=culture, sex="F", age_years=50, on=date(2020, 4, 1))


@pytest.fixture(scope="session")
def instances() -> dict[str, Dataset]:
    """One uncompressed instance of each vendor, each patient of another culture."""
    phantom = make_phantom(1, slices=3, size_px=128)
    films = project(1, rows=256, photometric="MONOCHROME1"), project(1, rows=256, view="LL")
    made: dict[str, Dataset] = {}
    for number, (vendor, culture) in enumerate(zip(VENDORS, CULTURES, strict=False)):
        who = person(culture, number)
        study = StudyPlan(
            key=vendor,
            study_uid=uid(vendor, "study"),
            frame_of_reference_uid=uid(vendor, "frame"),
            at=datetime(2020, 4, 1, 10, 1, 2, tzinfo=UTC),
            accession=who.accessions[0],
            description="Thorax",
            earlier_study_uid=uid(vendor, "earlier"),
        )
        shared = identity_header(who, hospital_for("ALFA", number), VENDORS[vendor], study, number=3)
        shared.update(series_header(study, number=1, description="Thorax"))
        if vendor in CT_VENDORS:
            shared.FrameOfReferenceUID = study.frame_of_reference_uid
            kernel = VENDORS[vendor].kernels[0]
            first = next(ct_instances(shared, phantom, VENDORS[vendor], kernel=kernel, thickness_mm=5, at=study.at))
        else:
            first = film_instance(shared, films[number % 2], VENDORS[vendor], number=1, at=study.at)
        made[vendor] = copy.deepcopy(first)
    return made
