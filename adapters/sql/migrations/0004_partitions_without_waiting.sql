-- A new month's partition is made apart and attached. CREATE TABLE ... PARTITION OF locks the whole table against
-- everybody: behind one long read, all predictions would wait. ATTACH waits only for other changes of the schema.
CREATE OR REPLACE FUNCTION ensure_prediction_partition(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month_start timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    name text := 'predictions_' || to_char(month_start, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_prediction_partition'));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN; -- another caller was faster
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE predictions INCLUDING ALL)', name);
    EXECUTE format(
        'ALTER TABLE predictions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, month_start AT TIME ZONE 'UTC', (month_start + interval '1 month') AT TIME ZONE 'UTC');
END $$;
