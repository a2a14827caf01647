-- Waits until every event and label that is being written is either there or not, and lets none begin until the end of
-- this transaction: numbers are given out before their rows are committed.
SELECT settle_events()
