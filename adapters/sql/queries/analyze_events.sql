-- The planner knows the tables as they are now.
ANALYZE flight_events, weather_events, labels
