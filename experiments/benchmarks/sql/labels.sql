-- A label for each flight of a benchmark that has none: late as often as was predicted.
INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source)
SELECT flight_id, CASE WHEN random() < min(probability) THEN 30 ELSE 0 END, min(scheduled_arrival), 'bench'
FROM predictions p
WHERE prediction_id BETWEEN lpad(to_hex(%(first)s::bigint), 32, '0')::uuid AND lpad(to_hex(%(last)s::bigint), 32, '0')::uuid
GROUP BY flight_id
ON CONFLICT DO NOTHING
