-- Stores the staged flight events of :items as revisions of the newest event of their flight and kind, which has the number
-- in the same place of :revised; a corrected arrival corrects the flight's label. One row per stored event.
-- Promises about time and order as in append_flight_events; a revision becomes known after every sealed tick that could
-- have used either event, and not before the event that it revises. An arrival is left out that contradicts a label known
-- later than it, and whatever somebody else revised since: its newest event has another number. Of one flight and kind :items has one event.
-- The caller holds the locks of sealing and of the labels.
WITH event AS (
    SELECT s.item, e.flight_id, e.kind, s.event_time, s.stated,
        greatest(s.stated, e.known_at, (SELECT max(tick) FROM feature_ticks
            WHERE tick <= greatest(s.event_time, e.event_time, (to_date(right(e.flight_id, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC')
                + %(reach)s) + interval '1 second') AS known_at,
        nullif(rtrim(s.carrier), '') AS carrier, nullif(s.flight_number, -2147483648) AS flight_number,
        nullif(rtrim(s.origin), '') AS origin, nullif(rtrim(s.dest), '') AS dest,
        nullif(s.scheduled_departure, 'infinity') AS scheduled_departure,
        nullif(s.scheduled_arrival, 'infinity') AS scheduled_arrival,
        nullif(s.delay_minutes, -2147483648) AS delay_minutes,
        nullif(s.air_time_minutes, -2147483648) AS air_time_minutes, nullif(rtrim(s.tail), '') AS tail,
        rtrim(s.source) AS source,
        e.revision + 1 AS revision
    FROM (
        SELECT *, CASE WHEN known_at = 'infinity' THEN stack_now() ELSE known_at END AS stated
        FROM staged_flight_events JOIN unnest(%(items)s, %(revised)s) AS given (item, revised) USING (item)
    ) AS s
    JOIN flight_events e ON e.flight_id = rtrim(s.flight_id) AND e.kind = rtrim(s.kind) AND e.revision = s.revised
), stored AS (
    INSERT INTO flight_events (flight_id, kind, event_time, known_at, stated_at, carrier, flight_number, origin, dest,
        scheduled_departure, scheduled_arrival, delay_minutes, air_time_minutes, tail, source, revision)
    SELECT flight_id, kind, event_time, known_at, nullif(stated, known_at), carrier, flight_number, origin, dest,
        scheduled_departure, scheduled_arrival, delay_minutes, air_time_minutes, tail, source, revision
    FROM event
    WHERE kind <> 'arrived' OR coalesce((
        SELECT l.known_at <= event.known_at OR l.arr_delay_minutes = event.delay_minutes
        FROM current_labels l WHERE l.flight_id = event.flight_id), true)
    ORDER BY flight_id COLLATE "C", kind COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING flight_id, kind, known_at, delay_minutes
), labelled AS (
    INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source, corrects)
    SELECT flight_id, delay_minutes, known_at, 'arrival',
        (SELECT l.label_id FROM current_labels l WHERE l.flight_id = stored.flight_id)
    FROM stored
    WHERE kind = 'arrived' AND delay_minutes IS DISTINCT FROM (
        SELECT l.arr_delay_minutes FROM current_labels l WHERE l.flight_id = stored.flight_id)
)
SELECT flight_id, kind FROM stored
