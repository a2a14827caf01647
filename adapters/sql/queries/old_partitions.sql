-- Partitions of predictions whose month is over before that of :before, oldest first, with their bytes.
SELECT c.relname, pg_total_relation_size(c.oid)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'predictions'::regclass
    AND c.relname < 'predictions_' || to_char(%(before)s::timestamptz AT TIME ZONE 'UTC', 'YYYY_MM')
ORDER BY c.relname
