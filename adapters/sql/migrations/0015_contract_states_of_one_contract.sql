-- A tick may have a state of more than one contract: the key that earlier code needs goes.
ALTER TABLE feature_states DROP CONSTRAINT feature_states_pkey;
ALTER TABLE feature_states ADD CONSTRAINT feature_states_pkey PRIMARY KEY USING INDEX feature_states_by_contract;
