"""How the hospital names a patient: the key of everything that stands for them."""

from __future__ import annotations

from dataclasses import dataclass

# The issuer of patients who have no identifier: their study stands for them.
STUDY_STANDS = "radcommons:study"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientKey:
    """How the hospital names a patient; one number of two issuers is two people."""

    site: str
    issuer: str
    patient_id: str
