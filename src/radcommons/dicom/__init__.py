"""What the DICOM standard says, as functions over bytes, data sets and arrays."""
