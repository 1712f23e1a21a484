"""OHIF of the package in a real browser: a real CT, as it is and as a release froze it, and a segmentation over it."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from radcommons.access import viewer
from radcommons.testing.served import ServedHub, free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# Debian's Chromium without a graphics card draws by software.
_FLAGS = (
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_CANVAS = "canvas.cornerstone-canvas"
_NO_TOUR = 'localStorage.setItem("shownTours", JSON.stringify(["basicViewerTour"]))'
PERSON = ("researcher@example.org", "correct horse battery staple")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A served hub and the study in it."""

    hub: ServedHub
    study: str

    def address(self, release: str = "") -> str:
        return self.hub.url + viewer.link(self.study, release)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Shown]:
    """A hub with one release for registered people: thirty slices of a real CT, and bones marked on them."""
    if viewer.installed() is None:
        if os.environ.get("RADCOMMONS_SKIP_VIEWER"):
            pytest.skip("the package was built without the viewer, as RADCOMMONS_SKIP_VIEWER asked")
        pytest.fail("the package was built without the viewer: python frontend/hatch_build.py")
    files = [path.read_bytes() for path in sorted((shared_data / "ct_open" / "Lung_Dx-A0002").glob("*.dcm"))]
    directory = tmp_path_factory.mktemp("viewer") / "h"
    hub = ServedHub(directory=directory, port=free_port())
    made = hub.run("init", str(directory), "--tier", "registered")
    assert made.returncode == 0, made.stderr
    password = tmp_path_factory.mktemp("password") / "password"
    password.write_text(PERSON[1], "utf-8")
    told = ("--email", PERSON[0], "--role", "researcher", "--name", "A Researcher", "--password-file", str(password))
    made = hub.run("account", str(directory), *told)
    assert made.returncode == 0, made.stderr
    hub.start()
    try:
        loaded = hub.store([*files, segmentation(files)], headers=hub.token())
        assert loaded.status_code == 200, loaded.text
        curator = hub.run("token", str(directory), "--role", "curator").stdout.strip()
        released = hub.client.post(
            f"{hub.url}/api/v1/releases",
            json={"dataset": "covid-chest"},
            headers={"Authorization": f"Bearer {curator}"},
        )
        assert released.status_code == 201, released.text
        yield Shown(hub=hub, study=str(dcmread(io.BytesIO(files[0]), stop_before_pixels=True).StudyInstanceUID))
    finally:
        hub.client.close()
        hub.kill()


def segmentation(files: list[bytes]) -> bytes:
    """Return a SEG of what is brighter than 150 HU, as highdicom writes it."""
    slices = [dcmread(io.BytesIO(one)) for one in files]
    slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    volume = np.stack([one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in slices])
    described = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Bone",
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Bone,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="threshold", version="1", family=codes.DCM.ArtificialIntelligence
        ),
    )
    made = hd.seg.Segmentation(
        source_images=slices,
        pixel_array=(volume > 150).astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[described],
        series_instance_uid=generate_uid(),
        series_number=900,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="radcommons",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        series_description="Bones",
    )
    target = io.BytesIO()
    made.save_as(target)
    return target.getvalue()


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    """Return how Chromium is started."""
    return _FLAGS


@pytest.fixture(scope="module")
def person(browser: Browser, shown: Shown) -> Iterator[BrowserContext]:
    """A browser in which somebody signed in at the portal."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{shown.hub.url}/sign-in")
    page.fill("#f-email", PERSON[0])
    page.fill("#f-password", PERSON[1])
    page.click("main button[type=submit]")
    page.wait_for_selector(".who .me")
    page.close()
    context.add_init_script(_NO_TOUR)
    yield context
    context.close()


def pixels(page: Page) -> NDArray[np.int16]:
    """Return what the first canvas shows; one black pixel while there is none."""
    box = page.locator(_CANVAS).first.bounding_box() if page.locator(_CANVAS).count() else None
    if box is None:
        return np.zeros((1, 1, 3), np.int16)
    picture = page.screenshot(clip={**box})
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), np.int16)


def drawn(page: Page, *, patience_s: float = 60) -> NDArray[np.int16]:
    """Return what the canvas shows when a tenth of it is no longer black."""
    page.wait_for_selector(_CANVAS, timeout=patience_s * 1000)
    until = time.monotonic() + patience_s
    while True:
        shown = pixels(page)
        if (shown.max(axis=2) > 40).mean() > 0.1:
            return shown
        assert time.monotonic() < until, "the canvas stayed black"
        page.wait_for_timeout(250)


def coloured(shown: NDArray[np.int16]) -> float:
    """Return the share of a picture that is neither black, grey nor white."""
    return float((shown.max(axis=2) - shown.min(axis=2) > 60).mean())


def test_a_visitor_without_rights_sees_no_study(shown: Shown) -> None:
    """The viewer's page is public, and what it asks DICOMweb for is nothing without a sign-in."""
    with httpx.Client(trust_env=False) as client:
        assert client.get(shown.address()).status_code == 200
        assert client.get(f"{shown.hub.url}/dicomweb/studies").status_code == 204
        assert client.get(shown.address("covid-chest-1")).status_code == 401
        assert client.get(shown.address("covid-chest-9")).status_code == 404


@pytest.mark.parametrize("release", ["", "covid-chest-1"])
def test_a_real_ct_opens(person: BrowserContext, shown: Shown, release: str) -> None:
    """With the portal's sign-in the slices are drawn, from the root or from the release; nothing leaves the host."""
    page = person.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(shown.address(release))
    drawn(page)
    root = f"{shown.hub.url}/dicomweb/releases/{release}/" if release else f"{shown.hub.url}/dicomweb/studies"
    reads = [url for url in asked if "/dicomweb" in url]
    assert any("/frames/1" in url for url in reads)
    assert [url for url in reads if not url.startswith(root)] == []
    assert [url for url in asked if not url.startswith((shown.hub.url, "data:", f"blob:{shown.hub.url}"))] == []
    assert [line for line in said if "Content Security Policy" in line] == []
    page.close()


def test_a_segmentation_lies_over_its_ct(person: BrowserContext, shown: Shown) -> None:
    """A SEG that highdicom wrote colours the bones when it is opened from the list of series."""
    page = person.new_page()
    page.goto(shown.address("covid-chest-1"))
    before = coloured(drawn(page))
    page.locator('[data-cy="study-browser-thumbnail-no-image"]').first.dblclick()
    page.locator('[data-cy="yes-hydrate-btn"]').click(timeout=60_000)
    until = time.monotonic() + 60
    while coloured(pixels(page)) < before + 0.01:
        assert time.monotonic() < until, "no colour appeared"
        page.wait_for_timeout(500)
    page.close()
