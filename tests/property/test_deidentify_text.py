"""What holds of cleaned text whoever is named in it: people that no list knows go, what a report says stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radcommons.dicom.lexicon import is_clinical
from radcommons.dicom.text import Cleaner, Manner
from radcommons.dicom.text_fold import fold
from radcommons.dicom.text_identity import KnownIdentity

LIMITED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
STRANGER = Cleaner(KnownIdentity(), keeps_unknown_words=False)
SYLLABLES = "ba bro cha dre fen gri hol jas kel lun mor nev ost pel qua rin sho tav ulm vex wil zor".split()  # noqa: SIM905
NAMES = (
    st.lists(st.sampled_from(SYLLABLES), min_size=2, max_size=4).map("".join).filter(lambda name: not is_clinical(name))
)
SENTENCES = (
    "Daughter {n} {m} called about the result", "Befund an Dr. {n} gefaxt", "Discussed with {n}, {m}", "{m[0]}. {n} with cough",  # noqa: E501
    "{N} {M} chest pa", "{n},{m[0]} lung", "Herr {n} klagt über Husten", "Paciente {m} {n} con tos", "Mme {n} née {m}",
    "{n}-{m} thorax", "{m}'s husband {n} present", "Referred by Prof. Dr. med. {m} von {n}", "{n}_{m}_CT_THORAX",
    "{nl} {ml} phoned", "dictated by {m} {n} MD", "см. {n}, пневмония", "Seen by nurse {n} in room 12", "{n}{m} lung",
    "Patient {n} moved; repeated", "O'{n} coughs", "al-{n}, {m}", "van der {n} follow up", "pt {m} {n}: effusion left",
)  # fmt: skip


@LIMITED
@given(name=NAMES, given_name=NAMES, sentence=st.sampled_from(SENTENCES), manner=st.sampled_from([*Manner][-2:]))
def test_people_whom_nothing_knows_go(name, given_name, sentence, manner):
    """A name that stands in no identifying element and in no list leaves free text, in any case and order."""
    name, given_name = name.capitalize(), given_name.capitalize()
    text = sentence.format(
        n=name, m=given_name, N=name.upper(), M=given_name.upper(), nl=name.lower(), ml=given_name.lower()
    )
    kept = fold(STRANGER.clean(text, manner).text)
    assert fold(name) not in kept
    assert fold(given_name) not in kept


@pytest.mark.parametrize(
    "text",
    [
        "Wife Rose Long called", "Dr. Young", "Dr Long saw her", "Frau Lange", "Mr. Sharp", "Emily Carter", "carter emily",  # noqa: E501
        "Li Wei", "Nguyen Van An", "J. Doe", "Doe,J", "Mr D.", "DOEJOHN", "Иванова Людмила", "Παπαδόπουλος Νίκος", "王小东", "于小中",  # noqa: E501
        "山田太郎様", "김희중", "محمد الخطيب", "אברמוביץ מרדכי", "Jean-François D'Angelo", "María-José García", "O’Brien’s",  # noqa: E501
    ],
)  # fmt: skip
def test_names_of_many_scripts_leave_nothing(text):
    """A text that is a name alone, words of speech apart, keeps no letter of the name."""
    kept = STRANGER.clean(text, Manner.NARRATIVE).text
    assert not [word for word in re.findall(r"[^\W\d_]+", kept) if word.lower() not in ("wife", "called", "saw", "her")]


@pytest.mark.parametrize(
    "text",
    [
        "born on the third of May nineteen sixty-two", "born May 3rd, 1962", "dob 3/5/62", "geb. 03.05.1962", "né le 3 mai 1962",  # noqa: E501
        "nacido el 3 de mayo de 1962", "3 мая 1962", "1962年5月3日", "1962년 5월 3일", "昭和37年5月3日", "Jahrgang 1962", "May 1962",  # noqa: E501
        "12.3.", "12/31", "2020-03-12", "12MAR2020", "since 2019", "MRN: 0047 1108", "SSN 123-45-6789", "(555) 123-4567",  # noqa: E501
        "Tel. 0301/23456", "06 12 34 56 78", "020 7946 9375", "+81-90-1234-5678", "тел. 8 495 123-45-67", "电话 010-12345678",  # noqa: E501
        "a.b+c@mail.test", "https://pacs.test/view?id=7", "www.clinic.test", "ws12.hospital.local", "192.168.10.7",
        "1.2.826.0.1.99990.3.17", "Vers.-Nr. A123456789", "passport X1234567", "S/N 55501X", "#471108", "ID:4711-08",
        "12 Maple Street", "Lindenstraße 12", "12 rue de la Paix", "Calle Mayor 5", "via Roma 10", "ул. Берёзовая, д. 12",  # noqa: E501
        "SW1A 1AA", "80331 München", "P.O. Box 17", "Room 12B", "Zimmer 301", "93-year-old", "97-jähriger", "97 y", "97-летняя", "RSSMRA62E03H501X",  # noqa: E501
    ],
)  # fmt: skip
def test_signs_of_identity_leave_no_digit(text):
    """Dates in words and figures, numbers, addresses of post, mail and machines go, in many countries' ways."""
    kept = STRANGER.clean(f"Effusion left. {text}", Manner.NARRATIVE).text
    assert kept.startswith("Effusion left")
    rest = kept.removeprefix("Effusion left")
    assert not re.search(r"\d|@|nineteen|Maple|Linden|Paix|Mayor|Roma|Бер|Münch", rest), rest


