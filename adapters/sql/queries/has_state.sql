-- One row when the state of a tick is stored for this contract.
SELECT 1 FROM feature_states WHERE tick = %(tick)s AND contract_hash = %(contract_hash)s LIMIT 1
