-- Decisions are listed by day, newest first, a page at a time.
CREATE INDEX IF NOT EXISTS decisions_by_day ON decisions (day, decision_id);
