-- The newest decisions of some kinds, newest first, at most :limit.
SELECT kind, day, verdict, reason, evidence, decided_at, decision_id
FROM decisions
WHERE kind = ANY(%(kinds)s)
ORDER BY decision_id DESC LIMIT %(limit)s
