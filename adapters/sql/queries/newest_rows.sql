-- The numbers of the newest flight event, weather event and label; 0 where there is none.
SELECT (SELECT coalesce(max(event_id), 0) FROM flight_events),
    (SELECT coalesce(max(event_id), 0) FROM weather_events),
    (SELECT coalesce(max(label_id), 0) FROM labels)
