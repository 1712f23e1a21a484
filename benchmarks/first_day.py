"""Time from a PC switched on to the first submission that the hub accepted, and how much of it is a person's.

    python benchmarks/first_day.py [--slices 60]

The hub and the PACS (dcmtk's dcmqrscp with invented patients) run before the clock starts. Then every step is what a
data manager does, each command a process of its own and each page over HTTP: first on a PC where the program is
installed and nothing else, then on the morning after, with one more patient. A person is counted, not awaited:
see `PERSON`.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydicom import dcmread
from pydicom.errors import InvalidDicomError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.functional.pacs_peers import Archive, dcmqrscp, dcmtk

from radcommons.cli.demo_parts import Child, free_port, run, run_json
from radcommons.synthetic.collection import write_collection

NAME, PASSWORD = "M. Roe", "a sentence of my own"
# Seconds of a person: the keystroke-level model's key or click; a look at a study before and after; a command line
# copied from the guide with its values; a form with name and password; a code taken with a phone's camera.
KEY, LOOK, COMMAND, FORM, PHONE = 1.1, 6.0, 20.0, 25.0, 40.0


@dataclass(slots=True)
class Clock:
    """Measured steps: wall seconds of the machine, and seconds counted for the person."""

    lines: list[tuple[str, float, float]] = field(default_factory=list)

    @contextmanager
    def step(self, words: str, *, person: float) -> Iterator[None]:
        """Time a step."""
        began = time.perf_counter()
        yield
        self.lines.append((words, time.perf_counter() - began, person))

    def table(self, title: str) -> str:
        """Return the steps as a table."""
        rows = [*self.lines, ("in all", sum(one[1] for one in self.lines), sum(one[2] for one in self.lines))]
        text = f"{title:52}{'machine':>10}{'person':>10}\n"
        return text + "".join(f"  {words:50}{machine:>8.1f} s{person:>8.1f} s\n" for words, machine, person in rows)


@dataclass(slots=True)
class Browser:
    """Goes through the gateway's pages as a browser does, one form after the other."""

    client: httpx.Client
    page: str = ""

    def get(self, path: str) -> str:
        """Open a page."""
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        self.page = answer.text
        return str(answer.url)

    def post(self, path: str, **fields: Any) -> str:
        """Send a form with the page's key; return the address that it leads to."""
        key = re.search(r'name="form_key" value="([^"]+)"', self.page)
        answer = self.client.post(path, data={**fields, **({"form_key": key[1]} if key else {})})
        assert answer.status_code == 200, (path, answer.status_code, re.sub(r"<[^>]+>|\s+", " ", answer.text)[-400:])
        self.page = answer.text
        return str(answer.url)


def code_of(page: str) -> str:
    """Return the code that a phone shows (RFC 6238) after it scanned the page's secret."""
    found = re.search(r"\b([A-Z2-7]{4}(?: [A-Z2-7]{4}){7})\b", page)
    assert found is not None, "the page shows no secret"
    secret = base64.b32decode(found[1].replace(" ", ""))
    digest = hmac.digest(secret, int(time.time() // 30).to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def review(browser: Browser) -> tuple[int, int]:
    """Decide every group and every held file; return keys and looks."""
    keys, looks = 1, 0
    address = browser.get("/review/next")
    while "/review/g/" in address:
        group = address.partition("?")[0]
        for token in dict.fromkeys(re.findall(r'href="/review/f/([\w-]{16})"', browser.page)):
            browser.get(f"/review/f/{token}")
            keys, looks = keys + 1, looks + 1
        browser.get(group)
        fields = {name: re.search(rf'name="{name}" value="([^"]+)"', browser.page)[1] for name in ("drawn", "version")}  # type: ignore[index]
        address = browser.post(group, decision="accept", **fields)
        keys += 1
    while "/review/f/" in address:
        looks, keys = looks + 1, keys + 1
        address = browser.post(address.partition("?")[0], decision="pass")
    return keys, looks


def accession_numbers(archive: Archive) -> list[str]:
    """Ask the PACS for every accession number."""
    asked = [dcmtk("findscu"), "-S", "-aec", "PACS", "127.0.0.1", str(archive.port)]
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "AccessionNumber"]
    done = subprocess.run([*asked, *keys], capture_output=True, text=True, check=True, timeout=60)
    return sorted(set(re.findall(r"SH \[([^\]]+?) *\]", done.stdout + done.stderr)))


def fill(archive: Archive, folder: Path) -> None:
    """Put every image into the PACS, uncompressed: dcmqrscp sends one family of compressed syntaxes at most."""
    images = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.read_bytes()[128:132] == b"DICM"]
    for number, path in enumerate(images):
        try:
            dataset = dcmread(path)
            if dataset.file_meta.TransferSyntaxUID.is_compressed:
                dataset.decompress()
        except (InvalidDicomError, EOFError, RuntimeError, ValueError):
            continue  # the collection holds broken files on purpose; a PACS does not
        copied = archive.storage / f"{number:05}.dcm"
        dataset.save_as(copied, enforce_file_format=True)
        subprocess.run([dcmtk("dcmqridx"), str(archive.storage), str(copied)], capture_output=True, check=False)


