-- The state of one tick, a row a kind of entities; nothing when it is not stored for this contract.
SELECT kind, entities, columns, state FROM feature_states
WHERE tick = %(tick)s AND contract_hash = %(contract_hash)s
