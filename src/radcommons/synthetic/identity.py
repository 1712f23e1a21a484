"""Invented people, places and hospitals: every identity that the synthetic headers carry.

Family names are put together from landscape and weather words in the spelling of a language, meant to match no real
family; towns, streets and hospitals likewise.  Telephone numbers lie in the ranges that the British, French and German
regulators keep free for fiction; the others follow the custom of 555.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

Charset = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Culture:
    """How names and addresses are written in one place."""

    charset: Charset
    families: tuple[str, ...]
    women: tuple[str, ...]
    men: tuple[str, ...]
    streets: tuple[str, ...]
    towns: tuple[str, ...]
    phone: str
    suffix: str = ""


# A name is "plain" or "plain|ideographic|phonetic".
CULTURES: dict[str, Culture] = {
    "de": Culture(
        "ISO_IR 100",
        ("Nebelkräher", "Mühlfröschel", "Wolkenräßler", "Distelgräber"),
        ("Annelür", "Friedeswind", "Hildrün"),
        ("Ottfriedel", "Lutzbert", "Jörgwin"),
        ("Kieselgässchen", "Am Krähenbühlsteig"),
        ("Nebelstadt an der Trüb", "Oberwölkingen"),
        "+49 30 23125 {:03d}",
    ),
    "fr": Culture(
        "ISO_IR 100",
        ("Brumelande-Forêt", "Valdécume", "Rochepâle"),
        ("Clémentille", "Maëlise", "Océanide"),
        ("Barthélin", "Théodulphe", "Gédéric"),
        ("rue du Héron-Perdu", "allée des Châtaignes"),
        ("Saint-Brumeux-sur-Lisse",),
        "+33 1 99 00 {:02d} 17",
    ),
    "pt": Culture(
        "ISO_IR 100",
        ("Serranévoa", "Pedraçal-Ribeirão", "Marelão"),
        ("Conceiçanda", "Lucirene", "Iracemar"),
        ("Joãozir", "Belarmindo", "Estêvaro"),
        ("Travessa do Açude", "Rua da Garoa Fina"),
        ("Vila Névoa do Sul",),
        "+55 11 5550 0{:03d}",
    ),
    "tr": Culture(
        "ISO_IR 192",
        ("Gökçırağ", "Sisdağlıoğan", "Yelpınarcı"),
        ("Çiğdemnaz", "Gülşirin", "Işılbeste"),
        ("Bozkırhan", "Şimşekalp", "Ağırtan"),
        ("Kuşkonmaz Sokağı", "Dağyeli Caddesi"),
        ("Sislipınar",),
        "+90 555 01 {:02d} 44",
    ),
    "it": Culture(
        "ISO_IR 192",
        ("Boscoludo", "Montefosco-Lì", "Nebbiarella"),
        ("Serafiorella", "Niccoletizia", "Gioiabella"),
        ("Ardelino", "Fulvigero", "Teodosco"),
        ("vicolo della Poiana", "via del Fosso Secco"),
        ("Borgonebbia Superiore",),
        "+39 06 5550 {:03d}",
    ),
    "ja": Culture(
        ("", "ISO 2022 IR 87"),
        ("Kirinabe|霧鍋|きりなべ", "Yukigame|雪亀|ゆきがめ"),
        ("Hotaru|蛍|ほたる", "Minase|汀|みなせ"),
        ("Tobio|飛|とびお", "Asao|朝|あさお"),
        ("Kumoi-zaka 4-chome", "Asagiri-dori"),
        ("Kirinosato-machi",),
        "+81 3 5550 0{:03d}",
    ),
    "en": Culture(
        "ISO_IR 100",
        ("Fogglethwaite", "Larkmarsh-Dunne", "Quillhollow"),
        ("Elspethine", "Marigolde", "Winifrith"),
        ("Barnabold", "Thaddewin", "Osgoode"),
        ("Curlew Lane", "Old Bracken Road"),
        ("Mistleford", "Great Wetherden"),
        "+44 20 7946 0{:03d}",
    ),
}

_PLACES: tuple[tuple[str, str, str], ...] = (
    ("Klinikum Nebelstadt", "Kieselallee 7, 99999 Nebelstadt an der Trüb", "Radiologie Turm C"),
    ("Mistleford Royal Infirmary", "1 Curlew Lane, Mistleford ZZ9 9ZZ", "Thoracic Imaging West"),
    ("Hôpital Brumelande", "2 rue du Héron-Perdu, Saint-Brumeux", "Imagerie Pavillon Héron"),
    ("Ospedale Borgonebbia", "via del Fosso Secco 11, Borgonebbia", "Radiologia Ala Poiana"),
)
_STAFF = ("Wermutheim^Adalbrecht^^Dr.", "Thistlecroft^Imogenia^^MD", "Sableclair^Rémiguel^^Pr", "Cardoviento^Ilariana")
OPERATOR = "Roentgenbogen^Mirjanka"
_JOBS = ("Kranfuehrerin", "lighthouse keeper", "organ builder", "patissier", "ferry pilot", "bell founder")


@dataclass(frozen=True, slots=True)
class Hospital:
    """An invented hospital: the export of one site."""

    code: str
    name: str
    address: str
    department: str
    staff: tuple[str, ...]

    @property
    def canaries(self) -> frozenset[str]:
        """Words that must not leave the hospital."""
        people = {part for name in (*self.staff, OPERATOR) for part in name.split("^") if len(part) > 5}
        return frozenset({self.name, self.address, self.department} | people)


@dataclass(frozen=True, slots=True)
class Person:
    """One invented patient.

    Parameters
    ----------
    name : str
        DICOM person name, with ideographic and phonetic groups where the culture has them.
    charset : str or tuple of str
        (0008,0005) *Specific Character Set*.
    """

    name: str
    charset: Charset
    sex: str
    birth: date
    patient_id: str
    issuer: str
    other_id: str
    maiden_name: str
    address: str
    phone: str
    occupation: str
    relative: str
    accessions: tuple[str, ...]
    words: frozenset[str] = field(default_factory=frozenset)

    @property
    def plain_family(self) -> str:
        """The family name in plain letters, as a folder or a film would carry it."""
        return plain(self.name.split("=")[0].split("^")[0])

    @property
    def plain_given(self) -> str:
        """The given name in plain letters."""
        return plain(self.name.split("=")[0].split("^")[1])

    @property
    def canaries(self) -> frozenset[str]:
        """Every string that names this patient."""
        return self.words


def hospital_for(site: str, number: int) -> Hospital:
    """Return the hospital behind a site code."""
    name, address, department = _PLACES[number % len(_PLACES)]
    turn = number % len(_STAFF)
    return Hospital(site, name, address, department, _STAFF[turn:] + _STAFF[:turn])


def person_for(*, seed: int, number: int, culture: str, sex: str, age_years: int, on: date, visits: int = 1) -> Person:
    """Return the invented patient of a seed and a running number.

    Parameters
    ----------
    seed, number : int
    culture : str
        Key of `CULTURES`.
    sex : {'F', 'M'}
    age_years : int
        Age on the day `on`.
    on : date
    visits : int
        Number of studies, each with an accession number.
    """
    random = np.random.default_rng([seed, number, 29])
    way = CULTURES[culture]
    family = way.families[number % len(way.families)]
    given = (way.women if sex == "F" else way.men)[int(random.integers(3)) % len(way.women if sex == "F" else way.men)]
    birth = date(on.year - age_years, on.month, min(on.day, 28)) - timedelta(days=int(random.integers(5, 350)))
    patient_id = f"{'KH' if number % 2 else 'MRN'}{int(random.integers(10**7, 10**8))}"
    other_id = f"VS-{int(random.integers(10**8, 10**9))}"
    accessions = tuple(f"A{on.year % 100}{int(random.integers(10**8, 10**9))}" for _ in range(visits))
    street, town = way.streets[number % len(way.streets)], way.towns[number % len(way.towns)]
    phone = way.phone.format(int(random.integers(10, 99))).replace(" ", "")
    maiden = way.families[(number + 1) % len(way.families)].split("|")[0]
    relative = (way.men if sex == "F" else way.women)[0].split("|")[0]
    words = {part for text in (family, given) for part in text.split("|") if len(part) > 1}
    words |= {plain(part) for part in (family.split("|")[0], given.split("|")[0])}
    words |= {patient_id, other_id, street, town, phone, maiden, relative, *accessions}
    return Person(
        name=_person_name(family, given),
        charset=way.charset,
        sex=sex,
        birth=birth,
        patient_id=patient_id,
        issuer="",
        other_id=other_id,
        maiden_name=maiden,
        address=f"{street} {int(random.integers(1, 90))}, {town}",
        phone=phone,
        occupation=_JOBS[number % len(_JOBS)],
        relative=relative,
        accessions=accessions,
        words=frozenset(words),
    )


def plain(text: str) -> str:
    """Return `text` in upper-case ASCII letters, as old modalities write it."""
    swaps = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ö": "Oe", "Ü": "Ue", "Ä": "Ae", "ı": "i"}
    spelt = "".join(swaps.get(letter, letter) for letter in text)
    return unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode().upper()


def _person_name(family: str, given: str) -> str:
    parts = [f"{a}^{b}" for a, b in zip(family.split("|"), given.split("|"), strict=True)]
    return "=".join(parts)
