"""What a researcher reaches: discover, download, DICOMweb retrieval, and the client that fetches and verifies."""
