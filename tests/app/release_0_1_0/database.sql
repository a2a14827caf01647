--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: ensure_prediction_partition(timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.ensure_prediction_partition(moment timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: refuse_change(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append only: % is refused', TG_TABLE_NAME, TG_OP;
END $$;

--
-- Name: refuse_rewriting(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_rewriting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = 'planned' AND NEW.status IN ('done', 'void')
        AND to_jsonb(NEW) - 'status' - 'finished_at' = to_jsonb(OLD) - 'status' - 'finished_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'deployments is a ledger: % is refused', TG_OP;
END $$;

--
-- Name: stack_now(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.stack_now() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE mode WHEN 'system' THEN clock_timestamp() ELSE simulated_now END FROM clock
$$;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alert_deliveries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alert_deliveries (
    delivery_id bigint NOT NULL,
    alert_id bigint NOT NULL,
    address text NOT NULL,
    delivered boolean NOT NULL,
    detail text,
    attempted_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: alert_deliveries_delivery_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.alert_deliveries ALTER COLUMN delivery_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.alert_deliveries_delivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: alerts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alerts (
    alert_id bigint NOT NULL,
    rule text NOT NULL,
    slice text DEFAULT 'all'::text NOT NULL,
    severity text NOT NULL,
    day date NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    message text NOT NULL,
    evidence jsonb NOT NULL,
    acknowledged_at timestamp with time zone,
    acknowledged_by text,
    resolved_at timestamp with time zone,
    notified_at timestamp with time zone,
    CONSTRAINT alerts_severity_check CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text])))
);

--
-- Name: alerts_alert_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.alerts ALTER COLUMN alert_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.alerts_alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: api_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_keys (
    key_hash text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_scopes_check CHECK ((scopes <@ ARRAY['predict'::text, 'ingest'::text, 'admin'::text]))
);

--
-- Name: clock; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clock (
    singleton boolean DEFAULT true NOT NULL,
    mode text NOT NULL,
    simulated_now timestamp with time zone,
    CONSTRAINT clock_check CHECK (((mode = 'simulated'::text) = (simulated_now IS NOT NULL))),
    CONSTRAINT clock_mode_check CHECK ((mode = ANY (ARRAY['system'::text, 'simulated'::text]))),
    CONSTRAINT clock_singleton_check CHECK (singleton)
);

--
-- Name: labels; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.labels (
    label_id bigint NOT NULL,
    flight_id text NOT NULL,
    arr_delay_minutes integer NOT NULL,
    is_late boolean GENERATED ALWAYS AS ((arr_delay_minutes >= 15)) STORED NOT NULL,
    known_at timestamp with time zone NOT NULL,
    corrects bigint,
    source text NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: current_labels; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.current_labels AS
 SELECT label_id,
    flight_id,
    arr_delay_minutes,
    is_late,
    known_at,
    corrects,
    source,
    received_at
   FROM public.labels l
  WHERE (NOT (EXISTS ( SELECT 1
           FROM public.labels c
          WHERE (c.corrects = l.label_id))));

--
-- Name: decisions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.decisions (
    decision_id bigint NOT NULL,
    kind text NOT NULL,
    day date NOT NULL,
    verdict boolean NOT NULL,
    reason text NOT NULL,
    evidence jsonb NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT decisions_kind_check CHECK ((kind = ANY (ARRAY['retrain'::text, 'gate'::text, 'shadow'::text, 'guardrail'::text])))
);

--
-- Name: decisions_decision_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.decisions ALTER COLUMN decision_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.decisions_decision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: deployments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.deployments (
    deployment_id bigint NOT NULL,
    action text NOT NULL,
    from_version integer,
    to_version integer NOT NULL,
    who text NOT NULL,
    reason text NOT NULL,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    contract_hash text,
    status text NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT deployments_action_check CHECK ((action = ANY (ARRAY['promote'::text, 'rollback'::text, 'outside'::text]))),
    CONSTRAINT deployments_status_check CHECK ((status = ANY (ARRAY['planned'::text, 'done'::text, 'void'::text])))
);

--
-- Name: deployments_deployment_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.deployments ALTER COLUMN deployment_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.deployments_deployment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: feature_states; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.feature_states (
    tick timestamp with time zone NOT NULL,
    kind text NOT NULL,
    contract_hash text NOT NULL,
    entities text[] NOT NULL,
    columns text[] NOT NULL,
    state bytea NOT NULL
);
ALTER TABLE ONLY public.feature_states ALTER COLUMN state SET STORAGE EXTERNAL;

--
-- Name: feature_ticks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.feature_ticks (
    tick timestamp with time zone NOT NULL,
    sealed_at timestamp with time zone DEFAULT now() NOT NULL,
    computed_at timestamp with time zone
);

--
-- Name: flight_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flight_events (
    event_id bigint NOT NULL,
    flight_id text NOT NULL,
    kind text NOT NULL,
    event_time timestamp with time zone NOT NULL,
    known_at timestamp with time zone NOT NULL,
    carrier text,
    flight_number integer,
    origin text,
    dest text,
    scheduled_departure timestamp with time zone,
    scheduled_arrival timestamp with time zone,
    delay_minutes integer,
    air_time_minutes integer,
    source text NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT flight_events_carrier_check CHECK ((carrier ~ '^[A-Z0-9]{2}$'::text)),
    CONSTRAINT flight_events_check CHECK (((kind <> 'scheduled'::text) OR ((carrier IS NOT NULL) AND (flight_number IS NOT NULL) AND (origin IS NOT NULL) AND (dest IS NOT NULL) AND (scheduled_departure IS NOT NULL) AND (scheduled_arrival IS NOT NULL)))),
    CONSTRAINT flight_events_check1 CHECK (((kind <> ALL (ARRAY['departed'::text, 'arrived'::text])) OR (delay_minutes IS NOT NULL))),
    CONSTRAINT flight_events_dest_check CHECK ((dest ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT flight_events_flight_id_check CHECK ((flight_id ~ '^[A-Z0-9]{2}[0-9]{1,4}-[A-Z]{3}-[0-9]{8}$'::text)),
    CONSTRAINT flight_events_kind_check CHECK ((kind = ANY (ARRAY['scheduled'::text, 'departed'::text, 'arrived'::text, 'cancelled'::text, 'diverted'::text]))),
    CONSTRAINT flight_events_origin_check CHECK ((origin ~ '^[A-Z]{3}$'::text))
);

--
-- Name: flight_events_event_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.flight_events ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.flight_events_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: labels_label_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.labels ALTER COLUMN label_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.labels_label_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: monitoring_metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.monitoring_metrics (
    day date NOT NULL,
    model_version integer NOT NULL,
    name text NOT NULL,
    slice text DEFAULT 'all'::text NOT NULL,
    value double precision,
    low double precision,
    high double precision,
    n integer
);

--
-- Name: monitoring_runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.monitoring_runs (
    day date NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    model_version integer,
    predictions integer NOT NULL,
    labelled integer NOT NULL,
    report_html text,
    report_json text,
    seconds double precision NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: predictions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.predictions (
    prediction_id uuid NOT NULL,
    request_id text NOT NULL,
    flight_id text NOT NULL,
    carrier text NOT NULL,
    flight_number integer NOT NULL,
    origin text NOT NULL,
    dest text NOT NULL,
    scheduled_departure timestamp with time zone NOT NULL,
    scheduled_arrival timestamp with time zone NOT NULL,
    as_of timestamp with time zone NOT NULL,
    lead_minutes integer NOT NULL,
    state_tick timestamp with time zone NOT NULL,
    features double precision[] NOT NULL,
    contract_hash text NOT NULL,
    probability double precision NOT NULL,
    model_version integer NOT NULL,
    challenger_version integer,
    challenger_probability double precision,
    latency_us integer NOT NULL,
    served_at timestamp with time zone NOT NULL
)
PARTITION BY RANGE (as_of);

--
-- Name: predictions_2013_04; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.predictions_2013_04 (
    prediction_id uuid CONSTRAINT predictions_prediction_id_not_null NOT NULL,
    request_id text CONSTRAINT predictions_request_id_not_null NOT NULL,
    flight_id text CONSTRAINT predictions_flight_id_not_null NOT NULL,
    carrier text CONSTRAINT predictions_carrier_not_null NOT NULL,
    flight_number integer CONSTRAINT predictions_flight_number_not_null NOT NULL,
    origin text CONSTRAINT predictions_origin_not_null NOT NULL,
    dest text CONSTRAINT predictions_dest_not_null NOT NULL,
    scheduled_departure timestamp with time zone CONSTRAINT predictions_scheduled_departure_not_null NOT NULL,
    scheduled_arrival timestamp with time zone CONSTRAINT predictions_scheduled_arrival_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT predictions_as_of_not_null NOT NULL,
    lead_minutes integer CONSTRAINT predictions_lead_minutes_not_null NOT NULL,
    state_tick timestamp with time zone CONSTRAINT predictions_state_tick_not_null NOT NULL,
    features double precision[] CONSTRAINT predictions_features_not_null NOT NULL,
    contract_hash text CONSTRAINT predictions_contract_hash_not_null NOT NULL,
    probability double precision CONSTRAINT predictions_probability_not_null NOT NULL,
    model_version integer CONSTRAINT predictions_model_version_not_null NOT NULL,
    challenger_version integer,
    challenger_probability double precision,
    latency_us integer CONSTRAINT predictions_latency_us_not_null NOT NULL,
    served_at timestamp with time zone CONSTRAINT predictions_served_at_not_null NOT NULL
);

--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: service_counts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.service_counts (
    worker text NOT NULL,
    batch integer NOT NULL,
    minute timestamp with time zone NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    count integer NOT NULL,
    CONSTRAINT service_counts_count_check CHECK ((count > 0)),
    CONSTRAINT service_counts_kind_check CHECK ((kind = ANY (ARRAY['answered'::text, 'refused'::text, 'shed'::text, 'failed'::text, 'predicted'::text])))
);

--
-- Name: spool_offsets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.spool_offsets (
    file text NOT NULL,
    shipped_bytes bigint NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: weather_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.weather_events (
    event_id bigint NOT NULL,
    airport text NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    known_at timestamp with time zone NOT NULL,
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
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT weather_events_airport_check CHECK ((airport ~ '^[A-Z]{3}$'::text))
);

--
-- Name: weather_events_event_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.weather_events ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.weather_events_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: predictions_2013_04; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.predictions ATTACH PARTITION public.predictions_2013_04 FOR VALUES FROM ('2013-04-01 00:00:00+00') TO ('2013-05-01 00:00:00+00');

--
-- Data for Name: alert_deliveries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alert_deliveries OVERRIDING SYSTEM VALUE VALUES (1, 1, 'mailto-1234', true, NULL, '2026-11-29 08:27:01.734911+00');

--
-- Data for Name: alerts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alerts OVERRIDING SYSTEM VALUE VALUES (2, 'too many late', 'all', 'warning', '2013-04-09', '2013-04-11 12:00:00+00', 'too many late.', '{"late": 0.4}', '2013-04-11 12:00:00+00', 'erika', '2013-04-11 12:00:00+00', NULL);
INSERT INTO public.alerts OVERRIDING SYSTEM VALUE VALUES (1, 'a night was not judged', 'all', 'critical', '2013-04-10', '2013-04-11 12:00:00+00', 'a night was not judged: 2013-04-08.', '{"nights": ["2013-04-08"]}', NULL, NULL, NULL, '2026-11-29 08:27:01.737659+00');

--
-- Data for Name: api_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.api_keys VALUES ('9089f984392e80cef6dc7ecfdecf2fa29a3f3f8a6cb1dd4f244853616a8c1909', 'predict', '{predict}', '2026-11-29 08:27:01.653859+00', NULL);
INSERT INTO public.api_keys VALUES ('52de21f3052d53b5d85312bf5d2999325637c879e3eca4d244129d220f7c0a66', 'ingest', '{ingest}', '2026-11-29 08:27:01.655209+00', NULL);
INSERT INTO public.api_keys VALUES ('b6503c6ba8cfa6ad662c34cef2dfb003d76156b0678c26279b6b6bf843f69c16', 'admin', '{admin}', '2026-11-29 08:27:01.656023+00', NULL);

--
-- Data for Name: clock; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clock VALUES (true, 'simulated', '2013-04-11 12:00:00+00');

--
-- Data for Name: decisions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.decisions OVERRIDING SYSTEM VALUE VALUES (1, 'retrain', '2013-04-10', false, 'no reason to', '{"drifted": 1}', '2013-04-11 12:00:00+00', '2026-11-29 08:27:01.73954+00');
INSERT INTO public.decisions OVERRIDING SYSTEM VALUE VALUES (2, 'gate', '2013-04-09', true, 'every check passed', '{"auc": 0.77}', '2013-04-11 12:00:00+00', '2026-11-29 08:27:01.740362+00');

--
-- Data for Name: deployments; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.deployments OVERRIDING SYSTEM VALUE VALUES (1, 'promote', NULL, 1, 'erika', 'passed the gate', '{"auc": 0.77}', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', 'done', '2013-04-11 12:00:00+00', '2026-11-29 08:27:01.246529+00', '2026-11-29 08:27:01.256036+00');
INSERT INTO public.deployments OVERRIDING SYSTEM VALUE VALUES (2, 'promote', 1, 2, 'erika', 'passed the gate', '{"auc": 0.77}', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', 'done', '2013-04-11 12:00:00+00', '2026-11-29 08:27:01.261973+00', '2026-11-29 08:27:01.271819+00');
INSERT INTO public.deployments OVERRIDING SYSTEM VALUE VALUES (3, 'rollback', 2, 1, 'erika', 'calibration', '{}', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', 'done', '2013-04-11 12:00:00+00', '2026-11-29 08:27:01.27997+00', '2026-11-29 08:27:01.280521+00');

--
-- Data for Name: feature_states; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.feature_states VALUES ('2013-04-11 12:00:00+00', 'network', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', '{all}', '{cohort_lateness_1h,cohort_waiting_1h,cohort_late_share_3h,cohort_lateness_3h,cohort_waiting_3h,cohort_3h,cohort_lateness_max_3h,cohort_excess_3h,cohort_late_share_12h,cohort_lateness_12h,cancelled_6h}', '\xabaaaaaaaaaa3a400000000000001840277662277662e73f8a9dd8899dd84a400000000000002c400000000000003a4000000000006065408a9dd8899dd84a40b6d65a6badb5e63fe79c73ce392750400000000000000000');
INSERT INTO public.feature_states VALUES ('2013-04-11 12:00:00+00', 'origin', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', '{EWR}', '{departures_1h,departure_delay_1h,departure_late_share_1h,departures_3h,departure_delay_3h,departure_late_share_3h,cohort_lateness_1h,cohort_waiting_1h,cohort_late_share_3h,cohort_lateness_3h,cohort_waiting_3h,cohort_3h,cohort_lateness_max_3h,cohort_excess_3h,cohort_late_share_12h,cohort_lateness_12h,queue,queue_wait,coming_1h,cancelled_6h,en_route_loss_3h,elapsed_excess_3h,air_time_excess_3h,en_route_loss_12h,elapsed_excess_12h,air_time_excess_12h}', '\x00000000000008400000000000003940000000000000f03f00000000000028400000000000403540000000000000e83fabaaaaaaaaaa3a400000000000001840277662277662e73f8a9dd8899dd84a400000000000002c400000000000003a4000000000006065408a9dd8899dd84a40b6d65a6badb5e63fe79c73ce3927504000000000000031400f0f0f0f0f8f594000000000000020400000000000000000000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f');
INSERT INTO public.feature_states VALUES ('2013-04-11 12:00:00+00', 'origin_carrier', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', '{EWR-UA}', '{departures_1h,departure_delay_1h,departure_late_share_1h,departures_3h,departure_delay_3h,departure_late_share_3h,cohort_lateness_1h,cohort_waiting_1h,cohort_late_share_3h,cohort_lateness_3h,cohort_waiting_3h,cohort_3h,cohort_lateness_max_3h,queue,queue_wait,coming_1h,late_share_30d,arrival_delay_30d,elapsed_excess_30d}', '\x00000000000008400000000000003940000000000000f03f00000000000028400000000000403540000000000000e83fabaaaaaaaaaa3a400000000000001840277662277662e73f8a9dd8899dd84a400000000000002c400000000000003a40000000000060654000000000000031400f0f0f0f0f8f59400000000000002040000000000000f87f000000000000f87f000000000000f87f');
INSERT INTO public.feature_states VALUES ('2013-04-11 12:00:00+00', 'carrier', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', '{UA}', '{cohort_lateness_1h,cohort_waiting_1h,cohort_late_share_3h,cohort_lateness_3h,cohort_waiting_3h,cohort_3h,cohort_lateness_max_3h,cohort_late_share_12h,cohort_lateness_12h,late_share_30d,arrival_delay_30d,arrivals_6h,late_share_6h,arrival_delay_6h}', '\xabaaaaaaaaaa3a400000000000001840277662277662e73f8a9dd8899dd84a400000000000002c400000000000003a400000000000606540b6d65a6badb5e63fe79c73ce39275040000000000000f87f000000000000f87f0000000000000000000000000000f87f000000000000f87f');
INSERT INTO public.feature_states VALUES ('2013-04-11 12:00:00+00', 'dest', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', '{IAH}', '{cohort_late_share_3h,cohort_lateness_3h,cohort_waiting_3h,late_share_30d,arrival_delay_30d,arrivals_6h,late_share_6h,arrival_delay_6h,en_route_loss_3h,elapsed_excess_3h,air_time_excess_3h,en_route_loss_12h,elapsed_excess_12h,air_time_excess_12h}', '\x277662277662e73f8a9dd8899dd84a400000000000002c40000000000000f87f000000000000f87f0000000000000000000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f');
INSERT INTO public.feature_states VALUES ('2013-04-11 12:00:00+00', 'route', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', '{EWR-IAH}', '{cohort_late_share_3h,cohort_lateness_3h,cohort_waiting_3h,late_share_30d,arrival_delay_30d,arrivals_6h,late_share_6h,arrival_delay_6h,elapsed_30d,air_time_30d,en_route_loss_30d}', '\x277662277662e73f8a9dd8899dd84a400000000000002c40000000000000f87f000000000000f87f0000000000000000000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f');
INSERT INTO public.feature_states VALUES ('2013-04-11 12:00:00+00', 'sector', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', '{4/-8/SW3}', '{cohort_late_share_3h,cohort_lateness_3h,cohort_waiting_3h,en_route_loss_3h,elapsed_excess_3h,air_time_excess_3h,en_route_loss_12h,elapsed_excess_12h,air_time_excess_12h}', '\x277662277662e73f8a9dd8899dd84a400000000000002c40000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f');
INSERT INTO public.feature_states VALUES ('2013-04-11 12:00:00+00', 'origin_hour', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', '{EWR@04,EWR@05,EWR@06,EWR@07,EWR@08}', '{late_share_30d,arrival_delay_30d,elapsed_excess_30d}', '\x000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f');
INSERT INTO public.feature_states VALUES ('2013-04-11 12:00:00+00', 'weather', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', '{EWR}', '{temp_f,dewpoint_f,humidity_pct,wind_speed_mph,wind_gust_mph,precip_in,pressure_mb,visibility_mi,wind_from_east,wind_from_north,dewpoint_spread,temp_f_trend_3h,humidity_pct_trend_3h,wind_speed_mph_trend_3h,precip_in_trend_3h,pressure_mb_trend_3h,visibility_mi_trend_3h,humidity_pct_nearby,wind_speed_mph_nearby,wind_gust_mph_nearby,precip_in_nearby,pressure_mb_nearby,visibility_mi_nearby}', '\x0000000000004940000000000000f87f000000000000f87f000000000000f87f000000000000f87f9a9999999999b93f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f000000000000f87f9a9999999999b93f000000000000f87f000000000000f87f');

--
-- Data for Name: feature_ticks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.feature_ticks VALUES ('2013-04-11 12:00:00+00', '2026-11-29 08:27:01.046614+00', '2026-11-29 08:27:01.064501+00');

--
-- Data for Name: flight_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (1, 'UA1-EWR-20130411', 'scheduled', '2013-04-11 12:53:00+00', '2013-03-12 12:53:00+00', 'UA', 1, 'EWR', 'IAH', '2013-04-11 12:53:00+00', '2013-04-11 16:53:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (2, 'UA10-EWR-20130411', 'scheduled', '2013-04-11 11:50:00+00', '2013-03-12 11:50:00+00', 'UA', 10, 'EWR', 'IAH', '2013-04-11 11:50:00+00', '2013-04-11 15:50:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (3, 'UA11-EWR-20130411', 'scheduled', '2013-04-11 11:43:00+00', '2013-03-12 11:43:00+00', 'UA', 11, 'EWR', 'IAH', '2013-04-11 11:43:00+00', '2013-04-11 15:43:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (4, 'UA12-EWR-20130411', 'departed', '2013-04-11 11:51:00+00', '2013-04-11 11:51:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 15, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (5, 'UA12-EWR-20130411', 'scheduled', '2013-04-11 11:36:00+00', '2013-03-12 11:36:00+00', 'UA', 12, 'EWR', 'IAH', '2013-04-11 11:36:00+00', '2013-04-11 15:36:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (6, 'UA13-EWR-20130411', 'scheduled', '2013-04-11 11:29:00+00', '2013-03-12 11:29:00+00', 'UA', 13, 'EWR', 'IAH', '2013-04-11 11:29:00+00', '2013-04-11 15:29:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (7, 'UA14-EWR-20130411', 'departed', '2013-04-11 11:47:00+00', '2013-04-11 11:47:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 25, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (8, 'UA14-EWR-20130411', 'scheduled', '2013-04-11 11:22:00+00', '2013-03-12 11:22:00+00', 'UA', 14, 'EWR', 'IAH', '2013-04-11 11:22:00+00', '2013-04-11 15:22:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (9, 'UA15-EWR-20130411', 'scheduled', '2013-04-11 11:15:00+00', '2013-03-12 11:15:00+00', 'UA', 15, 'EWR', 'IAH', '2013-04-11 11:15:00+00', '2013-04-11 15:15:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (10, 'UA16-EWR-20130411', 'departed', '2013-04-11 11:43:00+00', '2013-04-11 11:43:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 35, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (11, 'UA16-EWR-20130411', 'scheduled', '2013-04-11 11:08:00+00', '2013-03-12 11:08:00+00', 'UA', 16, 'EWR', 'IAH', '2013-04-11 11:08:00+00', '2013-04-11 15:08:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (12, 'UA17-EWR-20130411', 'scheduled', '2013-04-11 11:01:00+00', '2013-03-12 11:01:00+00', 'UA', 17, 'EWR', 'IAH', '2013-04-11 11:01:00+00', '2013-04-11 15:01:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (13, 'UA18-EWR-20130411', 'departed', '2013-04-11 10:54:00+00', '2013-04-11 10:54:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (14, 'UA18-EWR-20130411', 'scheduled', '2013-04-11 10:54:00+00', '2013-03-12 10:54:00+00', 'UA', 18, 'EWR', 'IAH', '2013-04-11 10:54:00+00', '2013-04-11 14:54:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (15, 'UA19-EWR-20130411', 'scheduled', '2013-04-11 10:47:00+00', '2013-03-12 10:47:00+00', 'UA', 19, 'EWR', 'IAH', '2013-04-11 10:47:00+00', '2013-04-11 14:47:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (16, 'UA2-EWR-20130411', 'scheduled', '2013-04-11 12:46:00+00', '2013-03-12 12:46:00+00', 'UA', 2, 'EWR', 'IAH', '2013-04-11 12:46:00+00', '2013-04-11 16:46:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (17, 'UA20-EWR-20130411', 'departed', '2013-04-11 10:50:00+00', '2013-04-11 10:50:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 10, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (18, 'UA20-EWR-20130411', 'scheduled', '2013-04-11 10:40:00+00', '2013-03-12 10:40:00+00', 'UA', 20, 'EWR', 'IAH', '2013-04-11 10:40:00+00', '2013-04-11 14:40:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (19, 'UA21-EWR-20130411', 'scheduled', '2013-04-11 10:33:00+00', '2013-03-12 10:33:00+00', 'UA', 21, 'EWR', 'IAH', '2013-04-11 10:33:00+00', '2013-04-11 14:33:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (20, 'UA22-EWR-20130411', 'departed', '2013-04-11 10:46:00+00', '2013-04-11 10:46:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 20, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (21, 'UA22-EWR-20130411', 'scheduled', '2013-04-11 10:26:00+00', '2013-03-12 10:26:00+00', 'UA', 22, 'EWR', 'IAH', '2013-04-11 10:26:00+00', '2013-04-11 14:26:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (22, 'UA23-EWR-20130411', 'scheduled', '2013-04-11 10:19:00+00', '2013-03-12 10:19:00+00', 'UA', 23, 'EWR', 'IAH', '2013-04-11 10:19:00+00', '2013-04-11 14:19:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (23, 'UA24-EWR-20130411', 'departed', '2013-04-11 10:42:00+00', '2013-04-11 10:42:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 30, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (24, 'UA24-EWR-20130411', 'scheduled', '2013-04-11 10:12:00+00', '2013-03-12 10:12:00+00', 'UA', 24, 'EWR', 'IAH', '2013-04-11 10:12:00+00', '2013-04-11 14:12:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (25, 'UA25-EWR-20130411', 'scheduled', '2013-04-11 10:05:00+00', '2013-03-12 10:05:00+00', 'UA', 25, 'EWR', 'IAH', '2013-04-11 10:05:00+00', '2013-04-11 14:05:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (26, 'UA26-EWR-20130411', 'departed', '2013-04-11 10:38:00+00', '2013-04-11 10:38:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 40, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (27, 'UA26-EWR-20130411', 'scheduled', '2013-04-11 09:58:00+00', '2013-03-12 09:58:00+00', 'UA', 26, 'EWR', 'IAH', '2013-04-11 09:58:00+00', '2013-04-11 13:58:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (28, 'UA27-EWR-20130411', 'scheduled', '2013-04-11 09:51:00+00', '2013-03-12 09:51:00+00', 'UA', 27, 'EWR', 'IAH', '2013-04-11 09:51:00+00', '2013-04-11 13:51:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (29, 'UA28-EWR-20130411', 'departed', '2013-04-11 09:49:00+00', '2013-04-11 09:49:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 5, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (30, 'UA28-EWR-20130411', 'scheduled', '2013-04-11 09:44:00+00', '2013-03-12 09:44:00+00', 'UA', 28, 'EWR', 'IAH', '2013-04-11 09:44:00+00', '2013-04-11 13:44:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (31, 'UA29-EWR-20130411', 'scheduled', '2013-04-11 09:37:00+00', '2013-03-12 09:37:00+00', 'UA', 29, 'EWR', 'IAH', '2013-04-11 09:37:00+00', '2013-04-11 13:37:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (32, 'UA3-EWR-20130411', 'scheduled', '2013-04-11 12:39:00+00', '2013-03-12 12:39:00+00', 'UA', 3, 'EWR', 'IAH', '2013-04-11 12:39:00+00', '2013-04-11 16:39:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (33, 'UA30-EWR-20130411', 'departed', '2013-04-11 09:45:00+00', '2013-04-11 09:45:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 15, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (34, 'UA30-EWR-20130411', 'scheduled', '2013-04-11 09:30:00+00', '2013-03-12 09:30:00+00', 'UA', 30, 'EWR', 'IAH', '2013-04-11 09:30:00+00', '2013-04-11 13:30:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (35, 'UA31-EWR-20130411', 'scheduled', '2013-04-11 09:23:00+00', '2013-03-12 09:23:00+00', 'UA', 31, 'EWR', 'IAH', '2013-04-11 09:23:00+00', '2013-04-11 13:23:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (36, 'UA32-EWR-20130411', 'departed', '2013-04-11 09:41:00+00', '2013-04-11 09:41:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 25, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (37, 'UA32-EWR-20130411', 'scheduled', '2013-04-11 09:16:00+00', '2013-03-12 09:16:00+00', 'UA', 32, 'EWR', 'IAH', '2013-04-11 09:16:00+00', '2013-04-11 13:16:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (38, 'UA33-EWR-20130411', 'scheduled', '2013-04-11 09:09:00+00', '2013-03-12 09:09:00+00', 'UA', 33, 'EWR', 'IAH', '2013-04-11 09:09:00+00', '2013-04-11 13:09:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (39, 'UA34-EWR-20130411', 'departed', '2013-04-11 09:37:00+00', '2013-04-11 09:37:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 35, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (40, 'UA34-EWR-20130411', 'scheduled', '2013-04-11 09:02:00+00', '2013-03-12 09:02:00+00', 'UA', 34, 'EWR', 'IAH', '2013-04-11 09:02:00+00', '2013-04-11 13:02:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (41, 'UA35-EWR-20130411', 'scheduled', '2013-04-11 08:55:00+00', '2013-03-12 08:55:00+00', 'UA', 35, 'EWR', 'IAH', '2013-04-11 08:55:00+00', '2013-04-11 12:55:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (42, 'UA36-EWR-20130411', 'arrived', '2013-04-11 12:57:00+00', '2013-04-11 12:57:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 9, 200, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (43, 'UA36-EWR-20130411', 'departed', '2013-04-11 08:48:00+00', '2013-04-11 08:48:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (44, 'UA36-EWR-20130411', 'scheduled', '2013-04-11 08:48:00+00', '2013-03-12 08:48:00+00', 'UA', 36, 'EWR', 'IAH', '2013-04-11 08:48:00+00', '2013-04-11 12:48:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (45, 'UA37-EWR-20130411', 'arrived', '2013-04-11 12:59:00+00', '2013-04-11 12:59:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 18, 200, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (46, 'UA37-EWR-20130411', 'scheduled', '2013-04-11 08:41:00+00', '2013-03-12 08:41:00+00', 'UA', 37, 'EWR', 'IAH', '2013-04-11 08:41:00+00', '2013-04-11 12:41:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (47, 'UA38-EWR-20130411', 'arrived', '2013-04-11 13:01:00+00', '2013-04-11 13:01:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 27, 200, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (48, 'UA38-EWR-20130411', 'departed', '2013-04-11 08:44:00+00', '2013-04-11 08:44:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 10, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (49, 'UA38-EWR-20130411', 'scheduled', '2013-04-11 08:34:00+00', '2013-03-12 08:34:00+00', 'UA', 38, 'EWR', 'IAH', '2013-04-11 08:34:00+00', '2013-04-11 12:34:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (50, 'UA39-EWR-20130411', 'arrived', '2013-04-11 13:03:00+00', '2013-04-11 13:03:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 36, 200, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (51, 'UA39-EWR-20130411', 'scheduled', '2013-04-11 08:27:00+00', '2013-03-12 08:27:00+00', 'UA', 39, 'EWR', 'IAH', '2013-04-11 08:27:00+00', '2013-04-11 12:27:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (52, 'UA4-EWR-20130411', 'scheduled', '2013-04-11 12:32:00+00', '2013-03-12 12:32:00+00', 'UA', 4, 'EWR', 'IAH', '2013-04-11 12:32:00+00', '2013-04-11 16:32:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (53, 'UA5-EWR-20130411', 'scheduled', '2013-04-11 12:25:00+00', '2013-03-12 12:25:00+00', 'UA', 5, 'EWR', 'IAH', '2013-04-11 12:25:00+00', '2013-04-11 16:25:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (54, 'UA6-EWR-20130411', 'scheduled', '2013-04-11 12:18:00+00', '2013-03-12 12:18:00+00', 'UA', 6, 'EWR', 'IAH', '2013-04-11 12:18:00+00', '2013-04-11 16:18:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (55, 'UA7-EWR-20130411', 'scheduled', '2013-04-11 12:11:00+00', '2013-03-12 12:11:00+00', 'UA', 7, 'EWR', 'IAH', '2013-04-11 12:11:00+00', '2013-04-11 16:11:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (56, 'UA8-EWR-20130411', 'scheduled', '2013-04-11 12:04:00+00', '2013-03-12 12:04:00+00', 'UA', 8, 'EWR', 'IAH', '2013-04-11 12:04:00+00', '2013-04-11 16:04:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (57, 'UA9-EWR-20130411', 'scheduled', '2013-04-11 11:57:00+00', '2013-03-12 11:57:00+00', 'UA', 9, 'EWR', 'IAH', '2013-04-11 11:57:00+00', '2013-04-11 15:57:00+00', NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.flight_events OVERRIDING SYSTEM VALUE VALUES (58, 'UA11-EWR-20130411', 'cancelled', '2013-04-11 12:43:00+00', '2013-04-11 12:43:00+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'feed', '2026-11-29 08:27:01.033397+00');

--
-- Data for Name: labels; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.labels OVERRIDING SYSTEM VALUE VALUES (1, 'UA36-EWR-20130411', 9, DEFAULT, '2013-04-11 12:57:00+00', NULL, 'arrival', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.labels OVERRIDING SYSTEM VALUE VALUES (2, 'UA37-EWR-20130411', 18, DEFAULT, '2013-04-11 12:59:00+00', NULL, 'arrival', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.labels OVERRIDING SYSTEM VALUE VALUES (3, 'UA38-EWR-20130411', 27, DEFAULT, '2013-04-11 13:01:00+00', NULL, 'arrival', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.labels OVERRIDING SYSTEM VALUE VALUES (4, 'UA39-EWR-20130411', 36, DEFAULT, '2013-04-11 13:03:00+00', NULL, 'arrival', '2026-11-29 08:27:01.013741+00');

--
-- Data for Name: monitoring_metrics; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.monitoring_metrics VALUES ('2013-04-09', 1, 'realised_auc', 'all', 0.75, 0.7, 0.8, 880);
INSERT INTO public.monitoring_metrics VALUES ('2013-04-09', 1, 'psi', 'dest', 0.09, NULL, NULL, 900);
INSERT INTO public.monitoring_metrics VALUES ('2013-04-10', 1, 'realised_auc', 'all', 0.75, 0.7, 0.8, 880);
INSERT INTO public.monitoring_metrics VALUES ('2013-04-10', 1, 'psi', 'dest', 0.1, NULL, NULL, 900);

--
-- Data for Name: monitoring_runs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.monitoring_runs VALUES ('2013-04-09', '2013-04-10 10:00:00+00', 1, 900, 880, NULL, NULL, 1.5, '2026-11-29 08:27:01.724197+00');
INSERT INTO public.monitoring_runs VALUES ('2013-04-10', '2013-04-11 10:00:00+00', 1, 900, 880, NULL, NULL, 1.5, '2026-11-29 08:27:01.729518+00');

--
-- Data for Name: predictions_2013_04; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.predictions_2013_04 VALUES ('01a2266a-2abf-737a-91c4-b8001205f39c', '406e9f25b258a209', 'UA1545-EWR-20130411', 'UA', 1545, 'EWR', 'IAH', '2013-04-11 13:00:00+00', '2013-04-11 17:00:00+00', '2013-04-11 12:00:00+00', 60, '2013-04-11 12:00:00+00', '{1090,19323,23705,60,540,0.7071067811865476,-0.7071067811865475,720,3,7,7,240,1398,5.825,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,53.69230769230769,0.7096774193548387,64.61290322580645,0,3,25,1,12,21.25,0.75,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,53.69230769230769,0.7096774193548387,64.61290322580645,17,102.23529411764706,8,0,NaN,NaN,NaN,NaN,NaN,NaN,3,25,1,12,21.25,0.75,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,17,102.23529411764706,8,NaN,NaN,NaN,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,0.7096774193548387,64.61290322580645,NaN,NaN,0,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,0,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,0,NaN,NaN,NaN,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,50,NaN,NaN,NaN,NaN,0.1,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,0.1,NaN,NaN}', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', 0.8160137149171813, 1, NULL, NULL, 14478, '2026-11-29 08:27:01.695707+00');
INSERT INTO public.predictions_2013_04 VALUES ('01a2266a-2ac1-7639-bb08-e0b154b1518f', 'dcb477238a403a74', 'UA1545-EWR-20130411', 'UA', 1545, 'EWR', 'IAH', '2013-04-11 15:00:00+00', '2013-04-11 19:00:00+00', '2013-04-11 12:00:00+00', 180, '2013-04-11 12:00:00+00', '{1090,19323,23705,180,660,0.258819045102521,-0.9659258262890682,840,3,7,7,240,1398,5.825,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,53.69230769230769,0.7096774193548387,64.61290322580645,0,3,25,1,12,21.25,0.75,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,53.69230769230769,0.7096774193548387,64.61290322580645,17,102.23529411764706,8,0,NaN,NaN,NaN,NaN,NaN,NaN,3,25,1,12,21.25,0.75,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,17,102.23529411764706,8,NaN,NaN,NaN,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,0.7096774193548387,64.61290322580645,NaN,NaN,0,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,0,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,0,NaN,NaN,NaN,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,50,NaN,NaN,NaN,NaN,0.1,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,0.1,NaN,NaN}', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', 0.8160137149171813, 1, NULL, NULL, 459, '2026-11-29 08:27:01.697961+00');
INSERT INTO public.predictions_2013_04 VALUES ('01a2266a-2ac2-7774-86c2-392e6ec18fb6', '65c5586d19d9a1b9', 'UA1545-EWR-20130411', 'UA', 1545, 'EWR', 'IAH', '2013-04-11 18:00:00+00', '2013-04-11 22:00:00+00', '2013-04-11 12:00:00+00', 360, '2013-04-11 12:00:00+00', '{1090,19323,23705,360,840,-0.5000000000000001,-0.8660254037844386,1020,3,7,7,240,1398,5.825,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,53.69230769230769,0.7096774193548387,64.61290322580645,0,3,25,1,12,21.25,0.75,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,53.69230769230769,0.7096774193548387,64.61290322580645,17,102.23529411764706,8,0,NaN,NaN,NaN,NaN,NaN,NaN,3,25,1,12,21.25,0.75,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,17,102.23529411764706,8,NaN,NaN,NaN,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,0.7096774193548387,64.61290322580645,NaN,NaN,0,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,0,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,0,NaN,NaN,NaN,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,50,NaN,NaN,NaN,NaN,0.1,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,0.1,NaN,NaN}', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', 0.8160137149171813, 1, NULL, NULL, 237, '2026-11-29 08:27:01.698943+00');
INSERT INTO public.predictions_2013_04 VALUES ('01a2266a-2ac5-70a8-992b-1c3bd9368eb4', '87e00888f9966e67', 'UA1545-EWR-20130411', 'UA', 1545, 'EWR', 'IAH', '2013-04-12 00:00:00+00', '2013-04-12 04:00:00+00', '2013-04-11 12:00:00+00', 720, '2013-04-11 12:00:00+00', '{1090,19323,23705,720,1200,-0.8660254037844386,0.5000000000000001,1380,3,7,7,240,1398,5.825,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,53.69230769230769,0.7096774193548387,64.61290322580645,0,3,25,1,12,21.25,0.75,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,53.69230769230769,0.7096774193548387,64.61290322580645,17,102.23529411764706,8,0,NaN,NaN,NaN,NaN,NaN,NaN,3,25,1,12,21.25,0.75,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,17,102.23529411764706,8,NaN,NaN,NaN,26.666666666666668,6,0.7307692307692307,53.69230769230769,14,26,171,0.7096774193548387,64.61290322580645,NaN,NaN,0,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,0,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,0,NaN,NaN,NaN,NaN,NaN,0.7307692307692307,53.69230769230769,14,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,50,NaN,NaN,NaN,NaN,0.1,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,0.1,NaN,NaN}', '3b4ff0f09dfa7400949f84eadd29587bbf068b9911e1a4d5c92dbf8df082342e', 0.8160137149171813, 1, NULL, NULL, 365, '2026-11-29 08:27:01.701585+00');

--
-- Data for Name: schema_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_migrations VALUES ('0001_core.sql', 'e8aec1094e8a4aab5ed3c261104deb372cc6256fb05c003bdcad704dba855513', '2026-11-29 08:27:00.613377+00');
INSERT INTO public.schema_migrations VALUES ('0002_alert_deliveries.sql', 'bf9ab043e49255041d646cc98eac83f1ed92488b77e2da6ace026fa30b7954e2', '2026-11-29 08:27:00.721098+00');
INSERT INTO public.schema_migrations VALUES ('0003_service_counts.sql', 'ec4c9c10eb7141e5ccc8a4502eed4a97c47013be43f3b071eb8aac233b6ea174', '2026-11-29 08:27:00.748411+00');

--
-- Data for Name: service_counts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.service_counts VALUES ('one', 0, '2013-04-11 12:00:00+00', '2013-04-11', 'answered', 5);
INSERT INTO public.service_counts VALUES ('one', 0, '2013-04-11 12:00:00+00', '2013-04-11', 'predicted', 5);

--
-- Data for Name: spool_offsets; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.spool_offsets VALUES ('vm-api-18126-1795940821281608670-eea02c6a.spool', 5747, '2026-11-29 08:27:01.709181+00');

--
-- Data for Name: weather_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.weather_events OVERRIDING SYSTEM VALUE VALUES (1, 'EWR', '2013-04-11 10:00:00+00', '2013-04-11 10:52:00+00', 50, NULL, NULL, NULL, NULL, NULL, 0.1, NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');
INSERT INTO public.weather_events OVERRIDING SYSTEM VALUE VALUES (2, 'EWR', '2013-04-11 11:00:00+00', '2013-04-11 11:52:00+00', 50, NULL, NULL, NULL, NULL, NULL, 0.1, NULL, NULL, 'feed', '2026-11-29 08:27:01.013741+00');

--
-- Name: alert_deliveries_delivery_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.alert_deliveries_delivery_id_seq', 1, true);

--
-- Name: alerts_alert_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.alerts_alert_id_seq', 2, true);

--
-- Name: decisions_decision_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.decisions_decision_id_seq', 2, true);

--
-- Name: deployments_deployment_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.deployments_deployment_id_seq', 3, true);

--
-- Name: flight_events_event_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.flight_events_event_id_seq', 58, true);

--
-- Name: labels_label_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.labels_label_id_seq', 4, true);

--
-- Name: weather_events_event_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.weather_events_event_id_seq', 2, true);

--
-- Name: alert_deliveries alert_deliveries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alert_deliveries
    ADD CONSTRAINT alert_deliveries_pkey PRIMARY KEY (delivery_id);

--
-- Name: alerts alerts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (alert_id);

--
-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (key_hash);

--
-- Name: clock clock_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clock
    ADD CONSTRAINT clock_pkey PRIMARY KEY (singleton);

--
-- Name: decisions decisions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (decision_id);

--
-- Name: deployments deployments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployments
    ADD CONSTRAINT deployments_pkey PRIMARY KEY (deployment_id);

--
-- Name: feature_states feature_states_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.feature_states
    ADD CONSTRAINT feature_states_pkey PRIMARY KEY (tick, kind);

--
-- Name: feature_ticks feature_ticks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.feature_ticks
    ADD CONSTRAINT feature_ticks_pkey PRIMARY KEY (tick);

--
-- Name: flight_events flight_events_flight_id_kind_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flight_events
    ADD CONSTRAINT flight_events_flight_id_kind_key UNIQUE (flight_id, kind);

--
-- Name: flight_events flight_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flight_events
    ADD CONSTRAINT flight_events_pkey PRIMARY KEY (event_id);

--
-- Name: labels labels_corrects_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_corrects_key UNIQUE (corrects);

--
-- Name: labels labels_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_pkey PRIMARY KEY (label_id);

--
-- Name: monitoring_metrics monitoring_metrics_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.monitoring_metrics
    ADD CONSTRAINT monitoring_metrics_pkey PRIMARY KEY (day, model_version, name, slice);

--
-- Name: monitoring_runs monitoring_runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.monitoring_runs
    ADD CONSTRAINT monitoring_runs_pkey PRIMARY KEY (day);

--
-- Name: predictions predictions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.predictions
    ADD CONSTRAINT predictions_pkey PRIMARY KEY (prediction_id, as_of);

--
-- Name: predictions_2013_04 predictions_2013_04_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.predictions_2013_04
    ADD CONSTRAINT predictions_2013_04_pkey PRIMARY KEY (prediction_id, as_of);

--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

--
-- Name: service_counts service_counts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.service_counts
    ADD CONSTRAINT service_counts_pkey PRIMARY KEY (worker, batch, minute, day, kind);

--
-- Name: spool_offsets spool_offsets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.spool_offsets
    ADD CONSTRAINT spool_offsets_pkey PRIMARY KEY (file);

--
-- Name: weather_events weather_events_airport_observed_at_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.weather_events
    ADD CONSTRAINT weather_events_airport_observed_at_key UNIQUE (airport, observed_at);

--
-- Name: weather_events weather_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.weather_events
    ADD CONSTRAINT weather_events_pkey PRIMARY KEY (event_id);

--
-- Name: alert_deliveries_by_alert; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX alert_deliveries_by_alert ON public.alert_deliveries USING btree (alert_id);

--
-- Name: alerts_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX alerts_open ON public.alerts USING btree (rule, slice) WHERE (resolved_at IS NULL);

--
-- Name: deployments_planned; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX deployments_planned ON public.deployments USING btree ((true)) WHERE (status = 'planned'::text);

--
-- Name: flight_events_by_known_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX flight_events_by_known_at ON public.flight_events USING btree (known_at);

--
-- Name: flight_events_by_scheduled_departure; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX flight_events_by_scheduled_departure ON public.flight_events USING btree (scheduled_departure) WHERE (kind = 'scheduled'::text);

--
-- Name: labels_by_flight; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX labels_by_flight ON public.labels USING btree (flight_id);

--
-- Name: labels_by_known_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX labels_by_known_at ON public.labels USING btree (known_at);

--
-- Name: labels_first; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX labels_first ON public.labels USING btree (flight_id) WHERE (corrects IS NULL);

--
-- Name: predictions_by_as_of; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX predictions_by_as_of ON ONLY public.predictions USING btree (as_of);

--
-- Name: predictions_2013_04_as_of_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX predictions_2013_04_as_of_idx ON public.predictions_2013_04 USING btree (as_of);

--
-- Name: predictions_by_flight; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX predictions_by_flight ON ONLY public.predictions USING btree (flight_id);

--
-- Name: predictions_2013_04_flight_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX predictions_2013_04_flight_id_idx ON public.predictions_2013_04 USING btree (flight_id);

--
-- Name: service_counts_by_day; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX service_counts_by_day ON public.service_counts USING btree (day);

--
-- Name: weather_events_by_known_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX weather_events_by_known_at ON public.weather_events USING btree (known_at);

--
-- Name: predictions_2013_04_as_of_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.predictions_by_as_of ATTACH PARTITION public.predictions_2013_04_as_of_idx;

--
-- Name: predictions_2013_04_flight_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.predictions_by_flight ATTACH PARTITION public.predictions_2013_04_flight_id_idx;

--
-- Name: predictions_2013_04_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.predictions_pkey ATTACH PARTITION public.predictions_2013_04_pkey;

--
-- Name: alert_deliveries append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.alert_deliveries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

--
-- Name: decisions append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.decisions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

--
-- Name: flight_events append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.flight_events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

--
-- Name: labels append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.labels FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

--
-- Name: weather_events append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.weather_events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

--
-- Name: deployments ledger; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger BEFORE DELETE OR UPDATE ON public.deployments FOR EACH ROW EXECUTE FUNCTION public.refuse_rewriting();

--
-- Name: alert_deliveries alert_deliveries_alert_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alert_deliveries
    ADD CONSTRAINT alert_deliveries_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES public.alerts(alert_id);

--
-- Name: feature_states feature_states_tick_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.feature_states
    ADD CONSTRAINT feature_states_tick_fkey FOREIGN KEY (tick) REFERENCES public.feature_ticks(tick) ON DELETE CASCADE;

--
-- Name: labels labels_corrects_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_corrects_fkey FOREIGN KEY (corrects) REFERENCES public.labels(label_id);

--
-- PostgreSQL database dump complete
--

