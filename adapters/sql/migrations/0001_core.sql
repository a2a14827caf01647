-- Events, feature states, predictions, labels, monitoring, alerts, the deployments ledger, keys and the clock.
-- Runs on PostgreSQL 15 to 18. Append-only tables refuse UPDATE and DELETE by trigger.

CREATE TABLE clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    mode text NOT NULL CHECK (mode IN ('system', 'simulated')),
    simulated_now timestamptz,
    CHECK ((mode = 'simulated') = (simulated_now IS NOT NULL))
);
INSERT INTO clock (mode) VALUES ('system');

-- What the stack's clock says.
CREATE FUNCTION stack_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE mode WHEN 'system' THEN clock_timestamp() ELSE simulated_now END FROM clock
$$;

CREATE TABLE flight_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flight_id text NOT NULL CHECK (flight_id ~ '^[A-Z0-9]{2}[0-9]{1,4}-[A-Z]{3}-[0-9]{8}$'),
    kind text NOT NULL CHECK (kind IN ('scheduled', 'departed', 'arrived', 'cancelled', 'diverted')),
    event_time timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    carrier text CHECK (carrier ~ '^[A-Z0-9]{2}$'),
    flight_number integer,
    origin text CHECK (origin ~ '^[A-Z]{3}$'),
    dest text CHECK (dest ~ '^[A-Z]{3}$'),
    scheduled_departure timestamptz,
    scheduled_arrival timestamptz,
    delay_minutes integer,
    air_time_minutes integer,
    source text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (flight_id, kind),
    CHECK (kind <> 'scheduled' OR (carrier IS NOT NULL AND flight_number IS NOT NULL AND origin IS NOT NULL
        AND dest IS NOT NULL AND scheduled_departure IS NOT NULL AND scheduled_arrival IS NOT NULL)),
    CHECK (kind NOT IN ('departed', 'arrived') OR delay_minutes IS NOT NULL)
);
CREATE INDEX flight_events_by_known_at ON flight_events (known_at);
CREATE INDEX flight_events_by_scheduled_departure ON flight_events (scheduled_departure)
    WHERE kind = 'scheduled';

CREATE TABLE weather_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    airport text NOT NULL CHECK (airport ~ '^[A-Z]{3}$'),
    observed_at timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    temp_f double precision,
    dewpoint_f double precision,
    humidity_pct double precision,
    wind_dir_deg double precision,
    wind_speed_mph double precision,
    wind_gust_mph double precision,
    precip_in double precision,
    pressure_mb double precision,
    visibility_mi double precision,
    source text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (airport, observed_at)
);
CREATE INDEX weather_events_by_known_at ON weather_events (known_at);

-- A sealed tick's state is fixed: an event accepted afterwards becomes known after it.
CREATE TABLE feature_ticks (
    tick timestamptz PRIMARY KEY,
    sealed_at timestamptz NOT NULL DEFAULT now(),
    computed_at timestamptz
);

CREATE TABLE feature_states (
    tick timestamptz NOT NULL REFERENCES feature_ticks (tick) ON DELETE CASCADE,
    kind text NOT NULL,
    contract_hash text NOT NULL,
    entities text[] NOT NULL,
    columns text[] NOT NULL,
    state bytea NOT NULL, -- float64, little endian, row-major, entities x columns
    PRIMARY KEY (tick, kind)
);
-- Compressing floats costs more than it saves.
ALTER TABLE feature_states ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE predictions (
    prediction_id uuid NOT NULL,
    request_id text NOT NULL,
    flight_id text NOT NULL,
    carrier text NOT NULL,
    flight_number integer NOT NULL,
    origin text NOT NULL,
    dest text NOT NULL,
    scheduled_departure timestamptz NOT NULL,
    scheduled_arrival timestamptz NOT NULL,
    as_of timestamptz NOT NULL,
    lead_minutes integer NOT NULL,
    state_tick timestamptz NOT NULL,
    features double precision[] NOT NULL,
    contract_hash text NOT NULL,
    probability double precision NOT NULL,
    model_version integer NOT NULL,
    challenger_version integer,
    challenger_probability double precision,
    latency_us integer NOT NULL,
    served_at timestamptz NOT NULL,
    PRIMARY KEY (prediction_id, as_of)
) PARTITION BY RANGE (as_of);
CREATE INDEX predictions_by_as_of ON predictions (as_of);
CREATE INDEX predictions_by_flight ON predictions (flight_id);

