-- Of this name no other key is active afterwards.
UPDATE api_keys SET revoked_at = now() WHERE name = %(name)s AND key_hash <> %(key_hash)s AND revoked_at IS NULL
