#!/bin/sh
# Make every secret the stack needs, once: random, in var/secrets, which only its owner can enter.
# The files themselves are readable: Compose mounts them as they are, and the services inside run as other users.
set -eu
folder=${SECRETS_DIR:-var/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

# `make_secret NAME [PREFIX]`: an existing secret is never replaced.
make_secret() {
  file=$folder/$1
  if [ ! -s "$file" ]; then
    (umask 077 && printf '%s%s' "${2:-}" "$(random)" >"$file.new")
    mv "$file.new" "$file"
    echo "made $file"
  fi
  chmod 444 "$file"
}

make_secret postgres_password
make_secret mlflow_database_password
make_secret prefect_database_password
make_secret prefect_api_password
make_secret model_signing_key
make_secret predict.key ontime_predict_
make_secret ingest.key ontime_ingest_
make_secret admin.key ontime_admin_
