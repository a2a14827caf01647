-- Empty everything that a world of a benchmark has been given; its keys stay.
TRUNCATE flight_events, weather_events, labels, predictions, spool_offsets, feature_ticks, feature_states
