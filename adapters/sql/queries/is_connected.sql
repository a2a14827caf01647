-- Whether a program of that name is connected to this database; a server may hold those of several stacks.
SELECT EXISTS (
    SELECT 1 FROM pg_stat_activity WHERE application_name = %(application)s AND datname = current_database()
)
