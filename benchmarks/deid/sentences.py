"""Sentences as staff write them: around an identity stand clinical words, which must survive the cleaning."""

from __future__ import annotations

import random

from benchmarks.deid.people import Person

# {p} patient as others write the name, {r} relative, {d} physician, {t} technologist, {b} birth date, {n} number ...
NARRATIVES = (
    "Bilateral peripheral opacities. Daughter {r} called, wants report sent to {m}.",
    "Small left pleural effusion, unchanged. Discussed with Dr. {dl} by phone {f}.",
    "Patient {p} (born {b}) has had fever and cough for five days. No pulmonary embolism.",
    "CT Thorax nativ: kein Infiltrat. Befund an Dr. {dl} gefaxt, Herr {pl} wohnt {a}.",
    "Verlaufskontrolle Pneumonie bei {p}, geb. {b}, Vers.-Nr. {i}. Rechts basal Erguss.",
    "Scanner thoracique sans injection. Compte rendu adressé au Dr {dl}, patient {p} né le {b}.",
    "TC de tórax con contraste. Derrame pleural derecho. Paciente {p}, teléfono {f}.",
    "КТ грудной клетки, пневмония слева. см. {pn}, тел. {f}.",
    "胸部CT平扫，双肺多发磨玻璃影。患者{pn}，病历号{n}。",
    "胸部CT、両側すりガラス影。{pn} ID {n}",
    "흉부 CT, 양측 폐렴. 환자 {pn}, {n}.",
    "Referred by {d}; MRN {n}, SSN {s}, accession on file. Ground glass in the right upper lobe.",
    "{pu} moved during the scan; repeated by {t}. Room {o}, bed 2. Motion artifact.",
    "No nodule. Seen with his wife {rg}. Nurse {tl} present. https://pacs.{i}.example/view?id={n}",
    "Comparison with outside CT of {p}: consolidation smaller. Mails to {m}.",
    "Mediastinal lymph nodes normal. {ini} reviewed with {dl}, {g}.",
    "Detector serial {e} replaced at {g}; mild cardiomegaly, no pneumothorax.",
)
DESCRIPTORS = (
    "CT Thorax {pu}", "Chest PA {p}", "{p} Lung 1.0 B60f", "HRCT {n}", "Abdomen portal venous {pl}",
    "THORAX NATIV {pu} {b}", "Low dose chest {r}", "Contrast chest Dr {dl}", "{pn} CT", "Lung {n} {p}",
    "Follow up {g}", "Head routine - {t}",
)  # fmt: skip


def fill(rng: random.Random, template: str, who: Person) -> str:
    """Return a sentence about a patient."""
    spelled = rng.choice(who.name.spellings())
    return template.format(
        p=spelled,
        pl=who.name.family_latin,
        pu=f"{who.name.family_latin} {who.name.given_latin}".upper(),
        pn=who.name.family + who.name.given if not who.name.is_latin else f"{who.name.family} {who.name.given}",
        r=f"{who.relative.given_latin} {who.relative.family_latin}",
        rg=who.relative.given_latin,
        d=f"{who.physician.given_latin} {who.physician.family_latin}",
        dl=who.physician.family_latin,
        t=f"{who.technologist.family_latin}, {who.technologist.given_latin}",
        tl=who.technologist.family_latin,
        b=rng.choice(who.birth_spellings()),
        n=rng.choice((who.number, who.number, f"#{who.number}", f"ID:{who.number}")),
        m=who.mail,
        f=who.phone,
        i=who.insurance,
        s=who.ssn,
        a=who.street,
        o=who.room,
        e=who.serial,
        g=who.institution,
        ini=f"{who.name.given_latin[0]}. {who.name.family_latin}",
    )


def narrative(rng: random.Random, who: Person) -> str:
    """Return a sentence with an identity in it."""
    return fill(rng, rng.choice(NARRATIVES), who)


def descriptor(rng: random.Random, who: Person) -> str:
    """Return a short description with an identity in it."""
    return fill(rng, rng.choice(DESCRIPTORS), who)


def encodable(text: str, charset: str) -> str:
    """Return a text without the letters that a character set cannot hold."""
    codec = {
        "ISO_IR 100": "latin-1", "ISO_IR 101": "iso8859-2", "ISO_IR 144": "iso8859-5", "ISO_IR 126": "iso8859-7",
        "ISO_IR 127": "iso8859-6", "ISO_IR 138": "iso8859-8", "GB18030": "gb18030", "ISO_IR 192": "utf-8",
        "\\ISO 2022 IR 87": "iso2022_jp", "\\ISO 2022 IR 149": "euc_kr",
    }[charset]  # fmt: skip
    return text.encode(codec, "ignore").decode(codec).replace("\\", "/")