-- Makes the month's partition where it is missing; safe when two callers race.
CREATE FUNCTION ensure_prediction_partition(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month_start timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    name text := 'predictions_' || to_char(month_start, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext('ensure_prediction_partition'));
        EXECUTE format(
            'CREATE TABLE IF NOT EXISTS %I PARTITION OF predictions FOR VALUES FROM (%L) TO (%L)',
            name, month_start AT TIME ZONE 'UTC', (month_start + interval '1 month') AT TIME ZONE 'UTC');
    END IF;
END $$;

-- How far each spool file is in `predictions`; moves in the same transaction as the rows.
CREATE TABLE spool_offsets (
    file text PRIMARY KEY,
    shipped_bytes bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE labels (
    label_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flight_id text NOT NULL,
    arr_delay_minutes integer NOT NULL,
    is_late boolean NOT NULL GENERATED ALWAYS AS (arr_delay_minutes >= 15) STORED,
    known_at timestamptz NOT NULL,
    corrects bigint UNIQUE REFERENCES labels (label_id), -- a label is corrected once; a correction again, once
    source text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX labels_first ON labels (flight_id) WHERE corrects IS NULL;
CREATE INDEX labels_by_flight ON labels (flight_id);
CREATE INDEX labels_by_known_at ON labels (known_at);
-- The newest word on each flight.
CREATE VIEW current_labels AS
    SELECT l.* FROM labels l
    WHERE NOT EXISTS (SELECT 1 FROM labels c WHERE c.corrects = l.label_id);

CREATE TABLE monitoring_runs (
    day date PRIMARY KEY,
    finished_at timestamptz NOT NULL,
    model_version integer,
    predictions integer NOT NULL,
    labelled integer NOT NULL,
    report_html text,
    report_json text,
    seconds double precision NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE monitoring_metrics (
    day date NOT NULL,
    model_version integer NOT NULL,
    name text NOT NULL,
    slice text NOT NULL DEFAULT 'all',
    value double precision,
    low double precision,
    high double precision,
    n integer,
    PRIMARY KEY (day, model_version, name, slice)
);

CREATE TABLE alerts (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    slice text NOT NULL DEFAULT 'all',
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    day date NOT NULL,
    opened_at timestamptz NOT NULL,
    message text NOT NULL,
    evidence jsonb NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at timestamptz,
    notified_at timestamptz
);
CREATE UNIQUE INDEX alerts_open ON alerts (rule, slice) WHERE resolved_at IS NULL;

-- Every decision of the retraining policy and of the gate, "no" included, with its evidence.
CREATE TABLE decisions (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('retrain', 'gate', 'shadow', 'guardrail')),
    day date NOT NULL,
    verdict boolean NOT NULL,
    reason text NOT NULL,
    evidence jsonb NOT NULL,
    decided_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

-- The ledger: which version serves since when, by whom, why. `planned` rows are finished or voided by reconciliation.
CREATE TABLE deployments (
    deployment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action text NOT NULL CHECK (action IN ('promote', 'rollback', 'outside')),
    from_version integer,
    to_version integer NOT NULL,
    who text NOT NULL,
    reason text NOT NULL,
    evidence jsonb NOT NULL DEFAULT '{}',
    contract_hash text,
    status text NOT NULL CHECK (status IN ('planned', 'done', 'void')),
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

CREATE TABLE api_keys (
    key_hash text PRIMARY KEY, -- sha-256 of a 256-bit random key, hex
    name text NOT NULL,
    scopes text[] NOT NULL CHECK (scopes <@ ARRAY['predict', 'ingest', 'admin']),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append only: % is refused', TG_TABLE_NAME, TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON flight_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON weather_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON labels
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON decisions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The ledger keeps every row; only a planned change may be finished or voided, and nothing else about it may change.
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = 'planned' AND NEW.status IN ('done', 'void')
        AND to_jsonb(NEW) - 'status' - 'finished_at' = to_jsonb(OLD) - 'status' - 'finished_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'deployments is a ledger: % is refused', TG_OP;
END $$;
CREATE TRIGGER ledger BEFORE UPDATE OR DELETE ON deployments
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE UNIQUE INDEX deployments_planned ON deployments ((true)) WHERE status = 'planned';
