-- Drops a month of predictions and records who did it and why, for a role that may do neither by itself. Refused while the
-- month is this one or the one before, by the stack's clock, whatever a policy says: runs look back four weeks.
CREATE FUNCTION drop_prediction_partition(partition text, who text, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    number bigint;
BEGIN
    IF partition >= 'predictions_' || to_char((stack_now() AT TIME ZONE 'UTC') - interval '1 month', 'YYYY_MM')
        OR NOT EXISTS (
            SELECT 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'predictions'::regclass AND c.relname = partition) THEN
        RAISE EXCEPTION '% is no month of predictions that has been over for a month', partition;
    END IF;
    EXECUTE format('DROP TABLE %I', partition);
    INSERT INTO deletions (kind, who, reason, deleted)
        VALUES ('retention', who, reason, jsonb_build_object('predictions', jsonb_build_array(partition)))
        RETURNING deletion_id INTO number;
    RETURN number;
END $$;
