"""Worklist, reading, adjudication, agreement statistics, export."""
