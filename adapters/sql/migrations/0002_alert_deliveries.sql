-- Every attempt to deliver an alert to one address, refused ones included: who was told what, and when.
CREATE TABLE alert_deliveries (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint NOT NULL REFERENCES alerts (alert_id),
    address text NOT NULL, -- kind and fingerprint: an address may hold a password
    delivered boolean NOT NULL,
    detail text,
    attempted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_deliveries_by_alert ON alert_deliveries (alert_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON alert_deliveries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
