-- The newest ticks at or before :until with a state of this contract, newest first, at most :limit.
SELECT DISTINCT tick FROM feature_states
WHERE contract_hash = %(contract_hash)s AND tick <= %(until)s
ORDER BY tick DESC
LIMIT %(limit)s
