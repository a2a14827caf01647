-- Day of the last retrain up to the day :until that came to its end: at the gate, or asked for by hand, which is
-- recorded after the fit. One that failed or was killed before is none: the next run decides again.
SELECT max(d.day) FROM decisions d
WHERE d.kind = 'retrain' AND d.verdict AND d.day <= %(until)s
    AND (d.evidence ? 'asked_by' OR EXISTS (SELECT 1 FROM decisions g WHERE g.kind = 'gate' AND g.day = d.day))
HAVING max(d.day) IS NOT NULL
