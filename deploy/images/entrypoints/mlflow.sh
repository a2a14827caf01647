#!/bin/sh
# The MLflow tracking server on its own database, artifacts on its volume.
set -eu
. /entrypoints/secrets.sh
# A plain postgresql:// would mean psycopg 3 to SQLAlchemy.
MLFLOW_BACKEND_STORE_URI=$(database_url postgresql+psycopg2 mlflow)
export MLFLOW_BACKEND_STORE_URI
MLFLOW_SERVER_AUTH_STRING=ontime:$(secret mlflow_password)
export MLFLOW_SERVER_AUTH_STRING
# Without the list of hosts, clients that say `Host: mlflow:5000` get 403 while /health passes.
exec mlflow server \
  --host 0.0.0.0 --port 5000 --workers 1 \
  --serve-artifacts --artifacts-destination /artifacts \
  --allowed-hosts 'mlflow,mlflow:*,localhost:*,127.0.0.1:*' \
  --app-name ontime "$@"
