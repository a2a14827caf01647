-- Hash, name and scopes of every key that is neither revoked nor expired.
SELECT key_hash, name, scopes FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
