-- The spool file has an offset afterwards.
INSERT INTO spool_offsets (file, shipped_bytes) VALUES (%(file)s, 0) ON CONFLICT (file) DO NOTHING
