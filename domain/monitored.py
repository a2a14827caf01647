"""Names under which a monitoring run is stored: those who write it and those who read it mean the same."""

ALL = "all"
"""Slice of a measure of all rows of a day."""
VERSION_SLICE = "version="
"""Begins the slice of what a version would have lost on a day."""
RULES_UNABLE = "rules_unable"
"""Measure whose slices name the rules that could not evaluate a day, each with the rows it needs and those it had."""
RETRAIN, GATE, SHADOW, GUARDRAIL = DECISION_KINDS = ("retrain", "gate", "shadow", "guardrail")
"""Kinds of decisions: whether to retrain, to take a candidate, to promote a challenger, to roll a champion back."""
