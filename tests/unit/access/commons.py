"""A small commons in a folder: a real database, real objects, invented images, one release."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from radcommons import access, coalition
from radcommons.access import (
    api,
    cohort_api,
    cohort_pages,
    dataset_pages,
    dicomweb_api,
    explore,
    pages,
    release_pages,
    study_routes,
    style_page,
    viewer,
)
from radcommons.catalogue import accounts, instances, sites
from radcommons.catalogue import tables as t
from radcommons.catalogue.instances import Version
from radcommons.catalogue.migrate import upgrade
from radcommons.catalogue.readings import keep_readings
from radcommons.catalogue.sites import Dataset as DatasetRecord
from radcommons.coalition import pages_account, pages_joining, pages_sign_in
from radcommons.dicom.read import read_header
from radcommons.hub.header import reading_of
from radcommons.hub.release import create_release
from radcommons.platform.database import writing
from radcommons.platform.keys import SigningKey
from radcommons.platform.objects import object_key
from radcommons.platform.ports import KEY_FILE, Platform, open_platform
from radcommons.platform.settings import HubSettings
from radcommons.records.event import ANONYMOUS, Actor, Role
from radcommons.records.lifecycle import InstanceEvent, InstanceState
from radcommons.records.release import Release
from radcommons.records.terms import Terms, Tier
from radcommons.ui.pages import THEMES_PATH, problem_page, theme_router
from radcommons.ui.render import Brand, Renderer
from radcommons.web.errors import add_error_handlers

CT = "1.2.840.10008.5.1.4.1.1.2"
CR = "1.2.840.10008.5.1.4.1.1.1"
CURATOR = Actor(id="account:1", name="Curator", roles=frozenset({Role.CURATOR}))
ALFA, BRAVO = "ALFA-AAAAAAAAAA", "BRAVO-BBBBBBBBBB"


def image(
    *,
    patient: str = ALFA,
    study: str = "2.25.10",
    series: str = "2.25.20",
    uid: str = "2.25.30",
    number: int = 1,
    modality: str = "CT",
    frames: int = 1,
    compressed: bool = False,
    sex: str = "F",
    age: str = "063Y",
    description: str = "CT chest",
    date: str = "20200301",
    value: int = 0,
    view: str = "",
    slice_mm: str = "",
) -> bytes:
    """Return an invented image as a DICOM file."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = (CT if modality == "CT" else CR), uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.PatientID = dataset.PatientName = patient
    dataset.PatientSex, dataset.PatientAge, dataset.StudyDate = sex, age, date
    dataset.Modality, dataset.StudyDescription, dataset.SeriesDescription = modality, description, "Axial"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, number
    dataset.BodyPartExamined = "CHEST"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 24, 32, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    if modality == "CT":
        dataset.RescaleIntercept, dataset.RescaleSlope = "-1024", "1"
    if view:
        dataset.ViewPosition = view
    if slice_mm:
        dataset.SliceThickness = slice_mm
    if frames > 1:
        dataset.NumberOfFrames = frames
    pixels = np.arange(frames * 24 * 32, dtype="<i2").reshape(frames, 24, 32) + value
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if compressed:
        dataset.compress(RLELossless, pixels if frames > 1 else pixels[0], generate_instance_uid=False)
    target = io.BytesIO()
    dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


def _problem(request: Request, status: int, title: str, detail: str, mend: str) -> Response:
    return problem_page(request, actor=ANONYMOUS, status=status, title=title, detail=detail, mend=mend)


