-- A prediction is gone, and the ledger has a row of it, both or neither; no row where there is no such prediction.
WITH gone AS (
    DELETE FROM predictions WHERE prediction_id = %(prediction_id)s RETURNING prediction_id
)
INSERT INTO deletions (kind, who, reason, deleted)
SELECT 'erasure', %(who)s, %(reason)s, jsonb_build_object('prediction_id', prediction_id) FROM gone
RETURNING deletion_id
