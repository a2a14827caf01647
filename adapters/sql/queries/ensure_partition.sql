-- Predictions of the month of :moment have a partition afterwards.
SELECT ensure_prediction_partition(%(moment)s)
