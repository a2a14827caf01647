-- The key is on record; nothing changes when it was.
INSERT INTO api_keys (key_hash, name, scopes, expires_at)
VALUES (%(key_hash)s, %(name)s, %(scopes)s, now() + %(lifetime)s)
ON CONFLICT (key_hash) DO NOTHING
