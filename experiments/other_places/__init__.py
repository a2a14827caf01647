"""The same code on another place and year: evaluated as New York is, written to docs/reports/other-places.md."""
