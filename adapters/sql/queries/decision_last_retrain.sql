-- Day of the last decision to retrain.
SELECT max(day) FROM decisions WHERE kind = 'retrain' AND verdict HAVING max(day) IS NOT NULL
