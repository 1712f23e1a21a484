"""Invented people of many scripts, their relatives and staff, and the ways in which others write their names."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

# "native|Latin"; where there is no bar the name is written in Latin letters already.
SCRIPTS: dict[str, tuple[str, str, str]] = {
    "english": (
        "ISO_IR 100",
        "Carter Holloway O'Neil Fitzgerald Thackeray McAllister Ashworth Pemberton Okonkwo Abernathy Whitlock Blackwood",  # noqa: E501
        "Emily Harriet Desmond Leopold Winifred Tobias Marguerite Cornelius Josephine Barnaby Philippa Roderick",
    ),
    "german": (
        "ISO_IR 100",
        "Müllerwald Größmann Strauß Kowalczyk Schönfelder Überreiter Weißenborn Jäckel Thürnau Löwenstein",
        "Jürgen Käthe Annelies Götz Sören Heidemarie Burkhard Wolfram Friederike Anneliese",
    ),
    "romance": (
        "ISO_IR 100",
        "Núñez García-Lorca Beauséjour Lefèvre D'Angelo Gonçalves Muñoz Castañeda Bevilacqua Guimarães",
        "José-María Inés François Hélène Gianluca João Begoña Thérèse Ludovica Rosalía",
    ),
    "polish": (
        "ISO_IR 101",
        "Wójcik Szczepański Dvořáková Łukaszewicz Kővágó Žižka Śliwiński Háječková Grzegorczyk Černý",
        "Zbigniew Małgorzata Přemysl Božena Győző Agnieszka Stanisław Květoslava Wojciech Ryszard",
    ),
    "cyrillic": (
        "ISO_IR 144",
        "Иванова|Ivanova Щербаков|Shcherbakov Хрущёва|Khrushcheva Юрченко|Yurchenko Ёлкин|Elkin Цветаева|Tsvetaeva "
        "Жуковский|Zhukovskii Григорьев|Grigorev",
        "Людмила|Liudmila Пётр|Petr Евгения|Evgeniia Ярослав|Iaroslav Фёдор|Fedor Зинаида|Zinaida Тимофей|Timofei",
    ),
    "greek": (
        "ISO_IR 126",
        "Παπαδόπουλος|Papadopoulos Χατζηδάκη|Chatzidaki Θεοδωρίδης|Theodoridis Οικονόμου|Oikonomou Ψαράκης|Psarakis",
        "Νικόλαος|Nikolaos Ευγενία|Evgenia Σπυρίδων|Spyridon Ξανθίππη|Xanthippi Δημήτρης|Dimitris",
    ),
    "arabic": (
        "ISO_IR 127",
        "قباني|Qabbani الخطيب|Alkhatib منصور|Mansour الزهراني|Alzahrani حداد|Haddad",
        "لنزار|Lnizar فاطمة|Fatima يوسف|Yousef خديجة|Khadija طارق|Tariq",
    ),
    "hebrew": (
        "ISO_IR 138",
        "אברמוביץ|Abramovich לוינשטיין|Levinshtein בן-דוד|Bendavid רוזנצוויג|Rosenzweig שפירא|Shapira",
        "מרדכי|Mordechai רבקה|Rivka אלישבע|Elisheva גרשון|Gershon צפורה|Tzipora",
    ),
    "chinese": (
        "GB18030",
        "王|Wang 欧阳|Ouyang 司马|Sima 张|Zhang 诸葛|Zhuge 慕容|Murong",
        "小东|Xiaodong 秀英|Xiuying 建国|Jianguo 雪梅|Xuemei 志强|Zhiqiang",
    ),
    "japanese": (
        "\\ISO 2022 IR 87",
        "山田|Yamada|やまだ 長谷川|Hasegawa|はせがわ 渡辺|Watanabe|わたなべ 五十嵐|Igarashi|いがらし 勅使河原|Teshigawara|てしがわら",  # noqa: E501
        "太郎|Tarou|たろう 久美子|Kumiko|くみこ 健一郎|Kenichirou|けんいちろう 紗由理|Sayuri|さゆり 翔|Shou|しょう",
    ),
    "korean": (
        "\\ISO 2022 IR 149",
        "김|Kim 황보|Hwangbo 남궁|Namgung 최|Choi 독고|Dokgo",
        "희중|Huijung 길동|Gildong 서연|Seoyeon 민준|Minjun 영숙|Youngsook",
    ),
}
STREETS = (
    "{n} Maplethorpe Street, Apt. 4, Ferndale WI 53{z}",
    "Lindenallee {n}, 10{z} Krummhausen",
    "{n} rue des Glycines, 75{z} Valmorin",
    "Calle de Ibarruri {n}, 28{z} Peñaflor",
    "ул. Берёзовая, д. {n}, кв. 12",
    "Via Bellaguardia {n}, 00{z} Montalpino",
)
PHONES = ("+49 30 {a}-{b}", "({c}) {d}-{e}", "+33 6 12 34 {f} {g}", "0{c}/{a}{b}", "020 7946 {e}", "+81-90-{e}-{h}")
DOMAINS = ("mailbox.example", "posteo.test", "correo.example", "poczta.test")
CONSONANTS, VOWELS = (
    [
        "b",
        "br",
        "d",
        "dr",
        "f",
        "g",
        "gr",
        "h",
        "k",
        "kl",
        "l",
        "m",
        "n",
        "p",
        "qu",
        "r",
        "s",
        "st",
        "t",
        "tr",
        "v",
        "z",
    ],
    ["a", "e", "i", "o", "u", "au", "ei", "ie"],
)  # noqa: E501, RUF100
ENDINGS = [
    "mann",
    "berg",
    "ski",
    "ton",
    "well",
    "ova",
    "ides",
    "quist",
    "ard",
    "enko",
    "ini",
    "eaux",
    "ovich",
    "sen",
    "dottir",
    "worthy",
]  # noqa: E501, RUF100


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the letters it is written in, in Latin letters, and (Japanese) in phonetic ones."""

    family: str
    given: str
    family_latin: str
    given_latin: str
    family_phonetic: str = ""
    given_phonetic: str = ""

    @property
    def pn(self) -> str:
        """The name as a value of PN with all its component groups."""
        if self.family == self.family_latin:
            return f"{self.family}^{self.given}"
        groups = [f"{self.family_latin}^{self.given_latin}", f"{self.family}^{self.given}"]
        if self.family_phonetic:
            groups.append(f"{self.family_phonetic}^{self.given_phonetic}")
        return "=".join(groups)

    @property
    def is_latin(self) -> bool:
        """Whether there is no other script in it."""
        return self.family == self.family_latin

    def parts(self) -> Iterator[str]:
        """Yield each part that may not be found again; single ideographs say nothing alone."""
        for part in (self.family, self.given, self.family_latin, self.given_latin):
            if len(part) > 1:
                yield part
        if not self.is_latin:
            yield self.family + self.given

    def spellings(self) -> list[str]:
        """Return how people write it."""
        f, g = self.family_latin, self.given_latin
        latin = [
            f"{g} {f}", f"{f} {g}", f"{f}, {g}", f"{f},{g[0]}", f"{g[0]}. {f}", f"{f.upper()} {g.upper()}",
            f"{f.upper()}^{g.upper()}", f"{f}{g}", f"{f}_{g[0]}", f"{f}-{g}", f"{g}'s", f"{f}s", f"{g.lower()} {f.lower()}",  # noqa: E501
            f"{f}1962", f"Mr {f}", f"Frau {f}", f"{f.upper()}{g.upper()}", f"{g.lower()}.{f.lower()}@mailbox.example",
        ]  # fmt: skip
        if self.is_latin:
            return latin
        n, m = self.family, self.given
        native = [f"{n}{m}", f"{n} {m}", f"{m} {n}", n + m, f"{n}^{m}", f"{n}{m}様"[: len(n + m) + 1]]
        return [*latin, *native, *native]


