-- A month of predictions that is this one or the one before, by the stack's clock or by the newest prediction, is not
-- dropped: a clock that is years ahead for a while would make every month an old one.
CREATE OR REPLACE FUNCTION drop_prediction_partition(partition text, who text, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    number bigint;
    newest timestamptz := least(stack_now(), (SELECT max(as_of) FROM predictions));
BEGIN
    IF partition >= 'predictions_' || to_char((newest AT TIME ZONE 'UTC') - interval '1 month', 'YYYY_MM')
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
