-- Rows and bytes, indexes and TOAST included, of flight events, labels, observations, predictions and states.
SELECT (SELECT count(*) FROM flight_events), pg_total_relation_size('flight_events'),
    (SELECT count(*) FROM labels), pg_total_relation_size('labels'),
    (SELECT count(*) FROM weather_events), pg_total_relation_size('weather_events'),
    (SELECT count(*) FROM predictions),
    (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'predictions'::regclass),
    (SELECT count(DISTINCT tick) FROM feature_states), pg_total_relation_size('feature_states')
