-- Empty the benchmark's own log before a run.
TRUNCATE predictions, spool_offsets
