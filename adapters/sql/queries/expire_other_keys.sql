-- A name's other keys end after the overlap, or when they would have anyway.
UPDATE api_keys SET expires_at = least(coalesce(expires_at, 'infinity'), now() + %(overlap)s)
WHERE name = %(name)s AND key_hash <> %(key_hash)s AND revoked_at IS NULL
