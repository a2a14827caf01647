-- What the roles of `adapters/sql/roles.sql` do with the owner's rights, and nothing beside it.
ALTER FUNCTION ensure_prediction_partition(timestamptz) SECURITY DEFINER SET search_path = public, pg_temp;

-- Waits until every event and label that is being written is either there or not, and lets none begin until the end of
-- the transaction. Flight events first, as their writers take the other tables after it.
CREATE FUNCTION settle_events() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    LOCK TABLE flight_events, weather_events, labels IN SHARE MODE;
END $$;
