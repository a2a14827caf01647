-- What came of lists of the :size riskiest flights of every :seconds seconds of departures from :from until :until: how
-- many flights were listed, how many of those have a label and were late, and the same of all flights. A flight counts
-- with its last prediction of at least :lead minutes before departure. Labels are those known since :from, by index:
-- no flight that leaves later has an older one.
WITH last AS (
    SELECT DISTINCT ON (flight_id COLLATE "C") flight_id, scheduled_departure, probability
    FROM predictions
    WHERE as_of >= %(from)s::timestamptz - interval '1 day' AND as_of < %(until)s
        AND scheduled_departure >= %(from)s AND scheduled_departure < %(until)s AND lead_minutes >= %(lead)s
    ORDER BY flight_id COLLATE "C", as_of DESC
), ranked AS (
    SELECT flight_id, row_number() OVER (
        PARTITION BY floor(extract(epoch FROM scheduled_departure) / %(seconds)s)
        ORDER BY probability DESC, flight_id COLLATE "C") AS place
    FROM last
), recent AS MATERIALIZED (
    SELECT label_id, flight_id, is_late, corrects FROM labels WHERE known_at >= %(from)s
), newest AS (
    SELECT flight_id, is_late FROM recent
    WHERE label_id NOT IN (SELECT corrects FROM recent WHERE corrects IS NOT NULL)
)
SELECT count(*) FILTER (WHERE place <= %(size)s),
    count(n.is_late) FILTER (WHERE place <= %(size)s),
    count(*) FILTER (WHERE place <= %(size)s AND n.is_late),
    count(n.is_late),
    count(*) FILTER (WHERE n.is_late)
FROM ranked LEFT JOIN newest n USING (flight_id)
