"""One person's review of 10,000 studies in the browser: keys, looks, stated time, and how fast the pages answer.

    python benchmarks/review.py --studies 10000

What is made: small DICOM files of invented patients, an object of each, and rows by the gateway's own recording. One
image of each device and description is de-identified; the others are its copies with another patient. No network looks
for writing here: which file is held is chosen by chance.
A browser then does the day with the keyboard alone, and a person is counted as the keystroke-level model counts.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, Request, sync_playwright
from pydicom.dataset import Dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.functional.site_inputs import ct_slice, write
from tests.unit.access.serve import serving

from radcommons.dicom.deidentify import deidentify
from radcommons.dicom.pixeltext import TextBox
from radcommons.dicom.profile import Profile, load_profile
from radcommons.dicom.read import read_header
from radcommons.dicom.rewrite import write_instance
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.platform.policy import load_protocol
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FileState
from radcommons.site.add import prepare
from radcommons.site.candidate import Candidate, Instance, Judged, PixelBox
from radcommons.site.crosswalk import Linked, PatientKey, computed
from radcommons.site.join import init
from radcommons.site.record import AddedUnder, record
from radcommons.site.repair import patient_key, value_of
from radcommons.site.review_groups import settle
from radcommons.site.review_looks import Look, look_of
from radcommons.site.settings import SiteSettings
from radcommons.site.store import Store, open_store
from radcommons.site.tables import patient as patient_table
from radcommons.web.site_app import site_app

USER, PASSWORD = "M. Roe", "correct horse battery staple"
SECONDS_A_KEY, SECONDS_A_LOOK = 1.1, 6.0
HELD_SHARE = 0.01
PLACE = 1000000  # the patient's number in a mold
BATCH = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """Studies of one device and one description; `weight` is their part of all."""

    weight: float
    modality: str
    device: str
    study: str
    series: tuple[str, ...]
    side: int = 128


def kinds() -> list[Kind]:
    """An invented hospital: few rooms do most of the work, and each has its habits."""
    found = []
    rooms = (
        ("Mobile 1", 16.0),
        ("Mobile 2", 11.0),
        ("Mobile 3", 6.0),
        ("Room 4", 14.0),
        ("Room 5", 9.0),
        ("CR 6", 4.0),
    )
    for device, weight in rooms:
        is_mobile = device.startswith("Mobile")
        modality = "CR" if device == "CR 6" else "DX"
        if is_mobile:
            found.append(Kind(weight * 0.9, modality, device, "Chest portable AP", ("AP",)))
            found.append(Kind(weight * 0.1, modality, device, "Chest portable AP", ("AP", "AP repeat")))
        else:
            found.append(Kind(weight * 0.6, modality, device, "Chest PA and lateral", ("PA", "LAT")))
            found.append(Kind(weight * 0.3, modality, device, "Chest PA", ("PA",)))
            found.append(Kind(weight * 0.1, modality, device, "Chest PA and lateral", ("PA", "LAT", "LAT repeat")))
    for device, weight in (("Force A", 14.0), ("Force B", 9.0), ("Edge C", 6.0), ("Edge D", 4.0)):
        for study, part in (("CT chest", 0.55), ("CT chest low dose", 0.2), ("CT pulmonary angiogram", 0.25)):
            found.append(Kind(weight * part * 0.8, "CT", device, study, ("Lung 1.0", "Soft 1.0"), 64))
            found.append(Kind(weight * part * 0.2, "CT", device, study, ("Lung 1.0", "Soft 1.0", "Lung thin"), 64))
    return found


def spread(studies: int, chance: random.Random) -> list[Kind]:
    """Return the kind of each study."""
    every = kinds()
    return chance.choices(every, weights=[kind.weight for kind in every], k=studies)


def datasets(kind: Kind) -> Iterator[Dataset]:
    """Yield one image of each series of a study of a kind."""
    for index, words in enumerate(kind.series, start=1):
        noise = np.random.default_rng(index).integers(0, 4095, (kind.side, kind.side), dtype=np.uint16)
        changes: dict[str, Any] = {
            "SeriesInstanceUID": f"2.25.{PLACE}{index}",
            "StudyDescription": kind.study,
            "SeriesDescription": words,
            "Manufacturer": "Invented Imaging",
            "ManufacturerModelName": kind.device,
            "Modality": kind.modality,
            "Rows": kind.side,
            "Columns": kind.side,
            "PixelData": noise.tobytes(),
        }
        yield ct_slice(index, patient=str(PLACE), **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mold:
    """One image of a kind as a file and as the object that was made of it, with a number to be replaced."""

    original: bytes
    fresh: bytes
    pseudonym: str
    sop_class: str
    transfer_syntax: str
    uids: tuple[str, str, str]
    look: Look


@dataclass(slots=True)
class Filler:
    """Fills a gateway with studies, as `site add` would leave them."""

    store: Store
    originals: Path
    profile: Profile
    under: AddedUnder
    secret: bytes
    _molds: dict[Kind, list[Mold]] = field(default_factory=dict)
    _batch: list[tuple[Candidate, Judged]] = field(default_factory=list)
    _patients: list[Linked] = field(default_factory=list)

    def add(self, number: int, kind: Kind, *, is_held: bool) -> int:
        """Write the files and objects of a study, and their rows; return how many there are."""
        if kind not in self._molds:
            self._molds[kind] = [self._mold(dataset) for dataset in datasets(kind)]
        patient = str(PLACE + number + 1)
        linked = computed(PatientKey(site="ALFA", issuer="", patient_id=patient), secret=self.secret)
        self._patients.append(linked)
        mapped = linked.mapper(self.secret, profile=self.profile).uid
        for index, mold in enumerate(self._molds[kind]):
            asks = is_held and index == 0
            original = mold.original.replace(str(PLACE).encode(), patient.encode())
            fresh = mold.fresh.replace(mold.pseudonym.encode(), linked.pseudonym.encode())
            path = self.originals / f"{patient}-{index}.dcm"
            path.write_bytes(original)
            digest = hashlib.sha256(fresh).hexdigest()
            lies = self.store.object_path(digest)
            lies.parent.mkdir(exist_ok=True)
            lies.write_bytes(fresh)
            study, series, sop = (mapped(uid.replace(str(PLACE), patient)) for uid in mold.uids)
            judged = Judged(
                state=FileState.HELD if asks else FileState.READY,
                code="burned-in-text" if asks else "",
                reason=_QUESTION.message if asks else "",
                original_digest=hashlib.sha256(original).hexdigest(),
                size=len(original),
                findings=(_QUESTION,) if asks else (),
                instance=Instance(
                    pseudonym=linked.pseudonym,
                    study_uid=study,
                    series_uid=series,
                    sop_uid=sop,
                    sop_class=mold.sop_class,
                    transfer_syntax=mold.transfer_syntax,
                    original_study_uid=mold.uids[0].replace(str(PLACE), patient),
                    study_date="20200401",
                    object_digest=digest,
                    object_size=len(fresh),
                ),
                boxes=(_BOX,) if asks else (),
                look=mold.look,
            )
            self._batch.append((Candidate(path=str(path), file=path, stamp="1"), judged))
        if len(self._batch) >= BATCH:
            self.flush()
        return len(self._molds[kind])

    def _mold(self, dataset: Dataset) -> Mold:
        path = write(self.originals / "mold.dcm", dataset)
        with path.open("rb") as source:
            header = read_header(source)
            linked = computed(patient_key(header.dataset, site="ALFA")[0], secret=self.secret)
            mapper = linked.mapper(self.secret, profile=self.profile)
            known = KnownIdentity.of(header.dataset)
            fresh = deidentify(header.dataset, profile=self.profile, mapper=mapper, known=known).dataset
            assert fresh is not None
            target = io.BytesIO()
            write_instance(fresh, header=header, source=source, target=target)
        names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        study, series, sop = (value_of(header.dataset, name) for name in names)
        return Mold(
            original=path.read_bytes(),
            fresh=target.getvalue(),
            pseudonym=linked.pseudonym,
            sop_class=value_of(fresh, "SOPClassUID"),
            transfer_syntax=header.transfer_syntax,
            uids=(study, series, sop),
            look=look_of(header.dataset, fresh, transfer_syntax=header.transfer_syntax),
        )

    def flush(self) -> None:
        """Write what was collected: patients into the crosswalk, then the files."""
        if self._patients:
            rows = [
                {
                    "site": one.key.site,
                    "issuer": one.key.issuer,
                    "patient_id": one.key.patient_id,
                    "pseudonym": one.pseudonym,
                    "shift_days": one.shift_days,
                    "assigned_at": "2026-01-01T00:00:00Z",
                }
                for one in self._patients
            ]
            with self.store.change() as change:
                change.connection.execute(patient_table.insert(), rows)
            self._patients.clear()
        record(self.store, self._batch, under=self.under)
        self._batch.clear()


_QUESTION = Finding(
    code="burned-in-text",
    severity=Severity.QUESTION,
    message="A line of text stands in the pixels; look whether it names anybody.",
    where="frame 1, x 10..40, y 10..20",
)
_BOX = PixelBox(frame=0, box=TextBox(x=10, y=10, width=30, height=10, score=0.9), kind="text", is_covered=False)


def fill(folder: Path, *, studies: int, seed: int = 1) -> Counter[str]:
    """Make the gateway and its studies; return how many files of what were made."""
    chance = random.Random(seed)
    settings = SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA",), review="groups", second_factor="off")
    init(folder / "gateway", settings=settings, token="x", user=USER, password=PASSWORD, offline=True)
    store = open_store(folder / "gateway")
    profile, protocol = load_profile("radcommons"), load_protocol("any-imaging")
    under = prepare(store, "ALFA", protocol, profile, None)
    (folder / "pacs").mkdir()
    secret = store.mapping_secret()
    filler = Filler(store=store, originals=folder / "pacs", profile=profile, under=under, secret=secret)
    made: Counter[str] = Counter()
    for number, kind in enumerate(spread(studies, chance)):
        is_held = chance.random() < HELD_SHARE
        made["files"] += filler.add(number, kind, is_held=is_held)
        made["of them held"] += is_held
        made["studies"] += 1
    filler.flush()
    began = time.perf_counter()
    settle(store)
    made["settle_ms"] = round((time.perf_counter() - began) * 1000)
    store.close()
    return made


@dataclass(slots=True)
class Person:
    """The browser's user: counts what a person would do."""

    page: Page
    url: str
    keys: int = 0
    clicks: int = 0
    looks: int = 0
    pages_ms: list[float] = field(default_factory=list)
    pictures_ms: list[float] = field(default_factory=list)

    def watch(self) -> None:
        """Note how long each answer takes, by the browser's own clock."""

        def finished(request: Request) -> None:
            took = request.timing["responseEnd"] - request.timing["requestStart"]
            if took < 0:
                return
            if request.resource_type == "document" and "/review" in request.url:
                self.pages_ms.append(took)
            elif request.url.partition("?")[0].endswith(".jpg"):
                self.pictures_ms.append(took)

        self.page.on("requestfinished", finished)

    def press(self, key: str) -> None:
        """Press a key that leads to another page."""
        self.keys += 1
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press(key)

    def sign_in(self) -> None:
        """Sign in; this is not counted."""
        self.page.goto(f"{self.url}/sign-in")
        self.page.fill("[name=email]", USER)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_load_state("load")

    def review(self) -> Counter[str]:
        """Do the day: every group, then every held file."""
        done: Counter[str] = Counter()
        self.page.goto(f"{self.url}/review")
        self.press("n")
        while "/review/g/" in self.page.url:
            self.press("n")
            while True:
                self.looks += 1
                if self.page.locator("[data-key=a]:not([disabled])").count():
                    break
                self.press("n")
            done["groups"] += 1
            self.press("a")
        while "/review/f/" in self.page.url:
            self.looks += 1
            done["held"] += 1
            self.press("c")
            self.press("a")
        return done


