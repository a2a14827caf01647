#!/bin/bash
# Run once, on an empty data folder: a database and a role for each of the servers beside ontime.
# MLflow and Prefect cannot read ontime's events, predictions and ledger.
set -euo pipefail

make_database() {
  local name=$1 password
  password=$(cat "/run/secrets/${name}_database_password")
  psql -v ON_ERROR_STOP=1 -q -U "$POSTGRES_USER" -d postgres -v name="$name" -v password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

make_database mlflow
make_database prefect
# Prefect's migrations use trigram indexes; the extension comes with PostgreSQL's own contrib package.
psql -v ON_ERROR_STOP=1 -q -U "$POSTGRES_USER" -d prefect -c 'CREATE EXTENSION IF NOT EXISTS pg_trgm'
psql -v ON_ERROR_STOP=1 -q -U "$POSTGRES_USER" -d postgres -c 'REVOKE CONNECT ON DATABASE ontime FROM PUBLIC'
