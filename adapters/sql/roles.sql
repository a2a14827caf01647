-- Who may do what, beside the owner who migrates: the one definition of it. Run after every migration, safe to repeat.
-- Roles belong to the server, what they are granted to this database. A password makes one able to log in.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['ontime_api', 'ontime_monitoring'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- made before, or by another database of this server
        END;
        EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I', current_database(), role);
    END LOOP;
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ontime_api, ontime_monitoring;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, ontime_api, ontime_monitoring;
GRANT USAGE ON SCHEMA public TO ontime_api, ontime_monitoring;
GRANT EXECUTE ON FUNCTION stack_now() TO ontime_api, ontime_monitoring;

-- Both read everything but keys, and append what was seen and what was decided; nothing of that is changed or deleted.
GRANT SELECT ON clock, flight_events, weather_events, labels, current_labels, predictions, feature_ticks,
    feature_states, spool_offsets, service_counts, monitoring_runs, monitoring_metrics, alerts, alert_deliveries,
    decisions, deployments, deletions, schema_migrations TO ontime_api, ontime_monitoring;
GRANT INSERT ON flight_events, weather_events, labels, deployments, alerts TO ontime_api, ontime_monitoring;
GRANT UPDATE (status, finished_at) ON deployments TO ontime_api, ontime_monitoring;

-- What serves: the API, the shipper and the feature refresher.
GRANT SELECT ON api_keys TO ontime_api;
GRANT UPDATE (last_used_at) ON api_keys TO ontime_api;
GRANT INSERT ON predictions, service_counts TO ontime_api;
GRANT INSERT, UPDATE (shipped_bytes, updated_at), DELETE ON spool_offsets TO ontime_api;
GRANT INSERT, UPDATE (computed_at) ON feature_ticks TO ontime_api;
GRANT INSERT, UPDATE, DELETE ON feature_states TO ontime_api;
GRANT UPDATE (acknowledged_at, acknowledged_by, resolved_at) ON alerts TO ontime_api;
GRANT EXECUTE ON FUNCTION ensure_prediction_partition(timestamptz) TO ontime_api;

-- What monitors: flows and the watchman; also what plays the dataset on a simulated clock.
GRANT INSERT, UPDATE, DELETE ON monitoring_runs, monitoring_metrics TO ontime_monitoring;
GRANT UPDATE (acknowledged_at, acknowledged_by, resolved_at, notified_at) ON alerts TO ontime_monitoring;
GRANT INSERT ON alert_deliveries, decisions TO ontime_monitoring;
GRANT DELETE ON service_counts TO ontime_monitoring;
GRANT UPDATE (mode, simulated_now) ON clock TO ontime_monitoring;
GRANT EXECUTE ON FUNCTION settle_events(), analyze_events() TO ontime_monitoring;
GRANT EXECUTE ON FUNCTION ensure_prediction_partition(timestamptz), drop_prediction_partition(text, text, text)
    TO ontime_monitoring;
