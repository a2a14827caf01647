-- Scopes and lifetime of a name's active keys, newest first; they stay as they are until the transaction ends.
SELECT scopes, expires_at - created_at FROM api_keys
WHERE name = %(name)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
ORDER BY created_at DESC
FOR UPDATE
