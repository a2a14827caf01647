-- What a state of one tick, contract and kind is found by, once two releases with different features run side by side.
CREATE UNIQUE INDEX feature_states_by_contract ON feature_states (tick, contract_hash, kind);
