-- Every prediction of the log: its identity, and the probability that was answered.
SELECT prediction_id::text, probability FROM predictions
