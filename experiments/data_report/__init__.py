"""The data measured, as a page with figures."""
