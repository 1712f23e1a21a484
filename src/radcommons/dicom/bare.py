"""Import pydicom without the decoders of pixels that it looks for: half of a start, and nothing where none decodes."""

from __future__ import annotations

import sys

# What pydicom tries to import for decoding, and for fetching test data.
_UNUSED = ("gdcm", "pylibjpeg", "PIL", "requests", "tqdm")


def import_without_codecs() -> None:
    """Import pydicom, in a process that will decode no pixels, as if no decoder were installed.

    Notes
    -----
    The libraries themselves can be imported afterwards. Without effect where pydicom is imported already.
    """
    if "pydicom" in sys.modules:
        return
    hidden = [name for name in _UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes an import fail at once
    try:
        import pydicom  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
