"""A release described for the world: DataCite metadata, a schema.org data set, and a BibTeX entry. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from radcommons.records.terms import LICENSES, Terms, Tier

Json = dict[str, Any]
# DataCite Metadata Schema 4.6; every 4.x says so.
DATACITE_SCHEMA = "http://datacite.org/schema/kernel-4"
_SPDX = "https://spdx.org/licenses/"
# COAR Access Rights 1.0, and how they read.
_ACCESS = {
    Tier.OPEN: ("http://purl.org/coar/access_right/c_abf2", "Open access"),
    Tier.REGISTERED: ("http://purl.org/coar/access_right/c_16ec", "Restricted access: sign-in is needed"),
    Tier.CONTROLLED: ("http://purl.org/coar/access_right/c_16ec", "Restricted access: a data access request is needed"),
}
_TEX = str.maketrans({"\\": r"\textbackslash ", **{one: f"\\{one}" for one in "%&#_$"}})
_DUO = "http://purl.obolibrary.org/obo/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is public of a release, as its descriptions need it.

    Parameters
    ----------
    id, dataset, title, steward, citation, notes, created_at : str
    number : int
    tier : Tier
    terms : Terms
    counts : dict
        As in the manifest.
    publisher : str
        The commons' name.
    url : str
        Of the release's page.
    previous_url : str
        Of the release before, empty for the first.
    doi : str
        Empty where there is none.
    modalities : tuple of str
    """

    id: str
    dataset: str
    number: int
    title: str
    tier: Tier
    steward: str
    created_at: str
    terms: Terms
    citation: str
    notes: str
    counts: dict[str, int]
    publisher: str
    url: str
    previous_url: str = ""
    doi: str = ""
    modalities: tuple[str, ...] = ()


def doi_of(prefix: str, release: str) -> str:
    """Return the DOI of a release: its own name under the coalition's prefix; empty without one."""
    return f"{prefix}/{release}" if prefix else ""


def doi_url(doi: str) -> str:
    """Return the address that a DOI resolves at, empty for none."""
    return f"https://doi.org/{doi}" if doi else ""


def abstract(one: Described) -> str:
    """Return what the release holds in a sentence."""
    counts = one.counts
    holds = f"{counts['studies']} imaging studies of {counts['patients']} patients from {counts['sites']} sites"
    return f"{holds} ({counts['instances']} DICOM instances), de-identified. {one.notes}".strip()


def datacite(one: Described) -> Json:
    """Return the metadata in DataCite's own JSON.

    References
    ----------
    DataCite Metadata Schema 4.6 (2024), https://doi.org/10.14454/mzv1-5b55.
    """
    embargo = one.terms.embargo_until
    dates = [{"date": one.created_at[:10], "dateType": "Issued"}]
    if embargo:
        dates.append({"date": embargo, "dateType": "Available"})
    document: Json = {
        "schemaVersion": DATACITE_SCHEMA,
        "url": one.url,
        "creators": [{"name": one.steward, "nameType": "Organizational"}],
        "titles": [{"title": one.title}],
        "publisher": {"name": one.publisher},
        "publicationYear": (embargo or one.created_at)[:4],
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Medical images (DICOM)"},
        "subjects": [{"subject": word} for word in ("radiology", "medical imaging", "chest", *one.modalities)],
        "dates": dates,
        "language": "en",
        "sizes": [f"{one.counts['studies']} studies", f"{one.counts['bytes']} bytes"],
        "formats": ["application/dicom"],
        "version": str(one.number),
        "rightsList": _rights(one),
        "descriptions": [{"description": abstract(one), "descriptionType": "Abstract"}],
    }
    if one.previous_url:
        before = {"relatedIdentifier": one.previous_url, "relatedIdentifierType": "URL"}
        document["relatedIdentifiers"] = [{**before, "relationType": "IsNewVersionOf"}]
    return document | ({"doi": one.doi} if one.doi else {})


def _rights(one: Described) -> list[Json]:
    license_: Json = {"rights": one.terms.license}
    if one.terms.license in LICENSES:
        license_ |= {
            "rightsIdentifier": one.terms.license,
            "rightsIdentifierScheme": "SPDX",
            "schemeUri": _SPDX,
            "rightsUri": f"{_SPDX}{one.terms.license}.html",
        }
    uri, words = _ACCESS[one.tier]
    uses = [{"rights": f"Data use {code}", "rightsUri": _DUO + code.replace(":", "_")} for code in one.terms.duo]
    return [license_, {"rights": words, "rightsUri": uri}, *uses]


def schema_org(one: Described) -> Json:
    """Return the release as a schema.org ``Dataset`` (JSON-LD), as search engines for data read it."""
    names = [doi_url(one.doi)] if one.doi else []
    known = one.terms.license in LICENSES
    document: Json = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": names[0] if names else one.url,
        "identifier": [*names, one.url],
        "url": one.url,
        "name": one.title,
        "description": abstract(one),
        "version": str(one.number),
        "datePublished": one.created_at[:10],
        "license": f"{_SPDX}{one.terms.license}.html" if known else one.terms.license,
        "isAccessibleForFree": True,
        "conditionsOfAccess": _ACCESS[one.tier][1],
        "creator": {"@type": "Organization", "name": one.steward},
        "publisher": {"@type": "Organization", "name": one.publisher},
        "citation": one.citation,
        "keywords": ["radiology", "medical imaging", "chest", *one.modalities],
        "measurementTechnique": list(one.modalities),
        "size": f"{one.counts['bytes']} bytes",
        "distribution": [
            {
                "@type": "DataDownload",
                "encodingFormat": kind,
                "contentUrl": f"{one.url.rpartition('/releases/')[0]}/api/v1/releases/{one.id}/{name}",
            }
            for name, kind in (("manifest.json", "application/json"), ("manifest.csv", "text/csv"))
        ],
    }
    return document | ({"isBasedOn": one.previous_url} if one.previous_url else {})


def bibtex(one: Described) -> str:
    """Return a BibTeX entry (``@misc``, which every style knows)."""
    fields = {
        "author": f"{{{one.steward}}}",
        "title": one.title,
        "year": one.created_at[:4],
        "version": str(one.number),
        "publisher": one.publisher,
        "doi": one.doi,
        "url": doi_url(one.doi) or one.url,
    }
    lines = [f"  {name} = {{{_plain(value)}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{one.id},", *lines, "}"])


def _plain(text: str) -> str:
    """Return a text that TeX prints as it stands; the braces around an author are ours."""
    return text.translate(_TEX)
