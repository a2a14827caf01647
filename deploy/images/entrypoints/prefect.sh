#!/bin/sh
# Prefect's server on its own database.
set -eu
. /entrypoints/secrets.sh
PREFECT_API_DATABASE_CONNECTION_URL=$(database_url postgresql+asyncpg prefect)
export PREFECT_API_DATABASE_CONNECTION_URL
PREFECT_SERVER_API_AUTH_STRING=ontime:$(secret prefect_api_password)
export PREFECT_SERVER_API_AUTH_STRING
exec prefect server start --host 0.0.0.0 --port 4200 "$@"
