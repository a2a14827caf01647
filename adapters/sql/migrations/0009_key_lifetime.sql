-- Keys may end by themselves, and it is seen which are still in use.
ALTER TABLE api_keys ADD COLUMN expires_at timestamptz;
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz; -- to the minute
