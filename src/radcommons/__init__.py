"""The imaging commons that a coalition of radiology societies and hospitals runs in an epidemic."""
