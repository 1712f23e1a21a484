"""The corrections of life against a hub that runs as a process of its own, with a curator who decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.functional.gateways import Gateway, make_gateway
from tests.functional.site_inputs import ROOT, ct_slice, series, write

from radcommons.cli.demo_parts import DATASET, Hub, free_port, run
from radcommons.records.event import Role
from radcommons.site.status import at_hub
from radcommons.site.tables import patient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
_PATIENT_ID, _SEX, _DATE, _STUDY, _SOP = "00100020", "00100040", "00080020", "0020000D", "00080018"


@dataclass(frozen=True)
class Coalition:
    """A running hub and its curator."""

    hub: Hub
    token: str

    def curator_sees(self) -> list[dict[str, Any]]:
        """Return the header of every instance that DICOMweb shows the curator: the newest version of each."""
        found = []
        for one in self._ask("/dicomweb/studies", limit="500"):
            study = one[_STUDY]["Value"][0]
            found += self._ask(f"/dicomweb/studies/{study}/metadata")
        return [{tag: (one.get(tag, {}).get("Value") or [None])[0] for tag in _TAGS} for one in found]

    def of_site(self, code: str) -> list[dict[str, Any]]:
        """Return what the curator sees of one hospital."""
        return [one for one in self.curator_sees() if str(one[_PATIENT_ID]).startswith(f"{code}-")]

    def _ask(self, path: str, **asked: str) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/dicom+json"}
        answer = httpx.get(self.hub.url + path, params=asked, headers=headers, timeout=60, trust_env=False)
        assert answer.status_code in (200, 204), answer.text
        return list(answer.json()) if answer.status_code == 200 else []

    def take(self, gateway: Gateway) -> None:
        """Let the gateway submit, and accept what raises no question."""
        sent = gateway.submit()
        assert sent
        assert [(one.state, one.problem) for one in sent] == [("received", "")] * len(sent)
        self.hub.curate()
        with gateway.store() as store:
            at_hub(store)

    def check(self) -> None:
        """Let the hub read everything again: objects, receipts, feeds and the audit chain agree."""
        run("hub", "check", self.hub.directory, env=self.hub.environment)


_TAGS = (_PATIENT_ID, _SEX, _DATE, _STUDY, _SOP)


@pytest.fixture(scope="module")
def coalition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coalition]:
    """A hub as a process of its own."""
    folder = tmp_path_factory.mktemp("coalition")
    environment = {"RADCOMMONS_CANARY": "off", "RADCOMMONS_VERIFY_PROCESSES": "1"}
    side = Hub(folder / "hub", port=free_port(), log=folder / "hub.log", environment=environment)
    side.start()
    people = side.people(("curator",), folder / "people.json")
    yield Coalition(side, people["curator"].token)
    side.stop()


@pytest.fixture
def join(coalition: Coalition, tmp_path: Path) -> Callable[[str], Gateway]:
    """Make the gateway of a site that the hub knows."""

    def joined(code: str) -> Gateway:
        token = coalition.hub.token(Role.SITE, site=code)
        url = coalition.hub.url
        return make_gateway(tmp_path / "gateway", url, token=token, sites=(code,), dataset=DATASET)

    return joined


def pseudonyms(gateway: Gateway) -> dict[str, str]:
    """Return the pseudonym of each number that the crosswalk assigned."""
    with gateway.store() as store, store.read() as connection:
        rows = connection.execute(sa.select(patient.c.patient_id, patient.c.pseudonym)).all()
    return {str(row.patient_id): str(row.pseudonym) for row in rows}


def counted(seen: list[dict[str, Any]], tag: str) -> dict[str, int]:
    """Count instances by the value of an attribute."""
    return dict(Counter(str(one[tag]) for one in seen))


def test_a_corrected_sex_and_date_supersede(
    coalition: Coalition, join: Callable[[str], Gateway], tmp_path: Path
) -> None:
    """The hub shows the corrected version under the same UIDs and pseudonym, and nothing twice."""
    gateway = join("ALFA")
    series(tmp_path / "first", count=3)
    gateway.add(tmp_path / "first")
    coalition.take(gateway)
    before = coalition.of_site("ALFA")
    assert counted(before, _SEX) == {"F": 3}

    for number in (1, 2, 3):
        corrected = ct_slice(number, PatientSex="M", StudyDate="20200403")
        write(tmp_path / "corrected" / str(number), corrected)
    gateway.add(tmp_path / "corrected")
    assert gateway.counts() == {"seen": 6, "submitted": 3, "held": 3}
    status, done = gateway.run("resubmit", "--patient", "4711", "--reason", "sex and date corrected in the PACS")
    assert (status, done["corrected"]) == (0, 3)
    coalition.take(gateway)

    after = coalition.of_site("ALFA")
    assert counted(after, _SEX) == {"M": 3}
    assert {one[_SOP] for one in after} == {one[_SOP] for one in before}
    assert counted(after, _PATIENT_ID) == counted(before, _PATIENT_ID)
    days = [date.fromisoformat(str(one[_DATE])) for one in (before[0], after[0])]
    assert (days[1] - days[0]).days == 2, "the date moves by as much as the correction, under the same shift"
    coalition.check()


def test_two_numbers_that_are_one_person_are_one_at_the_hub(
    coalition: Coalition, join: Callable[[str], Gateway], tmp_path: Path
) -> None:
    """After the merge the hub shows both studies under the pseudonym that stays, and nobody under the other."""
    gateway = join("BRAVO")
    series(tmp_path / "in", count=2, patient="4711")
    series(tmp_path / "in", count=3, patient="4712")
    gateway.add(tmp_path / "in")
    coalition.take(gateway)
    names = pseudonyms(gateway)
    assert counted(coalition.of_site("BRAVO"), _PATIENT_ID) == {names["4711"]: 2, names["4712"]: 3}

    status, done = gateway.run("relink", "--from", "4711", "--to", "4712")
    assert (status, done["merged"], done["files"], done["submitted"]) == (0, 1, 2, 2)
    assert counted(coalition.of_site("BRAVO"), _PATIENT_ID) == {names["4712"]: 3}, "the hub was told at once"
    coalition.take(gateway)
    seen = coalition.of_site("BRAVO")
    assert counted(seen, _PATIENT_ID) == {names["4712"]: 5}
    assert len(counted(seen, _STUDY)) == 2
    assert pseudonyms(gateway) == names, "nobody got a second pseudonym"
    coalition.check()


def test_a_changed_number_stays_one_person_at_the_hub(
    coalition: Coalition, join: Callable[[str], Gateway], tmp_path: Path
) -> None:
    """What comes under the new number joins what went out under the old one."""
    gateway = join("CHARLIE")
    series(tmp_path / "old", count=2, patient="4711")
    gateway.add(tmp_path / "old")
    coalition.take(gateway)
    assert gateway.run("relink", "--from", "4711", "--to", "9001")[1]["renumbered"] == 1
    series(tmp_path / "new", count=2, patient="9001", study="2")
    gateway.add(tmp_path / "new")
    coalition.take(gateway)
    assert counted(coalition.of_site("CHARLIE"), _PATIENT_ID) == {pseudonyms(gateway)["4711"]: 4}
    coalition.check()


def test_a_study_of_somebody_else_goes_over_to_them(
    coalition: Coalition, join: Callable[[str], Gateway], tmp_path: Path
) -> None:
    """One study changes its patient at the hub, the other one stays; both keep one pseudonym each."""
    gateway = join("DELTA")
    series(tmp_path / "in", count=2, patient="4711", study="1")
    series(tmp_path / "in", count=2, patient="4711", study="2")
    series(tmp_path / "in", count=1, patient="4712", study="1")
    gateway.add(tmp_path / "in")
    coalition.take(gateway)
    names = pseudonyms(gateway)
    status, done = gateway.run("relink", "--from", "4711", "--to", "4712", "--study", f"{ROOT}.4711.2")
    assert (status, done["moved"], done["files"]) == (0, 1, 2)
    coalition.take(gateway)
    assert counted(coalition.of_site("DELTA"), _PATIENT_ID) == {names["4711"]: 2, names["4712"]: 3}
    assert pseudonyms(gateway) == names
    coalition.check()
