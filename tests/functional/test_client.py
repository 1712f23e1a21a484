"""The Python interface on real CT slices, from a hub that is served: the example of the how-to, geometry, datasets."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from radcommons.client import Hub, Series, SeriesDataset, Volume
from radcommons.records.errors import DocumentError, NotFound, UsageError
from radcommons.testing.served import ServedHub, served_hub

pytestmark = pytest.mark.slow
HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "use-the-commons-from-python.md"
COMMAND = str(Path(sys.executable).with_name("radcommons"))


@dataclass(frozen=True, slots=True)
class Commons:
    """A hub that has released one real CT series."""

    hub: ServedHub
    slices: list[Path]


@pytest.fixture(scope="module")
def commons(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Commons]:
    """30 slices of 8 mm, out of order, as an archive that is de-identified already."""
    slices = sorted((shared_data / "ct_open" / "Lung_Dx-A0002").glob("*.dcm"))
    with served_hub(tmp_path_factory.mktemp("client") / "hub") as hub:
        assert hub.store([path.read_bytes() for path in slices], headers=hub.token()).status_code == 200
        subprocess.run([COMMAND, "release", "create", str(hub.directory)], check=True, capture_output=True)
        yield Commons(hub, slices)


@pytest.fixture(scope="module")
def series(commons: Commons, tmp_path_factory: pytest.TempPathFactory) -> Series:
    """The series, which nothing has opened."""
    found = Hub(commons.hub.url, folder=tmp_path_factory.mktemp("data")).release("covid-chest-1").series()
    return found[0]


def test_the_example_of_the_how_to_runs(commons: Commons, tmp_path: Path) -> None:
    """Every block of the page, in its order, in a program of its own."""
    blocks = re.findall(r"```python\n(.*?)```", HOW_TO.read_text("utf-8"), re.S)
    program = "\n".join(blocks).replace("https://commons.example.org", commons.hub.url)
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "(30, 512, 512) (0.646484375, 0.646484375, 8.0) (-173.1767578125, -294.1767578125, 80.0)" in ran.stdout
    checked = subprocess.run([COMMAND, "verify", "data/covid-chest-1"], cwd=tmp_path, check=False)
    assert checked.returncode == 0


def test_the_figure_of_the_tutorial_is_made(commons: Commons, tmp_path: Path) -> None:
    """The program of the tutorial, word for word but for the address, draws what the data hold."""
    text = (HOW_TO.parents[1] / "tutorials" / "from-sign-up-to-a-figure.md").read_text("utf-8")
    program = re.findall(r"```python\n(.*?)```", text, re.S)[0].replace("http://127.0.0.1:8042", commons.hub.url)
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "1 series of 1 patients: density.png" in ran.stdout
    figure = Image.open(tmp_path / "density.png")
    assert figure.size == (600, 22)
    row = [figure.getpixel((x, 10)) for x in range(600)]
    assert len(set(row)) == 5  # air, lung, fat, water and bone all have a share
    assert row[0] == (0, 0, 0)


def test_no_framework_is_loaded() -> None:
    """Neither torch nor the hub's server and database come with the interface."""
    program = "import sys, radcommons.client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "fastapi", "sqlalchemy", "granian", "scipy", "onnxruntime"}.intersection(loaded)


def test_a_series_is_an_array_in_the_patients_space(commons: Commons, series: Series) -> None:
    """Feet to head whatever the numbers say, Hounsfield units, and the affine that the headers give by hand."""
    volume = series.open()
    lowest = next(one for one in map(pydicom.dcmread, commons.slices) if one.InstanceNumber == 30)
    assert volume.array.dtype == np.float32
    stored = lowest.pixel_array.astype(np.float32) * float(lowest.RescaleSlope) + float(lowest.RescaleIntercept)
    assert np.array_equal(volume.array[0], stored)
    assert (volume.is_placed, volume.is_even) == (True, True)
    expected = [[0.646484375, 0, 0, -173.1767578125], [0, 0.646484375, 0, -294.1767578125], [0, 0, 8, 80], [0, 0, 0, 1]]
    assert np.allclose(volume.affine, expected, atol=1e-9)
    assert np.allclose(volume.affine @ [511, 511, 29, 1], [157.1767578125, 36.1767578125, 312, 1])
    air, spine = volume.array[:, :20, :20], volume.array[15, 330:420, 230:290]
    assert air.mean() < -900
    assert spine.max() > 300  # bone


def test_what_is_there_is_not_fetched_again(series: Series, commons: Commons) -> None:
    """A second opening asks the hub for nothing; a file that was changed comes again."""
    paths = series.fetch()
    before = {path: path.stat().st_mtime_ns for path in paths}
    paths[0].write_bytes(b"changed")
    series.fetch()
    changed = [path for path in paths if path.stat().st_mtime_ns != before[path]]
    assert changed == [paths[0]]
    assert (len(series), series.bytes) == (30, sum(path.stat().st_size for path in commons.slices))


def _mean(series: Series, volume: Volume) -> tuple[str, float]:
    return series.patient, float(volume.array.mean())


def test_a_map_style_dataset_works_in_worker_processes(series: Series) -> None:
    """`__len__`, `__getitem__`, an IndexError at the end, and it travels to another process; no token is shown."""
    samples = SeriesDataset([series], _mean)
    assert (len(samples), samples[0][0]) == (1, series.patient)
    with pytest.raises(IndexError):
        samples[1]
    whole: SeriesDataset[tuple[Volume, Series]] = SeriesDataset([series])
    assert whole[0][0].array.shape == (30, 512, 512)
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(pickle.loads(pickle.dumps(samples)).__getitem__, 0).result() == samples[0]
    assert "s3cret" not in repr(Hub("https://hub.example.org", token="s3cret"))


def test_datasets_releases_and_studies(commons: Commons, tmp_path: Path) -> None:
    """What a hub has, narrowed where asked; what it has not is not found."""
    hub = Hub(commons.hub.url + "/", folder=tmp_path)
    assert [one.releases for one in hub.datasets()] == [("covid-chest-1",)]
    assert [(one.id, one.is_open, one.counts["instances"]) for one in hub.releases("covid-chest")] == [
        ("covid-chest-1", True, 30)
    ]
    assert hub.releases("other") == []
    release = hub.release("covid-chest-1")
    assert release.citation.endswith("Imaging Commons.")
    assert [len(one.series) for one in release.studies()] == [1]
    assert release.series(modality="MR") == release.series(patients=["nobody"]) == []
    release.fetch()
    assert len(list((tmp_path / "covid-chest-1").rglob("*.dcm"))) == 30
    with pytest.raises(NotFound):
        hub.release("covid-chest-2")
    with pytest.raises(UsageError):
        hub.release("https://other.example.org/releases/covid-chest-1")


def test_a_cohort_is_a_table(commons: Commons, tmp_path: Path) -> None:
    """The table that the hub exports gives the same series; one that leads elsewhere is refused."""
    hub = Hub(commons.hub.url, folder=tmp_path)
    with hub.client() as client:
        content = client.get("/api/v1/releases/covid-chest-1/manifest.csv")
    (tmp_path / "mine.csv").write_bytes(content)
    cohort = hub.cohort(str(tmp_path / "mine.csv"))
    assert cohort.series()[0].open().array.shape == (30, 512, 512)
    assert (cohort.citation, cohort.clinical) == ("", ())
    (tmp_path / "bad.csv").write_bytes(content.replace(b"\n", b"\n../", 1))
    with pytest.raises(DocumentError):
        hub.cohort(str(tmp_path / "bad.csv"))
