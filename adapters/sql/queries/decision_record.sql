-- A decision is on record, with its evidence.
INSERT INTO decisions (kind, day, verdict, reason, evidence, decided_at)
VALUES (%(kind)s, %(day)s, %(verdict)s, %(reason)s, %(evidence)s, %(at)s)