def wait_until_accepted(directory: Path, *, more_than: int) -> int:
    """Ask for the gateway's status until the hub accepted more instances than before."""
    for _ in range(60):
        found = run_json("site", "status", directory)
        accepted = sum(int(one.get("accepted") or 0) for one in found["submissions"])
        if accepted > more_than:
            return accepted
        time.sleep(0.5)
    raise AssertionError(f"the hub accepted nothing more: {found['flow']}")


@dataclass(frozen=True, slots=True)
class Gateway:
    """The PC of the hospital: its folder, its pages, and the PACS beside it."""

    directory: Path
    port: int
    archive: Archive

    def start(self, log: Path) -> Child:
        """Start the pages and wait until they answer."""
        child = Child("gateway", ["site", "serve", str(self.directory), "--port", str(self.port)], log)
        child.start(f"http://127.0.0.1:{self.port}/sign-in")
        return child

    def browser(self) -> Browser:
        """Return a browser that knows nobody yet."""
        client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", follow_redirects=True, timeout=60)
        return Browser(client)

    def through(self, clock: Clock, browser: Browser, wanted: list[str], *, accepted: int) -> int:
        """Fetch, review, submit, and wait for the hub's word."""
        listed = self.directory.parent / "wanted.csv"
        listed.write_text("".join(f"{one}\n" for one in wanted))
        with clock.step(f"site fetch, {len(wanted)} studies", person=COMMAND):
            run("site", "fetch", self.directory, "--accessions", listed, "--from", self.archive.name, ok=(0, 1))
        keys, looks = 0, 0
        with clock.step("review in the browser", person=0.0):
            keys, looks = review(browser)
        clock.lines[-1] = (f"review: {keys} keys, {looks} looks", clock.lines[-1][1], keys * KEY + looks * LOOK)
        with clock.step("site submit", person=COMMAND):
            run("site", "submit", self.directory)
        with clock.step("until the hub accepted it", person=0.0):
            return wait_until_accepted(self.directory, more_than=accepted)


def first_day(gateway: Gateway, hub: str, token: str, wanted: list[str]) -> tuple[Clock, int]:
    """Do the first day."""
    clock, log = Clock(), gateway.directory.parent / "gateway.log"
    with clock.step("site init", person=COMMAND):
        run("site", "init", gateway.directory, "--hub", hub, "--token", token, "--site", "ALFA")
    settings = gateway.directory / "site.toml"
    settings.write_text(settings.read_text().replace('review = "held"', 'review = "groups"'))
    with clock.step("site serve, until its page answers", person=COMMAND):
        served = gateway.start(log)
    try:
        browser = gateway.browser()
        link = re.search(r"http://\S+(/set-up/\S+)", log.read_text())
        assert link is not None, "no set-up link was printed"
        with clock.step("name, password, second factor", person=FORM + PHONE):
            browser.get(link[1])
            browser.post(link[1], email=NAME, password=PASSWORD, again=PASSWORD)
            browser.post("/second-factor", code=code_of(browser.page))
        with clock.step("site canary", person=COMMAND):
            run("site", "canary", gateway.directory)
        accepted = gateway.through(clock, browser, wanted, accepted=0)
    finally:
        served.stop()
    return clock, accepted


def next_morning(gateway: Gateway, wanted: list[str], *, accepted: int) -> Clock:
    """Do the morning after: switched on, signed in, one more patient."""
    clock, log = Clock(), gateway.directory.parent / "gateway.log"
    run("site", "user", "reset", gateway.directory, NAME)  # not timed: a code is taken once, so the script enrols anew
    link = run_json("site", "user", "reset", gateway.directory, NAME)["link"]
    with clock.step("site serve, until its page answers", person=0.0):
        served = gateway.start(log)
    try:
        browser = gateway.browser()
        path = httpx.URL(link).path
        browser.get(path)
        browser.post(path, email=NAME, password=PASSWORD, again=PASSWORD)
        with clock.step("sign in", person=FORM):
            browser.post("/second-factor", code=code_of(browser.page))
        gateway.through(clock, browser, wanted, accepted=accepted)
    finally:
        served.stop()
    return clock


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=60, help="Most slices of a CT series.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_collection(folder / "input", patients=6, sites=("ALFA",), slices=chosen.slices, jobs=2)
        run("hub", "init", folder / "hub")
        port = free_port()
        hub = Child("hub", ["hub", "serve", str(folder / "hub"), "--port", str(port)], folder / "hub.log")
        with dcmqrscp(folder / "pacs") as archive:
            fill(archive, folder / "input")
            numbers = accession_numbers(archive)
            hub.start(f"http://127.0.0.1:{port}/readyz")
            try:
                token = run("hub", "token", folder / "hub", "--role", "site", "--site", "ALFA").strip()
                gateway = Gateway(folder / "site" / "gateway", free_port(), archive)
                gateway.directory.parent.mkdir()
                day, accepted = first_day(gateway, f"http://127.0.0.1:{port}", token, numbers[:-1])
                morning = next_morning(gateway, numbers[-1:], accepted=accepted)
            finally:
                hub.stop()
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(day.table(f"The first day, {accepted} instances accepted"))
    print(morning.table("The morning after"))
    print(f"CPU of all processes {spent.ru_utime + spent.ru_stime:.0f} s, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
