"""A cohort for other programs: lines to copy, and Croissant, which tools of machine learning load."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from radcommons.access.tables import lines
from radcommons.records.cohort import Cohort
from radcommons.records.release import CSV_COLUMNS, ReleaseItem

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_NUMBERS = frozenset({"bytes"})


def address(made: Cohort, *, base: str) -> str:
    """Return where the documents of a version are."""
    return f"{base}/api/v1/cohorts/{made.id}/versions/{made.version}"


def pairs(made: Cohort) -> Iterator[tuple[str, ReleaseItem]]:
    """Yield (release, item) of a version, as a table of files wants them."""
    for item in made.items:
        yield item.release, item


def command(made: Cohort, *, base: str) -> str:
    """Return the line that downloads a version."""
    return f"radcommons get {address(made, base=base)}/manifest.csv --to cohort-{made.id[:8]}-{made.version}"


def snippet(made: Cohort, *, base: str) -> str:
    """Return the same in Python, with what every Python has."""
    return (
        "import csv, io, pathlib, urllib.request\n\n"
        f'table = "{address(made, base=base)}/manifest.csv"\n'
        'headers = {}  # {"Authorization": "Bearer ..."} where a release asks for a sign-in\n\n'
        "def get(url):\n"
        "    return urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read()\n\n"
        "for row in csv.DictReader(io.StringIO(get(table).decode())):\n"
        '    path = pathlib.Path(row["path"])\n'
        "    path.parent.mkdir(parents=True, exist_ok=True)\n"
        '    path.write_bytes(get(row["url"]))'
    )


def croissant(made: Cohort, *, base: str) -> dict[str, Any]:
    """Return the cohort's table of files in Croissant 1.0 (https://docs.mlcommons.org/croissant)."""
    table = "".join(lines(pairs(made), base=base)).encode()
    where = address(made, base=base)
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"instances/{name}",
            "name": name,
            "dataType": "sc:Integer" if name in _NUMBERS else "sc:Text",
            "source": {"fileObject": {"@id": "manifest.csv"}, "extract": {"column": name}},
        }
        for name in CSV_COLUMNS
    ]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": made.name,
        "description": made.description or f"{made.counts.studies} studies of {', '.join(made.releases)}.",
        "url": f"{base}/cohorts/{made.id}/versions/{made.version}",
        "version": f"{made.version}.0.0",
        "datePublished": made.created_at[:10],
        "license": made.terms.license,
        "citeAs": f"Cohort {made.id}, version {made.version}, of {', '.join(made.releases)}.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "manifest.csv",
                "name": "manifest.csv",
                "description": "One line an image: path, SHA-256, size, identifiers and where its bytes are.",
                "contentUrl": f"{where}/manifest.csv",
                "encodingFormat": "text/csv",
                "contentSize": f"{len(table)} B",
                "sha256": hashlib.sha256(table).hexdigest(),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "instances",
                "name": "instances",
                "key": {"@id": "instances/path"},
                "field": fields,
            }
        ],
    }
