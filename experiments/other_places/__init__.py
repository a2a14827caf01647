"""The same code on another place and year: evaluated as New York is, written beside its reports or to docs."""
