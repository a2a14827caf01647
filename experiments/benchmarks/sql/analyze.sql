-- The planner knows of a log that was filled at once, as it would by autovacuum.
ANALYZE predictions, labels
