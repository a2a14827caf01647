-- A decision is made once: a flow that is run again, or whose task is retried, finds its own row instead of adding one.
-- Rows of earlier code have no key.
ALTER TABLE decisions ADD COLUMN decision_key text;
CREATE UNIQUE INDEX decisions_key ON decisions (decision_key);
