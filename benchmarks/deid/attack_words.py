# ruff: noqa: E501
"""Other people and other sentences than those of `people` and `sentences`: fifteen languages, as an enemy would write.

Every person is invented.  A *stranger* stands in free text alone: no element of any object names him.
"""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass
from urllib.parse import quote

# language: character set | families | givens; "native~latin" where the script is another one
PEOPLE: dict[str, tuple[str, str, str]] = {
    "en": ("ISO_IR 100", "Featherstonehaugh Quartermaine Oglethorpe Bickerstaffe Cholmondeley Ravenscroft", "Hortensia Algernon Peregrine Drusilla Cuthbert Ottoline"),
    "de": ("ISO_IR 100", "Stoltenhagen Rübenkönig Kranzbühler Wüstefeld Dörpinghaus Scheuermann-Vogt", "Ekkehard Mechthild Gundula Hartwig Roswitha Ingeborg"),
    "fr": ("ISO_IR 100", "Charbonneau-Lassay Desrosiers Préfontaine Larivière Bourguignon Thibodeaux", "Ségolène Aurélien Clothilde Barthélemy Apolline Gaëtan"),
    "es": ("ISO_IR 100", "Etxeberría Zubizarreta Ibáñez Quintanilla Echenique Villaseñor", "Guadalupe Íñigo Purificación Evaristo Macarena Casimiro"),
    "it": ("ISO_IR 100", "Sangiovanni Quaglierini Bertolucci Scognamiglio Passalacqua Dell'Orefice", "Ermenegilda Fiorenzo Domitilla Ruggero Immacolata Gaspare"),
    "nl": ("ISO_IR 100", "Oosterhuis Nieuwenkamp Hoogeveen Kuijpers Slagmolen Wijngaarden", "Wilhelmus Geertruida Joachim Femke Hendrika Lubbertus"),
    "pt": ("ISO_IR 100", "Albuquerque Vasconcelos Figueiredo Magalhães Nepomuceno Brandão", "Conceição Eustáquio Iracema Jerônimo Lourdes Valdemar"),
    "pl": ("ISO_IR 101", "Wyszyńska Chrzanowski Brzęczyszczykiewicz Gołębiewska Trzeciak Zawadzki", "Kazimierz Jadwiga Bogumiła Mieczysław Zdzisława Przemysław"),
    "ru": ("ISO_IR 192", "Воскресенский~Voskresenskii Тимирязева~Timiriazeva Лопухин~Lopukhin Шереметьева~Sheremeteva", "Аркадий~Arkadii Прасковья~Praskovia Игнатий~Ignatii Глафира~Glafira"),
    "zh": ("GB18030", "端木~Duanmu 上官~Shangguan 夏侯~Xiahou 皇甫~Huangfu", "婉婷~Wanting 浩然~Haoran 梓涵~Zihan 俊杰~Junjie"),
    "ja": ("ISO_IR 192", "西園寺~Saionji 伊集院~Ijuin 長曽我部~Chosokabe 小早川~Kobayakawa", "撫子~Nadeshiko 龍之介~Ryunosuke 千代~Chiyo 権兵衛~Gonbei"),
    "ko": ("ISO_IR 192", "제갈~Jegal 선우~Seonu 사공~Sagong 동방~Dongbang", "보람~Boram 승현~Seunghyeon 미숙~Misuk 태웅~Taeung"),
    "ar": ("ISO_IR 192", "الحسيني~Alhusseini بن سلمان~Binsalman القرشي~Alqurashi التميمي~Altamimi", "عبدالرحمن~Abdulrahman زينب~Zainab مصطفى~Mustafa نورة~Noura"),
    "tr": ("ISO_IR 192", "Karaosmanoğlu Büyükçekmece Çavuşoğlu Hacıömeroğlu Yeşilırmak Gümüşhane", "Gülşen İbrahim Şehrazat Oğuzhan Nurşen Yıldırım"),
    "hi": ("ISO_IR 100", "Chattopadhyay Krishnamurthy Vishwanathan Bhattacharjee Ranganathan Mukhopadhyay", "Saraswati Jagdish Lakshmi Parvati Devendra Kamalini"),
}  # fmt: skip
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]  # fmt: skip
DAYS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth", "twenty-seventh", "twenty-eighth"]  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
# {p} the patient, {s} a stranger, {sf} his family name, {n} numbers, and the rest as `Victim.fill` says
SENTENCES: dict[str, tuple[str, ...]] = {
    "en": (
        "Dr. {sf} asked for an early read, ground glass opacity. Pt {p}, {age}yo, lives at {a}.",
        "chest: {s} (neighbour) found pt; DOB {words}; call back {f} or {m}",
        "{p} aged {age}, born in the year {y}. Insurance no {i}. {H} film of {d1}.",
        "see file:///home/{pl}/{n}/report.doc and https://ris.{host}/p?name={url}&dob={iso} lung",
        "pneumonia, seen with {sf}, {sg} and the {age}-year-old husband; scanner ser {e}; {b64}",
        "{rev} / {caps} / {dots} / {init}; no pneumothorax; MRN: {n1} resp. {n2}",
        "RE: {hex} thorax, signed electronically by {s} {d2} {d3}",
        "Ref {sf} {H}; comparison {d4}; {p}_{n}_{iso}.dcm; pleural effusion",
    ),
    "de": (
        "Zuweiser {sf}, Thorax: Pat. {p}, {age} Jahre, geb. {d1}, wohnhaft {a}, Tel. {f}.",
        "Befund an Frau Dr. {s} gefaxt am {d3}; kein Erguss; Vers.-Nr. {i}; {age}jährig",
        "Pneumonie, Angehörige {s} informiert. Gerät Nr. {e}, {H}, Fallnr. {n1}",
    ),
    "fr": ("Demandé par le Pr {sf}. Patiente {p} née le {d1}, {age} ans, demeurant {a}. Thorax, pas d'épanchement.",
           "Infirmière {s} prévenue au {f}; poumon; n° SS {i}; {H}"),
    "es": ("Solicitado por {s}; paciente {p}, {age} años, nacido el {d1}, domicilio {a}. Derrame pleural.",
           "TC de tórax, avisar a la hija {sg} {sf} tel {f}; historia {n1}; {H}"),
    "it": ("Richiesto da {s}; paziente {p}, anni {age}, nata il {d1}, residente in {a}. Versamento pleurico.",
           "TC torace; il figlio {sg} {sf} al {f}; codice {i}; {H}"),
    "nl": ("Aanvrager {sf}; patiënt {p}, {age} jaar, geb. {d1}, woont {a}. Thorax, geen pleuravocht.",
           "longen; echtgenote {s} gebeld op {f}; patnr {n1}; {H}"),
    "pt": ("Solicitado pela Dra. {sf}; paciente {p}, {age} anos, nascido em {d1}, reside na {a}. Derrame pleural.",
           "TC de tórax; a filha {s} no {f}; prontuário {n1}; {H}"),
    "pl": ("Skierowanie: lek. {s}; pacjent {p}, {age} lat, ur. {d1}, zam. {a}. Klatka piersiowa, płuca.",
           "płuca; żona {s} tel. {f}; PESEL {i}; {H}"),
    "ru": ("Направил {s}; пациент {p}, {age} лет, {d1} г.р., тел. {f}. Грудная клетка, пневмония.",
           "легкие; врач {sf}; полис {i}; {H}"),
    "zh": ("胸部CT，患者{p}，{age}岁，电话{f}，申请医生{s}。双肺磨玻璃影。", "肺炎，家属{s}，住院号{n1}"),
    "ja": ("胸部CT、患者{p}、{age}歳、電話{f}、依頼医{s}。肺炎。", "胸部 {s}先生より依頼 ID {n1}"),
    "ko": ("흉부 CT, 환자 {p}, {age}세, 전화 {f}, 의뢰의 {s}. 폐렴.", "흉부, 보호자 {s}, 등록번호 {n1}"),
    "ar": ("صدر CT المريض {p} الطبيب {s} هاتف {f}", "صدر {s} {n1}"),
    "tr": ("Toraks BT, hasta {p}, {age} yaşında, tel {f}, isteyen {s}. Akciğer.", "akciğer; oğlu {s}; dosya no {n1}; {H}"),
    "hi": ("Chest CT of Shri {p}, {age} yrs, s/o {s}, R/o {a}, mob {f}. Pneumonia.", "lung; Smt {s} informed; UHID {n1}; {H}"),
}  # fmt: skip
SHORT = (
    "Chest {pl}", "THORAX {caps}", "{p} lung", "Lung f. {sf}", "{sf} CHEST PA", "{H} Thorax {n}", "CT {s}", "chest {rev}", "{dots} CT",
    "Lung {n1}", "thorax{pl}{y}", "{cut} Chest", "{age}yo chest", "Chest {d1}", "LUNG_{pl}_{n}", "Chest Dr.{sf}", "CT4{sf}", "ct chest {hex}",
    "lung {b64}", "{pl}s lung", "by {sf}", "{init} Chest",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """A name in its own script and in Latin letters."""

    family: str
    given: str
    family_latin: str
    given_latin: str

    @property
    def pn(self) -> str:
        """The name as a PN value."""
        if self.family == self.family_latin:
            return f"{self.family}^{self.given}"
        return f"{self.family_latin}^{self.given_latin}={self.family}^{self.given}"


@dataclass(frozen=True, slots=True)
class Victim:
    """An invented patient, the people around, and all that may not be found again."""

    language: str
    charset: str
    name: Name
    strangers: tuple[Name, ...]
    doctor: Name
    number: str
    birth: tuple[int, int, int]
    phone: str
    street: str
    mail: str
    insurance: str
    serial: str
    hospital: str
    age: int

    @property
    def abbreviation(self) -> str:
        """The hospital as its staff call it."""
        return self.hospital.split()[0]

    def tokens(self) -> dict[str, str]:
        """Return what may not be found in any output: token -> kind."""
        found: dict[str, str] = {}
        for who, kind in ((self.name, "name"), (self.doctor, "staff"), *((one, "stranger") for one in self.strangers)):
            for part in (who.family, who.given, who.family_latin, who.given_latin):
                if len(part) > 1:
                    found[part] = kind
        latin = self.name.family_latin
        found |= {latin[: max(5, 2 * len(latin) // 3)]: "half of a name", latin[::-1]: "name backwards"}
        found |= {self._base64(): "encoded name", self._hex(): "encoded name"}
        found |= {
            self.number: "number",
            self.phone: "phone",
            self.mail: "mail",
            self.insurance: "number",
            self.serial: "serial",
        }
        found |= {self.abbreviation: "place", max(self.street.split(), key=len).strip(","): "address"}
        found |= dict.fromkeys((*self.dates(), *self.numbers()), "date or number")
        return {token: kind for token, kind in found.items() if len(token) > 1}

    def dates(self) -> tuple[str, ...]:
        """Return the birth date in four notations and in words."""
        y, m, d = self.birth
        words = f"the {DAYS[d - 1]} of {MONTHS[m - 1]} nineteen {TENS[y % 100 // 10 - 2]} {ONES[y % 10 - 1]}".strip()
        return f"{d:02d}.{m:02d}.{y}", f"{y}-{m:02d}-{d:02d}", f"{d}-{MONTHS[m - 1][:3]}-{y}", f"{y}/{m}/{d}", words

    def numbers(self) -> tuple[str, str]:
        """Return the patient's number with other marks in it."""
        return "-".join(self.number[i : i + 2] for i in range(0, len(self.number), 2)), " ".join(
            (self.number[:3], self.number[3:])
        )

    def _base64(self) -> str:
        return (
            base64.b64encode(f"{self.name.family_latin} {self.name.given_latin}".encode("ascii", "ignore"))
            .decode()
            .strip("=")
        )

    def _hex(self) -> str:
        return self.name.family_latin.encode("ascii", "ignore").hex()

    def fill(self, rng: random.Random, template: str) -> str:
        """Return a template with this identity in it."""
        who, other = self.name, rng.choice(self.strangers)
        f, g = who.family_latin, who.given_latin
        dates = self.dates()
        spelled = rng.choice(
            (
                f"{f} {g}",
                f"{g}  {f}",
                f"{f},{g}",
                f"{f.lower()} {g.lower()}",
                f"{f}-{g}",
                f"{who.family}{who.given}" if who.family != f else f"{g} {f}",
                f"{f}^{g}",
            )
        )
        first, second = self.numbers()
        return template.format(
            p=spelled, pl=f, s=rng.choice((f"{other.given} {other.family}", f"{other.given_latin} {other.family_latin}")), sf=other.family_latin,
            sg=other.given_latin, age=self.age, a=self.street, f=self.phone, m=self.mail, words=dates[4], y=self.birth[0], i=self.insurance,
            H=self.abbreviation, d1=dates[0], iso=dates[1], d2=dates[2], d3=dates[0], d4=dates[3], n=self.number, n1=first, n2=second,
            e=self.serial, host=f"{self.abbreviation.lower()}.example", url=quote(f"{g} {f}"), b64=self._base64(), hex=self._hex(),
            rev=f[::-1], caps=f"{f} {g}".upper(), dots=".".join(f), init=f"{f[0]}.{g[0]}. {f}", cut=f[: max(5, 2 * len(f) // 3)],
        )  # fmt: skip

    def narrative(self, rng: random.Random) -> str:
        """Return sentences with this identity in them."""
        return self.fill(rng, rng.choice((*SENTENCES[self.language], *SENTENCES["en"], *SENTENCES[self.language])))

    def label(self, rng: random.Random) -> str:
        """Return a short description with this identity in it."""
        return self.fill(rng, rng.choice(SHORT))


def _names(rng: random.Random, language: str, count: int) -> list[Name]:
    _, families, givens = PEOPLE[language]
    parts = [rng.sample(words.split(), count) for words in (families.replace("بن سلمان", "بن_سلمان"), givens)]
    made = []
    for family, given in zip(*parts, strict=True):
        f, g = family.replace("_", " ").split("~"), given.split("~")
        made.append(Name(f[0], g[0], f[-1], g[-1]))
    return made


def invent(rng: random.Random, language: str) -> Victim:
    """Return an invented patient; equal generators give equal people."""
    n = rng.randrange
    name, *strangers = _names(rng, language, 4)
    doctor = _names(rng, rng.choice(("en", "de", "it", "nl")), 1)[0]
    ascii_name = name.family_latin.encode("ascii", "ignore").decode().lower().replace(" ", "").replace("'", "")
    streets = (
        "{n} Thistledown Crescent, Leominster HR6 8{z}",
        "Klüverstieg {n}, 2{z}3 Buxtehude",
        "{n} allée des Tamaris, 3{z}0 Carcassonne",
        "Via dei Cerchi Antichi {n}, 4{z}1 Comacchio",
    )
    return Victim(
        language=language, charset=PEOPLE[language][0], name=name, strangers=tuple(strangers), doctor=doctor,
        number=f"{n(10**7, 10**8)}", birth=(n(1921, 1930) if rng.random() < 0.5 else n(1931, 1999) // 10 * 10 + n(1, 10), n(1, 13), n(1, 29)),
        phone=rng.choice(("+44 1632 {0} {1}", "0{0}-{1}7", "({0}) 555-{1}", "0{0} / {1} 21", "+39.0{0}.{1}")).format(n(200, 999), n(1000, 9999)),
        street=rng.choice(streets[:2] if language == "pl" else streets).format(n=n(2, 99), z=n(10, 99)).replace("ü", "u" if language == "pl" else "ü"),
        mail=f"{ascii_name}_{n(10, 99)}@kurier-{n(100, 999)}.example", insurance=f"{rng.choice('BDKT')}{n(10**8, 10**9)}",
        serial=f"{n(10**4, 10**5)}-{n(100, 999)}", hospital=f"{rng.choice(('BRKS', 'Wolfsthal', 'Sankt-Kilian', 'UZH-Nord', 'Quernmoor'))}{n(10, 99)} Klinik",
        age=n(90, 106),
    )  # fmt: skip
