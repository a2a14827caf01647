-- No state of a tick before :before is stored; that the ticks were sealed stays on record.
DELETE FROM feature_states WHERE tick < %(before)s
