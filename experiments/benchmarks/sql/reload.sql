-- Let the server read its configuration again.
SELECT pg_reload_conf()
