"""Out of the hospital over a proxy and a private authority, to a real hub, on a line that breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.functional.hospital_line import HOST, Front, Proxy, authority
from tests.functional.site_inputs import ct_slice, write

from radcommons.cli.demo_parts import Hub, Site, free_port, run_json
from radcommons.records.errors import UsageError
from radcommons.records.event import Role
from radcommons.site.hub import check_address

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A real hub process."""
    folder = tmp_path_factory.mktemp("hub")
    made = Hub(folder / "hub", port=free_port(), log=folder / "hub.log")
    made.start()
    made.people(("curator",), folder / "people.json")
    yield made
    made.stop()


@pytest.mark.parametrize(
    "address", ["http://hub.coalition.test", "http://10.1.2.3:80", "hub.coalition.test", "", "ftp://h"]
)
def test_an_address_without_encryption_is_refused(address: str) -> None:
    """No token and no image crosses a network in the clear."""
    with pytest.raises(UsageError):
        check_address(address)
    check_address("https://hub.coalition.test")
    check_address("http://127.0.0.1:8042")


def test_submission_over_a_proxy_and_a_private_authority(hub: Hub, tmp_path: Path) -> None:
    """Without the authority nothing is sent; with it all goes by the proxy, over cuts, and arrives."""
    ca, chain = authority(tmp_path / "authority")
    images = tmp_path / "images"
    noise = np.random.default_rng(7).integers(200, 1400, (256, 256), dtype=np.uint16)
    for number in range(1, 13):
        cells = np.roll(noise, number).tobytes()
        write(images / f"{number}.dcm", ct_slice(number, Rows=256, Columns=256, PixelData=cells))
    token = hub.token(Role.SITE, site="LINE")
    with (
        Front(hub_port=int(hub.url.rpartition(":")[2]), chain=chain) as front,
        Proxy(front_port=front.port) as proxy,
    ):
        address = f"https://{HOST}:{front.port}"
        directory = tmp_path / "gateway"
        way = ("--hub", address, "--proxy", f"http://127.0.0.1:{proxy.port}", "--site", "LINE", "--token", token)
        stranger = run_json("site", "init", tmp_path / "stranger", *way)
        assert not stranger["is_registered"]
        assert "certificate" in stranger["message"]
        assert front.served == 0  # the handshake failed before a byte of ours was sent
        joined = run_json("site", "init", directory, *way, "--ca-file", ca)
        assert joined["is_registered"]
        site = Site(code="LINE", directory=directory, input=images, hub=hub)
        added = site.add()
        assert added["seen"] == 12
        size = sum(path.stat().st_size for path in (directory / "objects").rglob("*") if path.is_file())
        proxy.cuts += [proxy.tunneled + share * size // 10 for share in (2, 5, 9)]
        site.submit()
        assert proxy.cut == 3
        assert proxy.tunneled > size
        assert {line.split(" ")[0] for line in proxy.asked} == {"CONNECT"}
    hub.curate()
    (listed,) = [one for one in hub.submissions() if one["site"] == "LINE"]
    assert (listed["items"], listed["received"]) == (12, 12)
    assert site_state(directory) == {"seen": 12, "submitted": 12}


def site_state(directory: Path) -> dict[str, int]:
    """Return the counters that are not nought."""
    found = run_json("site", "status", directory)
    return {name: found[name] for name in ("seen", "submitted", "held", "refused", "ready") if found.get(name)}


def test_an_answer_of_the_proxy_is_told(hub: Hub, tmp_path: Path) -> None:
    """A proxy that says no is named as such, and what is ready waits."""
    ca, chain = authority(tmp_path / "authority")
    with Front(hub_port=1, chain=chain) as front, Proxy(front_port=front.port) as proxy:
        way = ("--proxy", f"http://127.0.0.1:{proxy.port}", "--ca-file", ca, "--site", "LINE", "--token", "t")
        joined = run_json("site", "init", tmp_path / "gateway", "--hub", "https://elsewhere.test", *way)
        assert not joined["is_registered"]
        assert "proxy" in joined["message"].lower()
        assert json.dumps(joined).count("Traceback") == 0
