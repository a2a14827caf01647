-- Whether a program of that name is connected.
SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = %(application)s)
