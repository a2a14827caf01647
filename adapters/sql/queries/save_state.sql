-- The state of one kind of entities at one sealed tick is stored; what was stored for it before is replaced.
INSERT INTO feature_states (tick, kind, contract_hash, entities, columns, state)
VALUES (%(tick)s, %(kind)s, %(contract_hash)s, %(entities)s::text[], %(columns)s::text[], %(state)s)
ON CONFLICT (tick, kind) DO UPDATE
SET contract_hash = excluded.contract_hash, entities = excluded.entities, columns = excluded.columns,
    state = excluded.state