def rate(values: list[float]) -> str:
    """Return median, 95th percentile and the slowest."""
    if len(values) < 2:
        return "none"
    ranked = statistics.quantiles(values, n=20)
    return f"{statistics.median(values):.0f} / {ranked[-1]:.0f} / {max(values):.0f} ms"


def session(folder: Path) -> list[tuple[str, Any]]:
    """Run the scripted session and return the lines of the table."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("no Chromium is installed")
    cpu, began = sum(os.times()[:2]), time.perf_counter()
    with serving(site_app(folder / "gateway")) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        person = Person(browser.new_page(viewport={"width": 1440, "height": 1000}), url)
        person.sign_in()
        person.watch()
        done = person.review()
        browser.close()
    seconds = (person.keys + person.clicks) * SECONDS_A_KEY + person.looks * SECONDS_A_LOOK
    return [
        ("groups decided", done["groups"]),
        ("held files answered", done["held"]),
        ("keys", person.keys),
        ("clicks", person.clicks),
        ("studies and files looked at", person.looks),
        ("person's time, 1.1 s a key and 6 s a look", f"{seconds / 60:.1f} min"),
        ("pages: median / p95 / slowest", rate(person.pages_ms)),
        ("pictures: median / p95 / slowest", rate(person.pictures_ms)),
        ("CPU of server and script", f"{sum(os.times()[:2]) - cpu:.0f} s"),
        ("wall time of the script", f"{time.perf_counter() - began:.0f} s"),
        ("load when it ended", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"),
        ("memory at most", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="Keep the gateway here; one that is there is used again.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = chosen.folder or Path(name)
        lines: list[tuple[str, Any]] = []
        if not (folder / "gateway").exists():
            lines += list(fill(folder, studies=chosen.studies).items())
        lines += session(folder)
    out = io.StringIO()
    for what, value in lines:
        out.write(f"{what:44}{value:>24}\n")
    print(out.getvalue(), end="")


if __name__ == "__main__":
    main()