REPORTS = (
    "Ground-glass opacities in both lower lobes, consistent with COVID-19 pneumonia. No pleural effusion or pneumothorax.",  # noqa: E501
    "Follow up of 6 mm nodule in the right upper lobe, unchanged. Heart size is normal. Mediastinal contours unremarkable.",  # noqa: E501
    "Status post median sternotomy. Left-sided port with tip in the superior vena cava. Mild cardiomegaly.",
    "Patient coughs and has had fever for 5 days; shortness of breath. History of asthma, hypertension and diabetes.",
    "Keine Infiltrate, kein Erguss, kein Pneumothorax. Herz nicht vergrößert. Zustand nach Lobektomie rechts.",
    "Verdacht auf Lungenembolie bei Dyspnoe, bekannte Niereninsuffizienz. Milchglastrübungen beidseits basal.",
    "Opacités en verre dépoli bilatérales, sous-pleurales, sans épanchement pleural. Pas d'embolie pulmonaire.",
    "Opacidades en vidrio deslustrado bilaterales, sin derrame pleural. Antecedentes de hipertensión y diabetes.",
    "Addensamenti a vetro smerigliato bilaterali, non versamento pleurico. Cuore nei limiti, aorta calcificata.",
    "Opacidades em vidro fosco bilaterais, sem derrame pleural. Coração de tamanho normal.",
    "Matglas afwijkingen beiderzijds, geen pleuravocht. Hart niet vergroot.",
    "КТ органов грудной клетки: двусторонняя пневмония, матовое стекло. Плевральный выпот справа, лимфоузлы не увеличены.",  # noqa: E501
    "胸部CT平扫，双肺多发磨玻璃影，考虑病毒性肺炎。未见胸腔积液。",
    "両肺にすりガラス影を認める。胸水なし。",
    "흉부 CT 양측 간유리음영 폐렴 의심.",
    "CT Thorax nativ 1.0 B60f", "HRCT Lung 1.25 mm", "Chest PA and lateral", "Abdomen portal venous phase",
    "t1_vibe_dixon_tra_p4_bh", "ep2d_diff_b50_400_800_tra", "THORAX W/O CONTRAST 5mm STD", "Lung_L", "PTV 50 Gy", "GTV_lung",  # noqa: E501
)  # fmt: skip


def test_what_a_report_says_stays():
    """Of the words of invented reports and descriptions in ten languages at least 98 of 100 stay."""
    words = kept = 0
    for text in REPORTS:
        before = re.findall(r"[^\W\d_]+", text)
        after = set(re.findall(r"[^\W\d_]+", STRANGER.clean(text, Manner.NARRATIVE).text))
        words += len(before)
        kept += sum(word in after for word in before)
    assert kept / words >= 0.98, (kept, words)


@LIMITED
@given(
    family=NAMES,
    given_name=NAMES,
    shape=st.sampled_from(
        ["{n}{m}", "{m0}{n}", "{n}{m0}", "{m}{n}", "{n}1950", "x{n}y", "{n}s", "{N}_{M}", "{nl}.{ml}"]
    ),
)
def test_known_names_go_even_from_a_device_word(family, given_name, shape):
    """The patient's name leaves technical text also where it is joined, cut to an initial, or bent."""
    known = KnownIdentity(names=frozenset({f"{family.capitalize()}^{given_name.capitalize()}"}))
    text = shape.format(
        n=family.capitalize(), m=given_name.capitalize(), m0=given_name[0], N=family.upper(), M=given_name.upper(),
        nl=family, ml=given_name,
    )  # fmt: skip
    kept = fold(Cleaner(known, keeps_unknown_words=False).clean(f"SOMATOM {text}", Manner.TECHNICAL).text)
    assert kept.startswith("somatom")
    assert len(family) < 5 or family not in kept


@LIMITED
@given(text=st.text(max_size=80))
def test_cleaning_is_settled_after_one_time(text):
    """What came out of the cleaner is not cut further when it comes again."""
    for manner in (Manner.NARRATIVE, Manner.TECHNICAL):
        once = STRANGER.clean(text, manner).text
        assert STRANGER.clean(once, manner).text == once
