"""Keep pydicom's own warnings and log lines away: they quote attribute values, and those may name a patient.

Importing this module is enough; every module here that parses foreign bytes imports it. The settings are global to the
process because Python's ``warnings.catch_warnings`` is not safe in threads, and files are read in many.
"""

from __future__ import annotations

import logging
import warnings

from pydicom import config


def silence_pydicom() -> None:
    """Make pydicom judge silently; `read_header` reports what does not convert, without the value."""
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(pydicom|radcommons)(\..*)?$")


silence_pydicom()
