-- One line for each part of the schema public: the same text whatever way it was reached, on PostgreSQL 15 to 18.
-- Partitions, made as months come, are left out.
WITH relation AS (
    SELECT c.oid, c.relname, c.relkind
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
)
SELECT line FROM (
    SELECT 'column ' || r.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
        || CASE a.attidentity WHEN 'a' THEN ' identity' ELSE '' END
        || CASE a.attgenerated WHEN 's' THEN ' generated' ELSE '' END
        || CASE WHEN a.attstorage <> t.typstorage THEN ' storage ' || a.attstorage::text ELSE '' END
        || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') AS line
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
    WHERE r.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'partitioned ' || r.relname || ' by ' || pg_get_partkeydef(r.oid) FROM relation r WHERE r.relkind = 'p'
    UNION ALL
    SELECT 'constraint ' || r.relname || '.' || c.conname || ' ' || pg_get_constraintdef(c.oid)
    FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid
    WHERE c.contype <> 'n'
    UNION ALL
    SELECT 'index ' || pg_get_indexdef(i.indexrelid) FROM relation r JOIN pg_index i ON i.indrelid = r.oid
    UNION ALL
    SELECT 'trigger ' || pg_get_triggerdef(t.oid)
    FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid
    WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'view ' || r.relname || regexp_replace(pg_get_viewdef(r.oid), '\s+', ' ', 'g')
    FROM relation r WHERE r.relkind = 'v'
    UNION ALL
    SELECT 'function ' || regexp_replace(pg_get_functiondef(p.oid), '\s+', ' ', 'g')
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
) AS lines
ORDER BY line COLLATE "C"
