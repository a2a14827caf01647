#!/usr/bin/env bash
# Validate a version of the model and promote it, on the Compose stack where one is up, else on the native one.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$MODEL_VERSION
[[ $version =~ ^[1-9][0-9]{0,8}$ ]] || { echo "MODEL_VERSION: expected a whole number, got '$version'" >&2; exit 2; }
named=(--pipeline "${CI_PIPELINE_ID:-}" --commit "${CI_COMMIT_SHA:-$(git rev-parse HEAD)}")

container() {
  docker ps -q --filter "label=com.docker.compose.project=${COMPOSE_PROJECT_NAME:-ontime}" \
    --filter label=com.docker.compose.oneoff=False --filter "label=com.docker.compose.service=$1" 2>/dev/null | head -n 1
}

worker=$(container prefect-worker || true)
if [ -z "$worker" ]; then
  exec .venv/bin/python -m ontime validate-model "$version" "${named[@]}"
fi
image=$(docker inspect -f '{{.Config.Image}}' "$(container api)")
key=$(realpath "${SECRETS_DIR:-var/secrets}")/predict.key
docker exec "$worker" python -m ontime validate-model "$version" --step gate
# The worker's image cannot serve, the API's cannot train: each step runs where its libraries are.
IMAGE_TAG=${image##*:} "${HOST_PYTHON:-python3}" -m deploy.compose compose run --rm -T --no-deps \
  -v "$key:/run/secrets/predict.key:ro" api python -m deploy.pipeline.trial "$version"
docker exec "$worker" python -m ontime validate-model "$version" --step promote "${named[@]}"