@dataclass(frozen=True, slots=True)
class Person:
    """An invented patient with everything that names them."""

    name: Name
    script: str
    charset: str
    number: str
    issuer: str
    birth: tuple[int, int, int]
    sex: str
    phone: str
    street: str
    mail: str
    insurance: str
    ssn: str
    relative: Name
    physician: Name
    technologist: Name
    institution: str
    station: str
    room: str
    serial: str
    shift: int = 0
    extra: tuple[str, ...] = field(default=())

    def tokens(self) -> dict[str, str]:
        """Return what may not be found in any output: token -> kind."""
        found = {}
        for who, kind in (
            (self.name, "name"), (self.relative, "relative"), (self.physician, "staff"), (self.technologist, "staff")
        ):  # fmt: skip
            found |= dict.fromkeys(who.parts(), kind)
        found |= {self.number: "number", self.phone: "phone", self.mail: "mail", self.insurance: "number"}
        found |= {
            self.ssn: "number",
            self.serial: "serial",
            self.institution.split()[0]: "place",
            self.station: "place",
        }
        found |= dict.fromkeys(self.birth_spellings(), "birth date")
        # the words of the street, without those that every street has
        words = [word.strip(",.") for word in self.street.split()]
        found |= {word: "address" for word in words if len(word) > 6 and word[0].isupper()}
        return found | dict.fromkeys(self.extra, "name")

    def birth_spellings(self) -> list[str]:
        """Return the birth date in words and figures."""
        y, m, d = self.birth
        month = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ][m - 1]  # noqa: E501, RUF100
        german = [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ][m - 1]  # noqa: E501, RUF100
        return [
            f"{y}{m:02d}{d:02d}", f"{d:02d}.{m:02d}.{y}", f"{m}/{d}/{y}", f"{y}-{m:02d}-{d:02d}", f"{d} {month} {y}",
            f"{month} {d}, {y}", f"{d}. {german} {y}", f"{d:02d}{month[:3].upper()}{y}", f"{d}.{m}.{y % 100:02d}",
            f"{y}年{m}月{d}日",
        ]  # fmt: skip


