-- Moves the offset of a spool file if it is still :from. Touches one row then, else none.
UPDATE spool_offsets SET shipped_bytes = %(until)s, updated_at = now()
WHERE file = %(file)s AND shipped_bytes = %(from)s
