-- No key of this name is active afterwards.
UPDATE api_keys SET revoked_at = now()
WHERE name = %(name)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
