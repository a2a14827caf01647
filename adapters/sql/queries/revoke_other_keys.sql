-- No key is active afterwards but those of :hashes.
UPDATE api_keys SET revoked_at = now() WHERE revoked_at IS NULL AND key_hash <> ALL (%(hashes)s)
