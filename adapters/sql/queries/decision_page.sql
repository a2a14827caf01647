-- Decisions of some days, of one kind where :kind is given; newest day first, within a day the last one first, at most
-- :limit, only those after the row (:day, :decision_id) in that order.
SELECT kind, day, verdict, reason, evidence, decided_at, decision_id
FROM decisions
WHERE day BETWEEN %(first)s AND %(last)s
    AND (day, decision_id) < (%(day)s::date, %(decision_id)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
ORDER BY day DESC, decision_id DESC LIMIT %(limit)s
