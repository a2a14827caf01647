-- These keys were used just now; to the minute, since every worker reports it.
UPDATE api_keys SET last_used_at = now()
WHERE key_hash = ANY(%(hashes)s) AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
