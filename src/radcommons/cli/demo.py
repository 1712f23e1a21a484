"""`radcommons demo`: the whole road, each side as the process that it is in real life."""

from __future__ import annotations

import json
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from radcommons.cli.demo_parts import Child, Hub, Person, Site, free_port, run_json
from radcommons.platform.durable import write_file
from radcommons.records.errors import PeerError, UsageError
from radcommons.records.outcome import Outcomes

PEOPLE = ("administrator", "committee", "curator", "reader", "researcher")
RELEASE_TITLE = "Demonstration release"


def _say(line: str) -> None:
    click.echo(line, err=True)


def _port(data: Path, chosen: int | None, *, once: bool) -> int:
    """Return the hub's port; it stays with the folder, because sites and downloads there remember the address.

    Raises
    ------
    UsageError
        If another port is asked for than the folder's own.
    """
    kept = data / "port"
    if not kept.exists():
        write_file(kept, str(chosen or (free_port() if once else 8042)).encode())
    port = int(kept.read_text("utf-8"))
    if chosen not in (None, port):
        raise UsageError(f"The demo in {data} lives at port {port}.", mend="Leave --port away, or name a new folder.")
    return port


def _inputs(data: Path, given: Path | None) -> dict[str, Path]:
    """Return {site code: folder}: the folder that was given, or the invented patients of two sites."""
    if given is not None:
        return {"DEMO": given.resolve()}
    target = data / "input"
    if not (target / ".complete").exists():
        from radcommons.synthetic.collection import write_collection  # imported beside the hub's start

        _say("Making 12 invented patients at 2 sites ...")
        write_collection(target)
        (target / ".complete").touch()
    return {folder.name: folder for folder in sorted(target.iterdir()) if folder.is_dir()}


def _contribute(site: Site, protocol: str) -> None:
    """Do one hospital's part of the road."""
    site.init()
    _say(f"{site.code}: adding {site.input.name} under '{protocol}' ...")
    site.add(protocol)
    _say(f"{site.code}: submitting ...")
    site.submit()


def _summary(sites: list[Site], hub: Hub, release: str | None, download: Path, started: float) -> dict[str, Any]:
    """Return the counters of design section 5 over all sites, and what was found by code."""
    counts: dict[str, int] = dict.fromkeys(Outcomes.__dataclass_fields__, 0)
    findings: dict[str, int] = {}
    with ThreadPoolExecutor(3) as asking:
        check = asking.submit(run_json, "verify", download) if release else None
        statuses = list(asking.map(Site.status, sites))
        checked = check.result() if check else {"files": 0, "verified": 0}
    for status in statuses:
        for name in ("seen", "excluded", "duplicate", "ignored", "refused", "held", "submitted"):
            counts[name] += int(status[name])
        for code, number in status["findings"].items():
            findings[code] = findings.get(code, 0) + int(number)
    for submission in hub.submissions():
        counts["accepted"] += int(submission["accepted"])
        counts["released"] += int(submission["released"])
    counts["quarantined"] = counts["submitted"] - counts["accepted"]
    counts["unreleased"] = counts["accepted"] - counts["released"]
    for code, number in hub.finding_codes().items():
        findings[code] = findings.get(code, 0) + number
    counts["downloaded"], counts["verified"] = int(checked["files"]), int(checked["verified"])
    problems = Outcomes(**counts).discrepancies()
    return {
        **counts,
        "seconds": round(time.monotonic() - started, 1),
        "findings": dict(sorted(findings.items())),
        "release": release,
        "discrepancies": problems,
    }


def _walk(hub: Hub, sites: list[Site], *, protocol: str, data: Path) -> str | None:
    """Walk the road from the hospitals' folders to the researcher's disk; return the release."""
    with ThreadPoolExecutor(2) as hospitals:  # each works on its own, as in life
        list(hospitals.map(lambda site: _contribute(site, protocol), sites))
    _say("Hub: verifying, then the curator accepts what raised no question ...")
    hub.curate()
    release = hub.make_release(RELEASE_TITLE)
    if release is None:
        _say("Nothing was accepted, so there is no release.")
        return None
    _say(f"Researcher: downloading {release} ...")
    hub.download(release, to=data / "download" / release)
    return release


