-- Statistics of the tables that a load fills: PostgreSQL passes over a table that somebody else owns, with a warning.
CREATE FUNCTION analyze_events() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    ANALYZE flight_events, weather_events, labels;
END $$;
