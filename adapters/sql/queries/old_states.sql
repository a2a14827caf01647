-- How many feature states are older than :before, and their bytes.
SELECT count(*), coalesce(sum(octet_length(state)), 0) FROM feature_states WHERE tick < %(before)s
