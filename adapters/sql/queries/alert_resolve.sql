-- Of some rules' open alerts, those whose rule no longer fires are resolved.
UPDATE alerts SET resolved_at = %(at)s
WHERE resolved_at IS NULL AND rule = ANY (%(rules)s::text[]) AND NOT rule = ANY (%(firing)s::text[])
