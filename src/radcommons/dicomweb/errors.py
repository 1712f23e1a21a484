"""What a DICOMweb exchange can do wrong: subclasses of the one tree, each with the HTTP status that PS3.18 gives it.

UsageError
+-- MultipartError      the body is no multipart message that can be read (400)
+-- QueryError          a QIDO-RS parameter has no meaning (400)
+-- NotAcceptable       nothing that the caller accepts can be made (406)
+-- UnsupportedMedia    the body's media type is not taken here (415)
"""

from __future__ import annotations

from typing import ClassVar

from radcommons.records.errors import UsageError


class MultipartError(UsageError):
    """The body is no multipart message that can be read."""

    code = "multipart"
    status: ClassVar[int] = 400


class QueryError(UsageError):
    """A QIDO-RS parameter has no meaning."""

    code = "query"
    status: ClassVar[int] = 400


class NotAcceptable(UsageError):
    """Nothing that the caller accepts can be made of this resource."""

    code = "not-acceptable"
    status: ClassVar[int] = 406


class UnsupportedMedia(UsageError):
    """The body's media type is not taken here."""

    code = "unsupported-media"
    status: ClassVar[int] = 415
