-- Predictions number :first to :last of a benchmark, all of one local day: each flight is asked about twenty times, from
-- two hundred to fifteen minutes before it leaves.
INSERT INTO predictions (prediction_id, request_id, flight_id, carrier, flight_number, origin, dest, scheduled_departure,
    scheduled_arrival, as_of, lead_minutes, state_tick, features, contract_hash, probability, model_version, latency_us,
    served_at)
SELECT lpad(to_hex(g), 32, '0')::uuid, 'bench', f.carrier || f.number || '-' || f.origin || '-' || to_char(%(day)s::date, 'YYYYMMDD'),
    f.carrier, f.number, f.origin, 'ORD', f.departs, f.departs + interval '150 minutes', f.departs - f.ago, f.lead,
    date_bin('5 minutes', f.departs - f.ago, timestamptz '2013-01-01 00:00+00'), p.features, %(contract)s, p.probability, 1,
    (2000 * exp(random() * random() * 4))::integer, f.departs - f.ago
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS g
CROSS JOIN LATERAL (
    SELECT chr(65 + (g / 20 / 9999 / 26)::integer) || chr(65 + (g / 20 / 9999 %% 26)::integer) AS carrier,
        (g / 20 %% 9999 + 1)::integer AS number, (ARRAY['EWR', 'JFK', 'LGA'])[1 + g / 20 %% 3] AS origin,
        (%(day)s::date + interval '12 hours' + make_interval(mins => (g / 20 %% 900)::integer)) AT TIME ZONE 'UTC' AS departs,
        (15 + 10 * (g %% 20))::integer AS lead, make_interval(mins => (15 + 10 * (g %% 20))::integer) AS ago
) AS f
JOIN bench_pool p ON p.i = g / 20 %% %(pool)s
