-- A decision is on record, with its evidence, once for its key.
INSERT INTO decisions (decision_key, kind, day, verdict, reason, evidence, decided_at)
VALUES (%(key)s, %(kind)s, %(day)s, %(verdict)s, %(reason)s, %(evidence)s, %(at)s)
ON CONFLICT (decision_key) DO NOTHING
