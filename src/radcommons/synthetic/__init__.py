"""The product's own invented patients: thorax phantom, projected radiographs, headers."""
