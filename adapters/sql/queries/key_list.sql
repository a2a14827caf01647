-- Every key that was ever made, oldest first; not the key itself, which nobody has but its owner.
SELECT
    name, scopes, left(key_hash, 8), created_at,
    -- Python knows no later date.
    CASE WHEN expires_at IS NOT NULL THEN least(expires_at, '9999-12-31 00:00:00+00') END,
    revoked_at, last_used_at,
    revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
FROM api_keys
ORDER BY created_at, name
