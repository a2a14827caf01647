-- Hash and scopes of every key that is not revoked.
SELECT key_hash, scopes FROM api_keys WHERE revoked_at IS NULL
