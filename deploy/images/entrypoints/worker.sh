#!/bin/sh
# A program of ours that speaks to Prefect: the worker, the migrations, the first training, the feed.
set -eu
. /entrypoints/secrets.sh
PREFECT_API_AUTH_STRING=ontime:$(secret prefect_api_password)
export PREFECT_API_AUTH_STRING
exec "$@"
