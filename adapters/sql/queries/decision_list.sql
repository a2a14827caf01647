-- Decisions of some days, in the order they were made.
SELECT kind, day, verdict, reason, evidence, decided_at, decision_id, decision_key
FROM decisions
WHERE day BETWEEN %(first)s AND %(last)s
ORDER BY decision_id
