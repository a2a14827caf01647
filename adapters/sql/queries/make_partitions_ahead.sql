-- Predictions of this month and the next, by the stack's clock, have partitions afterwards.
SELECT ensure_prediction_partition(stack_now() + months * interval '1 month') FROM generate_series(0, 1) AS months
