"""What holds of de-identification whatever the patient is called and whatever stands in the text."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from radcommons.dicom.dates import parse_date, shift_date
from radcommons.dicom.lexicon import is_clinical
from radcommons.dicom.uids import is_well_known, uid_problem
from unit.dicom.deid_objects import clean, ct, deid, mapper, written

LIMITED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöüéñçøł", min_size=5, max_size=14).filter(
    lambda n: not is_clinical(n)
)
# Long and varied, because mapped UIDs and codes hold short runs of any digits by chance.
IDS = st.text(alphabet="0123456789", min_size=10, max_size=14).filter(lambda number: len(set(number)) > 4)
GLUE = st.sampled_from([" ", "_", "^", ", ", "-", "/", ";", "("])
# The backslash parts values in all but long texts.
ANYTHING = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\"), max_size=60)


@LIMITED
@given(name=NAMES, number=IDS, glue=GLUE, upper=st.booleans())
def test_name_and_number_never_survive(name, number, glue, upper):
    """Whatever the name, in whatever case, and however it is glued to the description, the bytes do not hold it."""
    dataset = ct(f"{name}^Q", number)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    shown = name.upper() if upper else name
    dataset.SeriesDescription = f"Lung{glue}{shown}{glue}{number}"
    dataset.ConvolutionKernel = f"B60f{glue}{shown}"
    dataset.ImageComments = f"Effusion of {shown} left. {number}"
    encoded = written(clean(dataset, patient_id=number)).decode("utf-8", "replace").casefold()
    assert name.casefold() not in encoded
    assert number not in encoded


@LIMITED
@given(
    text=ANYTHING, vr_keyword=st.sampled_from(["SeriesDescription", "ImageComments", "ConvolutionKernel", "StudyID"])
)
def test_any_text_comes_out_shorter_and_stable(text, vr_keyword):
    """Cleaning never adds a letter, never crashes, and finds nothing the second time."""
    dataset = ct()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    setattr(dataset, vr_keyword, text)
    once = clean(dataset)
    again = Dataset(dict(dataset.items()))
    again.file_meta = dataset.file_meta
    first = str(once.get(vr_keyword) or "")
    if first and first != "REMOVED":
        setattr(again, vr_keyword, first)
        assert str(clean(again).get(vr_keyword) or "") == first
    assert sum(map(str.isalnum, first)) <= max(sum(map(str.isalnum, text)), len("REMOVED"))


@LIMITED
@given(uid=st.text(alphabet="0123456789.", min_size=1, max_size=70))
def test_any_text_for_a_uid_becomes_a_valid_one(uid):
    """Valid or not, a UID of an object becomes a valid one, the same every time; one of the standard's own stays."""
    dataset = ct()
    dataset["SeriesInstanceUID"]._value = uid
    fresh = clean(dataset).SeriesInstanceUID
    assert uid_problem(fresh) is None
    expected = uid if is_well_known(uid) else mapper().uid(uid)
    assert fresh == clean(dataset).SeriesInstanceUID == expected


@LIMITED
@given(first=st.dates(), second=st.dates())
def test_intervals_are_exact(first, second):
    """Two dates of a patient keep their distance and their order."""
    days = mapper().shift_days
    moved = [shift_date(f"{day:%Y%m%d}".zfill(8), days) for day in (first, second)]
    if None not in moved:
        a, b = (parse_date(text) for text in moved)
        assert b - a == second - first


@LIMITED
@given(values=st.lists(st.tuples(st.integers(0x00080000, 0x0040FFFF), ANYTHING), max_size=12))
def test_junk_never_stops_the_work(values):
    """Any text under any tag comes out as an object or as a refusal, and never as an exception."""
    dataset = ct()
    for tag, text in values:
        if tag & 0xFFFF and tag not in dataset:
            dataset.add_new(tag, "LO", text)
    result = deid(dataset)
    assert result.dataset is not None
    written(result.dataset)