@dataclass
class Commons:
    """The platform, and the bytes of each SOP Instance UID."""

    directory: Path
    platform: Platform = field(init=False)
    contents: dict[str, bytes] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    database_url: str = ""

    def __post_init__(self) -> None:
        SigningKey.create().save(self.directory / KEY_FILE)
        settings: dict[str, Any] = {"directory": self.directory, "base_url": "http://testserver"}
        if self.database_url:
            settings["database_url"] = self.database_url
        self.platform = open_platform(HubSettings(**settings))
        upgrade(self.platform.engine)

    def dataset(self, name: str, *, tier: Tier = Tier.OPEN) -> None:
        with writing(self.platform.engine) as connection:
            record = DatasetRecord(
                name=name, title=name.title(), tier=tier, steward="Nobody", terms=Terms(license="CC-BY-4.0")
            )
            sites.create_dataset(connection, record)
            for code in ("ALFA", "BRAVO"):
                sites.ensure_site(connection, code)

    def load(self, *files: bytes, dataset: str, supersedes: str | None = None, accept: bool = True) -> list[str]:
        """Store and accept images as the hub would; return their digests."""
        rows, headers = [], []
        for content in files:
            header = read_header(io.BytesIO(content))
            found = header.dataset
            digest = hashlib.sha256(content).hexdigest()
            source = self.directory / "tmp" / digest
            source.write_bytes(content)
            self.platform.objects.put_file(object_key(digest), source)
            self.contents[found.SOPInstanceUID] = content
            headers.append(header)
            rows.append(
                Version(
                    id=0,
                    sop_instance_uid=found.SOPInstanceUID,
                    digest=digest,
                    size=len(content),
                    sop_class_uid=found.SOPClassUID,
                    transfer_syntax_uid=header.transfer_syntax,
                    patient=found.PatientID,
                    study_instance_uid=found.StudyInstanceUID,
                    series_instance_uid=found.SeriesInstanceUID,
                    site=found.PatientID.split("-")[0],
                    dataset=dataset,
                    submission_id=None,
                    state=InstanceState.RECEIVED,
                    supersedes=supersedes,
                )
            )
        digests = [row.digest for row in rows]
        with writing(self.platform.engine) as connection:
            instances.add_direct(connection, rows)
            kept = {one.digest: one for one in instances.of_digests(connection, digests)}
            readings = [
                (kept[row.digest].id, reading_of(header, io.BytesIO(self.contents[row.sop_instance_uid])))
                for row, header in zip(rows, headers, strict=True)
            ]
            keep_readings(connection, readings)
            if accept:
                instances.accept(connection, [kept[digest] for digest in digests])
        return digests

    def release(self, dataset: str) -> Release:
        return create_release(dataset, title="First", platform=self.platform, actor=CURATOR)

    def withdraw(self, digest: str) -> None:
        with writing(self.platform.engine) as connection:
            versions = instances.of_digests(connection, [digest])
            instances.move(connection, versions, InstanceEvent.WITHDRAW)
            instances.forget(connection, versions)
        self.platform.objects.delete(object_key(digest))

    def account(self, role: Role) -> tuple[str, str]:
        email, password = f"{role}@example.org", "correct horse battery"
        accounts.create_account(
            self.platform.engine, email=email, name=f"{role} person", password=password, roles=frozenset({role})
        )
        return email, password

    def token(self, role: Role, **bound: str) -> dict[str, str]:
        token = accounts.create_token(self.platform.engine, role=role, name=str(role), **bound)  # type: ignore[arg-type]
        return {"Authorization": f"Bearer {token}"}

    def app(self, *, ohif: Path = viewer.FILES) -> FastAPI:
        """Return an app of this zone's routes, and of those that lead in and out; `ohif` is where the viewer lies."""
        app = FastAPI()
        app.state.platform = self.platform
        shown = {"access": access, "coalition": coalition}
        zones = {name: Path(zone.__path__[0]) / "templates" for name, zone in shown.items()}
        app.state.renderer = Renderer(brand=Brand("Commons"), nav=[], zones=zones, themes=THEMES_PATH)
        add_error_handlers(app, page=_problem)
        app.include_router(app.state.renderer.assets.router())
        doors = (pages_sign_in.router(), pages_joining.router(), pages_account.router())
        shelves = (pages.router(), release_pages.router(), dataset_pages.router(), study_routes.router())
        seeking = (explore.router(), cohort_api.router(), cohort_pages.router())
        others = (viewer.router(viewer.installed(ohif)), style_page.router(), theme_router())
        for router in (api.router(), *dicomweb_api.routers(), *shelves, *seeking, *others, *doors):
            app.include_router(router)
        return app

    def client(self) -> TestClient:
        return TestClient(self.app(), raise_server_exceptions=True)

    def count(self, table: sa.Table = t.instance) -> int:
        with self.platform.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def fill(commons: Commons) -> Commons:
    """Load two datasets: an open one with a CT and a radiograph, a registered one with a multi-frame CT."""
    commons.dataset("chest")
    commons.dataset("closed", tier=Tier.REGISTERED)
    slices = [image(uid=f"2.25.30.{n}", number=n, value=n, compressed=n == 3) for n in (1, 2, 3)]
    film = image(
        patient=BRAVO,
        study="2.25.11",
        series="2.25.21",
        uid="2.25.31",
        modality="CR",
        sex="M",
        age="041Y",
        description="Chest AP 100%",
        date="20200405",
    )
    commons.load(*slices, film, dataset="chest")
    several = image(study="2.25.12", series="2.25.22", uid="2.25.32", frames=3, compressed=True, date="20210101")
    commons.load(several, dataset="closed")
    commons.release("chest")
    commons.release("closed")
    return commons