def _pick(rng: random.Random, words: str) -> tuple[str, str, str]:
    parts = rng.choice(words.split()).split("|")
    return parts[0], parts[1] if len(parts) > 1 else parts[0], parts[2] if len(parts) > 2 else ""


def _made_up(rng: random.Random) -> str:
    stem = "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.choice((1, 2, 2))))
    return (stem + rng.choice(CONSONANTS)[0] + rng.choice(ENDINGS)).capitalize()


def invent_name(rng: random.Random, script: str) -> Name:
    """Return a name; half of the Latin family names are put together of syllables and stand in no list."""
    _, families, givens = SCRIPTS[script]
    family, given = _pick(rng, families), _pick(rng, givens)
    if family[0] == family[1] and rng.random() < 0.5:
        made = _made_up(rng)
        family = (made, made, "")
    return Name(family[0], given[0], family[1], given[1], family[2], given[2])


def _number(rng: random.Random) -> str:
    digits = "".join(rng.choice("0123456789") for _ in range(rng.choice((6, 7, 8))))
    return rng.choice(("{0}", "00{0}", "MR{0}", "P-{0}", "{0}-X")).format("4" + digits)


def _phone(rng: random.Random) -> str:
    n = rng.randrange
    return rng.choice(PHONES).format(
        a=n(1000, 9999), b=n(100, 999), c=n(200, 999), d=n(200, 999), e=n(1000, 9999), f=n(10, 99), g=n(10, 99), h=n(1000, 9999)  # noqa: E501
    )  # fmt: skip


def _ascii(text: str) -> str:
    import unicodedata

    kept = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(letter for letter in kept.lower() if letter.isalnum())


def invent_person(rng: random.Random, script: str | None = None) -> Person:
    """Return an invented patient; equal generators give equal people."""
    script = script or rng.choice(list(SCRIPTS))
    name = invent_name(rng, script)
    n = rng.randrange
    mail = f"{_ascii(name.given_latin)}.{_ascii(name.family_latin)}{n(10, 99)}@{rng.choice(DOMAINS)}"
    return Person(
        name=name,
        script=script,
        charset=SCRIPTS[script][0],
        number=_number(rng),
        issuer=f"{_made_up(rng)} Hospital",
        birth=(n(1931, 2001), n(1, 13), n(1, 29)),
        sex=rng.choice("MF"),
        phone=_phone(rng),
        street=rng.choice(STREETS if script == "cyrillic" else STREETS[:4]).format(n=n(3, 290), z=n(100, 999)),
        mail=mail,
        insurance=f"{rng.choice('ABCDEFGHKMPQX')}{n(10**8, 10**9 - 1)}",
        ssn=f"{n(200, 665)}-{n(10, 99)}-{n(1000, 9999)}",
        relative=invent_name(rng, "english" if script not in ("german", "romance", "polish") else script),
        physician=invent_name(rng, rng.choice(("english", "german", "romance", "polish"))),
        technologist=invent_name(rng, rng.choice(("english", "german", "romance"))),
        institution=f"{_made_up(rng)} {rng.choice(('Klinikum', 'General Hospital', 'Hôpital', 'Medical Center'))}",
        station=f"{_made_up(rng).upper()}{n(10, 99)}",
        room=f"{n(1, 9)}{rng.choice('ABC')}-{n(100, 999)}",
        serial=f"SN{n(10**5, 10**6 - 1)}{rng.choice('KXZ')}",
    )
