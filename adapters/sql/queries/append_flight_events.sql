-- Stores the staged flight events of which there is none yet of their flight and kind and, for arrivals, the label with
-- them. One row per stored event.
-- Promises: an event becomes known after the newest sealed tick whose state could have used it (:reach is how far a state
-- looks back, from the event or from the end of the flight's date, whichever is later: states select flights by when they
-- are to leave); an arrival that contradicts the flight's label is left out; of equal keys in one batch the one known first
-- counts; rows are inserted in key order, so that racing batches do not deadlock.
-- The caller holds the lock of sealing.
WITH event AS (
    SELECT DISTINCT ON (rtrim(flight_id) COLLATE "C", rtrim(kind) COLLATE "C") rtrim(flight_id) AS flight_id, rtrim(kind) AS kind, event_time,
        CASE WHEN known_at = 'infinity' THEN stack_now() ELSE known_at END AS stated,
        greatest(CASE WHEN known_at = 'infinity' THEN stack_now() ELSE known_at END,
            (SELECT max(tick) FROM feature_ticks
                WHERE tick <= greatest(event_time, (to_date(right(rtrim(flight_id), 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC')
                    + %(reach)s) + interval '1 second') AS known_at,
        nullif(rtrim(carrier), '') AS carrier, nullif(flight_number, -2147483648) AS flight_number,
        nullif(rtrim(origin), '') AS origin, nullif(rtrim(dest), '') AS dest,
        nullif(scheduled_departure, 'infinity') AS scheduled_departure,
        nullif(scheduled_arrival, 'infinity') AS scheduled_arrival,
        nullif(delay_minutes, -2147483648) AS delay_minutes,
        nullif(air_time_minutes, -2147483648) AS air_time_minutes, nullif(rtrim(tail), '') AS tail,
        rtrim(source) AS source
    FROM staged_flight_events
    ORDER BY rtrim(flight_id) COLLATE "C", rtrim(kind) COLLATE "C", staged_flight_events.known_at, item
), stored AS (
    INSERT INTO flight_events (flight_id, kind, event_time, known_at, stated_at, carrier, flight_number, origin, dest,
        scheduled_departure, scheduled_arrival, delay_minutes, air_time_minutes, tail, source)
    SELECT flight_id, kind, event_time, known_at, nullif(stated, known_at), carrier, flight_number, origin, dest,
        scheduled_departure, scheduled_arrival, delay_minutes, air_time_minutes, tail, source
    FROM event
    WHERE kind <> 'arrived' OR delay_minutes = coalesce((
        -- A scalar subquery stays an index probe a row; NOT EXISTS became a join of everything with everything.
        SELECT l.arr_delay_minutes FROM current_labels l WHERE l.flight_id = event.flight_id), delay_minutes)
    -- Whatever the database's collation: labels are in this order.
    ORDER BY flight_id COLLATE "C", kind COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING flight_id, kind, known_at, delay_minutes
), labelled AS (
    INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source)
    SELECT flight_id, delay_minutes, known_at, 'arrival' FROM stored WHERE kind = 'arrived'
    ON CONFLICT DO NOTHING
)
SELECT flight_id, kind FROM stored
