-- The state of all kinds of entities at one sealed tick is stored, whatever was stored for it and the contract before;
-- the tick counts as computed, and the channel state hears of it when the transaction commits.
WITH saved AS (
    INSERT INTO feature_states (tick, kind, contract_hash, entities, columns, state)
    SELECT %(tick)s, kind, %(contract_hash)s, entities::text[], columns::text[], state
    FROM unnest(%(kinds)s, %(entities)s, %(columns)s, %(states)s) AS t (kind, entities, columns, state)
    ON CONFLICT (tick, contract_hash, kind) DO UPDATE
    SET entities = excluded.entities, columns = excluded.columns, state = excluded.state
), computed AS (
    UPDATE feature_ticks SET computed_at = clock_timestamp() WHERE tick = %(tick)s
    RETURNING 1
)
SELECT pg_notify('state', %(minute)s) FROM computed