@click.command(epilog="Example: radcommons demo --once --data /tmp/demo --input ~/images")
@click.option(
    "--data", type=click.Path(path_type=Path), default=Path("demo-data"), help="Folder that holds everything."
)
@click.option("--port", type=int, default=None, help="The hub's port; 8042, or any free one with --once.")
@click.option("--input", "given", type=click.Path(exists=True, path_type=Path), help="Images instead of invented ones.")
@click.option("--protocol", default="any-imaging", show_default=True, help="Selection protocol: an id or a file.")
@click.option("--once", is_flag=True, help="Walk the road, print one JSON summary and exit.")
@click.option("--what-if", is_flag=True, help="Say what would be started, and start nothing.")
def demo(data: Path, port: int | None, given: Path | None, protocol: str, once: bool, what_if: bool) -> int:
    """Start a hub and a hospital's site, and walk the whole road between them."""
    data = data.resolve()
    if what_if:
        source = given or "12 invented patients at 2 sites"
        click.echo(f"Would start a hub and a site in {data} and walk the road with {source}.")
        return 0
    started = time.monotonic()
    data.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    hub = Hub(data / "hub", port=_port(data, port, once=once), log=data / "hub.log")
    served: Child | None = None
    try:
        with ThreadPoolExecutor(1) as beside:
            folders = beside.submit(_inputs, data, given)
            hub.start()
            people = hub.people(PEOPLE, data / "sign-ins.json")
            _say(f"The portal is open at {hub.url} ({time.monotonic() - started:.0f} s)")
            sites = [
                Site(code=code, directory=data / f"site-{code.lower()}", input=folder, hub=hub)
                for code, folder in folders.result().items()
            ]
        release = _walk(hub, sites, protocol=protocol, data=data)
        download = data / "download" / (release or "none")
        summary = _summary(sites, hub, release, download, started)
        if once:
            click.echo(json.dumps(summary))
            return 1 if summary["discrepancies"] else 0
        shown = max(sites, key=lambda site: int(site.status()["held"]))  # its page has something to decide
        served = shown.serve(data / "site.log")
        _write_sign_ins(data / "demo.json", hub=hub, site=shown, people=people, summary=summary)
        _announce(hub, shown, people, summary)
        _wait(hub.child, served)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):  # a second one must not leave a child behind
            signal.signal(number, signal.SIG_IGN)
        if served:
            served.stop()
        hub.stop()
    return 0


def _write_sign_ins(path: Path, *, hub: Hub, site: Site, people: dict[str, Person], summary: dict[str, Any]) -> None:
    roles = {role: {"email": one.email, "password": one.password, "token": one.token} for role, one in people.items()}
    roles["site"] = {"email": site.user, "password": site.password, "token": site.token}
    content = {"url": hub.url, "site_url": site.url, **roles, "roles": roles, "summary": summary}
    write_file(path, json.dumps(content, indent=2).encode(), mode=0o600)


def _announce(hub: Hub, site: Site, people: dict[str, Person], summary: dict[str, Any]) -> None:
    click.echo(json.dumps({key: summary[key] for key in Outcomes.__dataclass_fields__}))
    click.echo(f"\n  Portal    {hub.url}")
    click.echo(f"  Hospital  {site.url}   {site.user}   {site.password}")
    for role, person in people.items():
        click.echo(f"  {role:14} {person.email:32} {person.password}")
    click.echo("\nEverything runs on this machine alone. Press Ctrl-C to stop; the same command goes on later.")


def _wait(*children: Child | None) -> None:
    while True:
        time.sleep(0.5)
        for child in children:
            if child and child.ended():
                raise PeerError(f"The {child.name} process ended by itself.", mend=f"Its log is {child.log}.")
