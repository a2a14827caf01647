-- A stack of two years: 75 flights a day, four questions a flight in the last five months, a state a tick of three
-- days, a monitoring run a day. The moment is 2013-04-20 12:00 UTC.
SET LOCAL synchronous_commit = off;

CREATE TEMPORARY TABLE flown ON COMMIT DROP AS
SELECT 'UA' || n || '-EWR-' || to_char(d, 'YYYYMMDD') AS flight_id, n, d + n * interval '16 minutes' AS departure,
    (hashtext(n::text || d::text) & 63) - 12 AS delay, n % 40 = 0 AS cancelled
FROM generate_series(timestamp '2011-03-20', timestamp '2013-04-30', interval '1 day') AS d,
    generate_series(1, 75) AS n;

-- In the order in which they became known, as a feed sends them.
INSERT INTO flight_events (flight_id, kind, event_time, known_at, carrier, flight_number, origin, dest,
    scheduled_departure, scheduled_arrival, delay_minutes, air_time_minutes, source)
SELECT * FROM (
    SELECT flight_id, 'scheduled', departure, departure - interval '30 days' AS known, 'UA', n, 'EWR', 'IAH', departure,
        departure + interval '4 hours', NULL::integer, NULL::integer, 'test' FROM flown
    UNION ALL
    SELECT flight_id, 'departed', departure, departure + delay * interval '1 minute', NULL, NULL, NULL, NULL, NULL, NULL,
        delay, NULL, 'test' FROM flown WHERE NOT cancelled
    UNION ALL
    SELECT flight_id, 'arrived', departure, departure + (240 + delay) * interval '1 minute', NULL, NULL, NULL, NULL, NULL,
        NULL, delay, 200, 'test' FROM flown WHERE NOT cancelled
    UNION ALL
    SELECT flight_id, 'cancelled', departure, departure, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'test'
        FROM flown WHERE cancelled
) AS events
WHERE known <= '2013-04-20 12:00'
ORDER BY known;

INSERT INTO flight_events (flight_id, kind, event_time, known_at, tail, source)
SELECT flight_id, 'aircraft_assigned', departure, departure - interval '5 hours', 'N123', 'test'
FROM flown WHERE departure < '2013-04-20 12:00';
INSERT INTO flight_events (flight_id, kind, event_time, known_at, delay_minutes, air_time_minutes, source, revision)
SELECT flight_id, 'arrived', departure, departure + interval '9 hours', delay + 1, 200, 'test', 1
FROM flown WHERE n = 7 AND departure < '2013-04-20' AND NOT cancelled;

INSERT INTO weather_events (airport, observed_at, known_at, temp_f, source)
SELECT airport, h, h + interval '52 minutes', 50, 'test'
FROM generate_series(timestamp '2011-03-20', timestamp '2013-04-20 11:00', interval '1 hour') AS h,
    unnest(ARRAY['EWR', 'JFK']) AS airport
ORDER BY h;

INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source)
SELECT flight_id, delay_minutes, known_at, 'arrival' FROM flight_events WHERE kind = 'arrived' AND revision = 0
ORDER BY event_id;
INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source, corrects)
SELECT flight_id, arr_delay_minutes + 1, known_at + interval '5 hours', 'arrival', label_id
FROM labels WHERE flight_id LIKE 'UA7-%';

SELECT ensure_prediction_partition(m)
FROM generate_series(timestamp '2012-12-05', timestamp '2013-04-15', interval '1 month') AS m;
INSERT INTO predictions
SELECT gen_random_uuid(), 'request', flight_id, 'UA', n, 'EWR', 'IAH', departure, departure + interval '4 hours',
    departure - lead * interval '1 minute', lead, departure - (lead + 5) * interval '1 minute', array_fill(0.5::float8, ARRAY[40]),
    'contract', 0.2, 1 + n % 2, 2 - n % 2, 0.3, 300 + n, departure - lead * interval '1 minute'
FROM flown, unnest(ARRAY[60, 180, 720, 1430]) AS lead
WHERE departure > '2012-12-10' AND departure - lead * interval '1 minute' <= '2013-04-20 12:00'
ORDER BY departure - lead * interval '1 minute';

INSERT INTO feature_ticks (tick, sealed_at, computed_at)
SELECT t, t, t FROM generate_series(timestamp '2012-10-20', timestamp '2013-04-20 12:00', interval '5 minutes') AS t;
INSERT INTO feature_states (tick, kind, contract_hash, entities, columns, state)
SELECT t, 'kind' || k, 'contract', ARRAY['EWR', 'JFK'], ARRAY['one', 'two'], decode(repeat('00', 32), 'hex')
FROM generate_series(timestamp '2013-04-17 12:00', timestamp '2013-04-20 12:00', interval '5 minutes') AS t,
    generate_series(1, 12) AS k
ORDER BY t;

INSERT INTO service_counts (worker, batch, minute, day, kind, count)
SELECT 'worker-' || w, extract(epoch FROM m)::integer / 60, m, m::date AS day, kind, 20
FROM generate_series(timestamp '2013-03-20', timestamp '2013-04-20 12:00', interval '10 minutes') AS m,
    generate_series(1, 4) AS w, unnest(ARRAY['answered', 'predicted']) AS kind
ORDER BY m;

INSERT INTO monitoring_runs (day, finished_at, model_version, predictions, labelled, seconds)
SELECT d, d + interval '34 hours', 1, 600, 146, 20
FROM generate_series(timestamp '2011-03-20', timestamp '2013-04-18', interval '1 day') AS d;
INSERT INTO monitoring_metrics (day, model_version, name, slice, value, high, n)
SELECT d, 1, 'measure_' || m, slice, 0.5, 1, 100
FROM generate_series(timestamp '2011-03-20', timestamp '2013-04-18', interval '1 day') AS d, generate_series(1, 40) AS m,
    unnest(ARRAY['all', 'carrier=UA', 'origin=EWR']) AS slice;

INSERT INTO decisions (kind, day, verdict, reason, evidence, decided_at, decision_key)
SELECT kind, d, kind = 'retrain' AND extract(dow FROM d) = 1, 'a reason', jsonb_build_object('text', repeat('x', 500)), d,
    kind || d::date
FROM generate_series(timestamp '2011-03-20', timestamp '2013-04-18', interval '1 day') AS d,
    unnest(ARRAY['retrain', 'gate', 'shadow', 'guardrail']) AS kind
ORDER BY d;
INSERT INTO alerts (rule, severity, day, opened_at, message, evidence, resolved_at)
SELECT 'rule ' || n, 'warning', d, d, 'a message', '{}', CASE WHEN d < '2013-04-15' THEN d + interval '1 day' END
FROM generate_series(timestamp '2011-03-20', timestamp '2013-04-18', interval '1 day') AS d, generate_series(1, 3) AS n
WHERE d < '2013-04-15' OR d >= '2013-04-18'
ORDER BY d;
INSERT INTO alert_deliveries (alert_id, address, delivered)
SELECT alert_id, 'mail-' || a, true FROM alerts, generate_series(1, 3) AS a;
INSERT INTO spool_offsets (file, shipped_bytes) SELECT 'api-' || n, 1000 FROM generate_series(1, 12) AS n;
