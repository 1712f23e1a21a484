"""Write `docs/reference/` from the program itself, or say where the two differ.

    python tools/make_reference.py            rewrite the pages
    python tools/make_reference.py --check    exit 1 when a page differs from the program

Nothing below `docs/reference/` is written by hand.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import click
from pydantic.fields import FieldInfo
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "reference"
_NOTICE = "<!-- Made by tools/make_reference.py from the program. Do not edit. -->\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; bars in cells are escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def page(title: str, intro: str, *parts: str) -> str:
    """Return a page with the notice that it is generated."""
    return "\n".join([_NOTICE + f"# {title}\n", intro + "\n", *parts])


def code(lines: Iterable[str]) -> str:
    """Return lines as a block of plain text."""
    return "```text\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n"


# --- the command line ---------------------------------------------------------------------------------------------


def _commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                inner = click.Context(below, info_name=name, parent=context, max_content_width=110, terminal_width=110)
                yield from _commands(below, inner)


def command_line() -> str:
    """Return the page of every command with its help."""
    from radcommons.cli.main import cli

    top = click.Context(cli, info_name="radcommons", max_content_width=110, terminal_width=110)
    parts = [
        f"## `{path}`\n\n" + code(command.get_help(context).splitlines())
        for path, command, context in _commands(cli, top)
    ]
    return page(
        "Command line",
        "Every command answers `--help`.\n"
        "Exit status: 0 done, 1 refused or found something, 2 wrong usage.\n"
        "Results go to standard output, progress and errors to standard error.",
        *parts,
    )


# --- records ------------------------------------------------------------------------------------------------------


def _diagram(arrows: dict[Any, Any]) -> str:
    lines = [f"    {_node(state)} --> {_node(following)}: {event}" for (state, event), following in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"]) + "\n"


def _node(state: str) -> str:
    return state.replace("-", "_")  # a hyphen ends a name in Mermaid's state diagrams


def lifecycle() -> str:
    """Return the page of the lifecycle tables."""
    from radcommons.records import lifecycle as rules

    kinds: list[tuple[str, str, dict[Any, Any], type[StrEnum]]] = [
        ("A file at a site", "FILE", rules.FILE, rules.FileState),
        ("A submission at the hub", "SUBMISSION", rules.SUBMISSION, rules.SubmissionState),
        ("An instance version at the hub", "INSTANCE", rules.INSTANCE, rules.InstanceState),
        ("A request for access", "REQUEST", rules.REQUEST, rules.RequestState),
        ("A grant", "GRANT", rules.GRANT, rules.GrantState),
        ("An identity incident", "INCIDENT", rules.INCIDENT, rules.IncidentState),
    ]
    parts = []
    for title, name, arrows, states in kinds:
        rows = [(f"`{state}`", f"`{event}`", f"`{following}`") for (state, event), following in arrows.items()]
        ends = [f"`{state}`" for state in states if not any(source == state for source, _ in arrows)]
        parts.append(
            f"## {title}\n\nTable `{name}` in `radcommons.records.lifecycle`.\n"
            f"Final states: {', '.join(ends)}.\n\n"
            + _diagram(arrows)
            + "\n"
            + table(("state", "event", "next state"), rows)
        )
    return page(
        "Lifecycles",
        "An arrow that is not in these tables is refused with the error `wrong-state`.\n"
        "The tests take their parameters from the same tables.",
        *parts,
    )


def findings() -> str:
    """Return the page of finding codes."""
    from radcommons.records.finding import CODES, Severity

    return page(
        "Finding codes",
        "A check may emit only codes that stand here.\n"
        "A finding is a " + ", ".join(f"`{one}`" for one in Severity) + "; a question waits for a person.\n"
        "One code may come with another severity in another place.",
        table(("code", "what a data manager reads"), ((f"`{name}`", text) for name, text in CODES.items())),
    )


def protocols() -> str:
    """Return the page of the shipped selection protocols."""
    from radcommons.platform.policy import shipped_protocols
    from radcommons.records.protocol import FACTS

    shown = [
        f"## `{one.id}`\n\nDigest: `{one.digest}`\n\n" + code(one.describe()) for one in shipped_protocols().values()
    ]
    return page(
        "Selection protocols",
        "What `radcommons protocol show` prints.\nThe digest names the meaning: comments and layout do not count.",
        *shown,
        "## Facts\n\nA criterion may test these facts and no others.\n\n"
        + table(("fact", "where it comes from"), ((f"`{name}`", text) for name, text in FACTS.items())),
    )


def profiles() -> str:
    """Return the page of the shipped de-identification profiles."""
    from radcommons.dicom.profile import load_option, load_profile, shipped_options, shipped_profiles

    shipped = [load_profile(name) for name in shipped_profiles()]
    shown = [
        "\n".join(f"#{line}" if line.startswith("#") else line for line in one.describe()) + "\n" for one in shipped
    ]
    options = table(
        ("option", "code", "what it is"),
        ((f"`{name}`", load_option(name)[0], load_option(name)[1]) for name in shipped_options()),
    )
    return page(
        "De-identification profiles",
        "What `radcommons profile show` prints.\n"
        "A changed rule changes the digest, and the hub refuses a digest that it does not know.\n"
        "A file of yours extends these and the options below; `basic+clean-graphics` joins them by name.",
        *shown,
        "## Options\n",
        options,
    )


def deidentifier() -> str:
    """Return the de-identifier's conformance statement."""
    from radcommons.dicom.profile_statement import statement

    return page(
        "Conformance of the de-identifier",
        "What `radcommons deid` and the hospital's gateway do to an object, after PS3.15 Annex E.",
        "\n".join(statement()) + "\n",
    )


