"""Where profiles come from: those in the package, files, and compositions of both by `extends` or by a plus sign."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from radcommons.dicom.profile_file import ProfileFile, merged, names_of_bases, read_document, understand
from radcommons.records.errors import DocumentError, NotFound

DEEPEST = 8
PLUS = "+"


def _folder(kind: str) -> Traversable:
    folder = files("radcommons.dicom").joinpath("profiles")
    return folder.joinpath("options") if kind == "option" else folder


def _names(kind: str) -> tuple[str, ...]:
    return tuple(sorted(e.name.removesuffix(".yaml") for e in _folder(kind).iterdir() if e.name.endswith(".yaml")))


def shipped_profiles() -> tuple[str, ...]:
    """Return the names of the profiles in the package."""
    return _names("profile")


def shipped_options() -> tuple[str, ...]:
    """Return the names of the single options in the package, each of which a profile may extend."""
    return _names("option")


@lru_cache(maxsize=64)
def _shipped_text(name: str) -> str | None:
    for kind, names in (("profile", shipped_profiles()), ("option", shipped_options())):
        if name in names:
            return _folder(kind).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return None


def load_option(name: str) -> tuple[str, str]:
    """Return the code of a shipped option and its title."""
    document = read_document(_shipped_text(name) or "", source=name)
    return str(document["options"][0]["code"]), str(document["title"])


def _file_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError("The profile is not UTF-8 text.", mend="Save the file as UTF-8.") from error


def _document(name: str, depth: int = 0) -> dict[str, Any]:
    """Return a shipped profile or option, or a file, with what it extends."""
    text = _shipped_text(name)
    if text is None:
        path = Path(name)
        if not path.is_file():
            known = ", ".join((*shipped_profiles(), *shipped_options()))
            raise NotFound("There is no such profile and no such file.", mend=f"Shipped profiles and options: {known}.")
        text = _file_text(path)
    source = Path(name).name
    document = read_document(text, source=source)
    if depth >= DEEPEST:
        raise DocumentError(
            f"Profile {source}, `extends`: profiles extend each other without end.", mend="Leave one of them out."
        )
    bases = [_document(base, depth + 1) for base in _beside(name, names_of_bases(document, source=source))]
    return merged(bases, document, source=source)


def _beside(name: str, bases: tuple[str, ...]) -> list[str]:
    # a file names other files by the place where it lies itself
    folder = Path(name).parent
    return [base if _shipped_text(base) is not None else str(folder / base) for base in bases]


def read_profile(name_or_path: str | Path) -> ProfileFile:
    """Return what a profile says: a shipped one, a file, or several joined by plus signs, the later ones winning.

    Raises
    ------
    NotFound
        If there is neither such a profile or option nor such a file.
    DocumentError
        If it says something that cannot be, or the parts contradict each other.
    """
    name = str(name_or_path)
    parts = [name] if PLUS not in name or Path(name).is_file() else [part.strip() for part in name.split(PLUS)]
    documents = [_document(part) for part in parts]
    source = PLUS.join(Path(part).name for part in parts)
    document = merged(documents[:-1], documents[-1], source=source) if len(parts) > 1 else documents[0]
    identity = {key: documents[0].get(key) for key in ("version", "title")}
    found = understand(document | identity if len(parts) > 1 else document, source=source)
    return found if len(parts) == 1 else found.renamed(PLUS.join(str(one.get("id")) for one in documents))
