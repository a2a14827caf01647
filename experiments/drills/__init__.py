"""Faults and bad candidates in a replay: whether they are detected, and when."""