def _schema_file(name: str) -> str:
    return f"schemas/{name.removeprefix('radcommons/').replace('/', '-')}.json"


def schemas() -> dict[str, str]:
    """Return the JSON Schema of every signed document, by file."""
    from radcommons.records.documents import DETACHED, ENVELOPED, SEALED, json_schema

    made = {}
    for kinds, is_sealed in ((SEALED, True), (DETACHED, False), (ENVELOPED, False)):
        for name, kind in kinds.items():
            made[_schema_file(name)] = _json(json_schema(kind, sealed=is_sealed))
    return made


def _json(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def documents() -> str:
    """Return the page that lists the signed documents."""
    from radcommons.records.documents import DETACHED, ENVELOPED, SEALED

    rows = [
        (f"`{name}`", inspect.getdoc(kind), way, f"[{_schema_file(name)}]({_schema_file(name)})")
        for kinds, way in (
            (SEALED, "member `signature`"),
            (DETACHED, "a file beside it"),
            (ENVELOPED, "an envelope around it (DSSE)"),
        )
        for name, kind in kinds.items()
    ]
    return page(
        "Signed documents",
        "Signatures are Ed25519 over the canonical bytes: UTF-8, members sorted by name, no spaces, no floats.\n"
        "A document is named by the SHA-256 digest of its canonical bytes.",
        table(("schema", "what it says", "signature", "JSON Schema"), rows),
    )


# --- what the program does, read from its source ------------------------------------------------------------------


def _kinds(tree: ast.Module) -> Iterator[str]:
    """Yield the kinds of audit events that a module writes; what is filled in at run time stands in braces."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        given = [keyword.value for keyword in call.keywords if keyword.arg == "kind"] if name == "Event" else []
        told = {"tell": call.args[:1], "_record": call.args[1:2]}.get(name, [])
        for value in given or told:
            if isinstance(value, ast.Constant | ast.JoinedStr):
                yield ast.literal_eval(value) if isinstance(value, ast.Constant) else ast.unparse(value)[2:-1]


def events() -> str:
    """Return the page of audit events."""
    source = ROOT / "src" / "radcommons"
    found: dict[str, set[str]] = {}
    for path in sorted(path for path in source.rglob("*.py") if "testing" not in path.parts):
        for kind in _kinds(ast.parse(path.read_text("utf-8"))):
            found.setdefault(kind, set()).add(str(path.relative_to(source)))
    rows = [
        (f"`{kind}`", ", ".join(f"`{place}`" for place in sorted(places))) for kind, places in sorted(found.items())
    ]
    return page(
        "Audit events",
        "Each is written in the transaction of the change that it tells of.\n"
        "Events carry pseudonyms, digests, numbers and counts, never a patient's value.\n"
        "The gateway and the hub keep a trail each.",
        table(("kind", "written by"), rows),
    )


_SEARCHING = """Dates and times take ranges, UIDs lists (comma or backslash), texts `*` and `?`.
A person's name matches whatever its case, and without its empty components at the end.
With `fuzzymatching=true` each word must begin a word of the name; sounds and accents are not compared.
Keys of one sequence must match in the same item; its first 16 are looked at.
A key that is not matched on is named in a `Warning: 299`, and so is that an answer was cut by `limit`.
How many more there are is not counted.
`emptyvaluematching` and `multiplevaluematching` are answered by the standard's warning that they are not supported.
`TimezoneOffsetFromUTC` is taken; dates and times are compared as they are stored, and a warning says so.
Answers come in a stable order: studies from the newest date on, series and instances by their numbers."""


def _dimse_services() -> str:
    from radcommons.dicom.rewrite import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
    from radcommons.platform.dimse import MOST_ASSOCIATIONS
    from radcommons.platform.negotiation import LARGEST_RECEIVED
    from radcommons.web.hub_peer import PLAIN, SERVICES

    rows = [(UID(uid).name, uid, service, ", ".join(f"`{one}`" for one in PLAIN)) for uid, service in SERVICES.items()]
    rows.append(("every storage SOP Class of the standard", "", "C-STORE (SCP)", "each of the table above"))
    rows.append(("what is retrieved", "", "C-STORE (SCU)", "as stored, or `1.2.840.10008.1.2.1`"))
    facts = (
        f"Implementation class `{IMPLEMENTATION_CLASS_UID}`, version `{IMPLEMENTATION_VERSION_NAME}`; "
        f"at most {MOST_ASSOCIATIONS} associations at once; PDUs of up to {LARGEST_RECEIVED:,} bytes are received.\n"
        "Of several proposed transfer syntaxes the first that is known is accepted; no asynchronous operations.\n"
        "A caller shows a token as the passcode of User Identity Negotiation (PS3.7 section D.3.3.7, type 2), or "
        "calls by a listed AE title that a certificate, or this machine itself, vouches for; nobody else is let in.\n"
        "Searches match the keys of QIDO-RS at the same level, and answer `FF01` where they pass over another.\n\n"
    )
    return facts + table(("SOP Class", "UID", "service", "transfer syntaxes"), rows)


def conformance() -> str:
    """Return the page of what DICOM the program speaks."""
    from radcommons.access.capabilities import TRANSFER_SYNTAXES as MADE
    from radcommons.access.dicomweb_api import CAPABILITIES
    from radcommons.dicom.allowed import allowed_tags
    from radcommons.dicom.conformance import TRANSFER_SYNTAXES, is_image_storage

    representations = [
        (f"`{one.method} {one.path}`", "<br>".join(f"`{media}`" for media in one.media), ", ".join(one.parameters))
        for one in CAPABILITIES
    ]
    taken = (uid for uid in UID_dictionary if is_image_storage(uid) and allowed_tags(uid) is not None)
    classes = sorted((UID(uid).name, uid) for uid in taken)
    # Younger than pydicom's dictionary (PS3.5 annex A, edition 2024d).
    young = {"1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression"}
    syntaxes = sorted((young.get(uid, UID(uid).name), uid) for uid in TRANSFER_SYNTAXES)
    paths: dict[str, Any] = json.loads(openapi())["paths"]
    routes = [
        (f"`{method.upper()}`", f"`{path}`", about.get("description", "").split("\n")[0])
        for path, methods in sorted(paths.items())
        if path.startswith("/dicomweb/") and not path.startswith("/dicomweb/releases/")
        for method, about in sorted(methods.items())
        if method != "head"
    ]
    return page(
        "DICOM conformance",
        "What the hub stores and serves, and what the gateway takes.\n"
        "The gateway answers C-ECHO, C-STORE and storage commitment as an SCP, "
        "and asks as an SCU by C-FIND, C-GET and C-MOVE; the hub speaks DICOMweb (PS3.18), "
        "and DIMSE where a port is named.\n"
        "The bytes of the pixels are stored as they came; instances are retrieved as they are stored, "
        "and instances and frames in some other transfer syntaxes on request, without loss.",
        "## Transfer syntaxes\n\n" + table(("name", "UID"), syntaxes),
        "## DICOMweb\n\nEach `GET` is there a second time below `/dicomweb/releases/{release}`, frozen at it.\n\n"
        + table(("method", "path", "what"), routes),
        "### Representations\n\nThe service describes itself in the same words: `OPTIONS /dicomweb`, or `GET` without "
        "parameters.\nBesides the stored one and `*`, `transfer-syntax` may name: "
        + ", ".join(f"`{uid}` ({UID(uid).name})" for uid in MADE)
        + ".\nJPEG 2000 is made of images of at least 32 by 32 pixels.\n"
        "High-Throughput JPEG 2000 is neither taken nor made: no small, well-kept Python package has an encoder.\n\n"
        + table(("resource", "media types", "query parameters"), representations),
        "### Searching\n\n" + _SEARCHING,
        "## DIMSE services of the hub\n\n" + _dimse_services(),
        "## SOP Classes of images\n\nTheir definitions are known, so that they can be de-identified and checked.\n\n"
        + table(("name", "UID"), classes),
    )


# --- HTTP and settings --------------------------------------------------------------------------------------------


def errors() -> str:
    """Return the page of the error tree and the HTTP status of each error."""
    from radcommons.records import errors as tree
    from radcommons.web.errors import status_of

    kinds = [one for one in vars(tree).values() if inspect.isclass(one) and issubclass(one, tree.RadcommonsError)]
    rows = [
        (f"`{one.code}`", f"`{one.__name__}`", status_of(one.__new__(one)), (inspect.getdoc(one) or "").split("\n")[0])
        for one in kinds
    ]
    doc = inspect.getdoc(tree) or ""
    drawn = [line[4:] for line in doc.splitlines() if line.startswith("    ")]
    return page(
        "Errors",
        "Over HTTP an error is an RFC 9457 problem document whose member `code` is the code below.\n"
        "On the command line a wrong usage exits with 2, every other error with 1.",
        code(drawn),
        table(("code", "class", "HTTP status", "meaning"), rows),
    )


def settings() -> str:
    """Return the page of a hub's settings."""
    from radcommons.platform.settings import SETTINGS_FILE, HubSettings

    prefix = HubSettings.model_config["env_prefix"]
    rows = [
        (f"`{prefix}{name.upper()}`", f"`{name}`", _default(field), field.description or _choices(field))
        for name, field in HubSettings.model_fields.items()
    ]
    return page(
        "Settings of a hub",
        f"The environment wins over the file `{SETTINGS_FILE}` in the hub's folder, and the file over the defaults.\n"
        "`directory` is the folder that each command is given.",
        table(("environment", "in the file", "default", "meaning"), rows),
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none"
    return f"`{field.default}`" if field.default != "" else "empty"


def _choices(field: FieldInfo) -> str:
    return "One of " + ", ".join(map(str, get_args(field.annotation))) + "."


def openapi() -> str:
    """Return the hub's OpenAPI description."""
    from radcommons.platform.keys import SigningKey
    from radcommons.platform.ports import KEY_FILE
    from radcommons.platform.settings import HubSettings
    from radcommons.web.hub_app import hub_app

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        SigningKey.create().save(folder / KEY_FILE)
        return _json(hub_app(HubSettings(directory=folder)).openapi())


# --- all of it ----------------------------------------------------------------------------------------------------

PAGES: dict[str, Callable[[], str]] = {
    "cli.md": command_line,
    "conformance.md": conformance,
    "conformance-deidentifier.md": deidentifier,
    "documents.md": documents,
    "errors.md": errors,
    "events.md": events,
    "findings.md": findings,
    "lifecycle.md": lifecycle,
    "openapi.json": openapi,
    "profiles.md": profiles,
    "protocols.md": protocols,
    "settings.md": settings,
}


def index(names: Iterable[str]) -> str:
    """Return the page that lists the others."""
    return page(
        "Reference",
        "These pages are made from the program; a test fails when one of them differs from it.",
        "\n".join(f"- [{name}]({name})" for name in sorted(names)) + "\n",
    )


def reference() -> dict[str, str]:
    """Return every file of the reference by its path below `docs/reference/`."""
    with _without_settings():
        made = {name: make() for name, make in PAGES.items()} | schemas()
    return made | {"README.md": index(made)}


@contextmanager
def _without_settings() -> Iterator[None]:
    """Hide the settings of whoever makes the pages: they must not depend on them."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("RADCOMMONS_")}
    try:
        yield
    finally:
        os.environ.update(hidden)


def differences(made: dict[str, str]) -> list[str]:
    """Return the files that are missing, differ or are no longer made."""
    kept = {str(path.relative_to(TARGET)) for path in TARGET.rglob("*") if path.is_file()}
    stale = kept - set(made)
    return sorted(
        stale | {name for name, text in made.items() if name not in kept or (TARGET / name).read_text("utf-8") != text}
    )


def main(arguments: Sequence[str]) -> int:
    """Rewrite the reference, or compare it with `--check`."""
    made = reference()
    changed = differences(made)
    if "--check" in arguments:
        for name in changed:
            print(f"docs/reference/{name} differs from the program: run `python tools/make_reference.py`.")
        return 1 if changed else 0
    for name in changed:
        path = TARGET / name
        if name not in made:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[name], "utf-8")
        print(f"wrote docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
