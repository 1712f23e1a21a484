"""PS3.18 as a protocol: multipart, DICOM JSON, negotiation and query parsing; knows no database."""
