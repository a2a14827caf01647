-- The month of predictions :partition is gone, and the ledger of deletions has a row of it; its number.
SELECT drop_prediction_partition(%(partition)s, %(who)s, %(reason)s)
