"""What is remembered of an image for later decisions: its facts and its place, no value that names anyone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from pydicom.dataset import Dataset

from radcommons.dicom.planes import Place, place_of
from radcommons.records.protocol import FactValue
from radcommons.site.tables_select import placed

# Whatever a patient's table says is asked anew each time: it may have changed since.
CLINICAL_FACTS = (
    "has_clinical_row",
    "rt_pcr_positive",
    "igm_positive",
    "clinical_diagnosis",
    "covid_suspected",
    "covid_negative",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The facts of one image, and where it stands."""

    facts: Mapping[str, FactValue]
    place: Place


def placed_of(dataset: Dataset, found: Mapping[str, FactValue]) -> Placed:
    """Return what to remember of an image whose facts were found."""
    return Placed(facts=dict(found), place=place_of(dataset))


def write_placed(connection: sa.Connection, number: int, one: Placed) -> None:
    """Keep the facts of a file."""
    row = {
        "facts": json.dumps(dict(one.facts), sort_keys=True),
        "orientation": one.place.orientation,
        "positions": json.dumps([round(position, 3) for position in one.place.positions_mm]),
        "moment": one.place.moment,
        "settled": "",
    }
    connection.execute(placed.delete().where(placed.c.file == number))
    connection.execute(placed.insert().values(file=number, **row))


def read_facts(text: str) -> dict[str, FactValue]:
    """Return facts that were kept."""
    found: dict[str, FactValue] = json.loads(text)
    return found
