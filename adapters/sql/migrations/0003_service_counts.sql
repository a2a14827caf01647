-- What the API's workers answered, a row a minute and kind: the night's error rate, shed rate and throughput, and how
-- many predictions must be in the log. A worker's batch is stored once, however often it is sent.
CREATE TABLE service_counts (
    worker text NOT NULL,
    batch integer NOT NULL,
    minute timestamptz NOT NULL, -- real time, also where the stack's clock is simulated
    day date NOT NULL, -- of requests: local day by the stack's clock; of predictions: local day of the flight
    kind text NOT NULL CHECK (kind IN ('answered', 'refused', 'shed', 'failed', 'predicted')),
    count integer NOT NULL CHECK (count > 0),
    PRIMARY KEY (worker, batch, minute, day, kind)
);
CREATE INDEX service_counts_by_day ON service_counts (day);
