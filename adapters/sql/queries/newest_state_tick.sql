-- The newest tick with a state of this contract; one row, null when there is none.
SELECT max(tick) FROM feature_states WHERE contract_hash = %(contract_hash)s
