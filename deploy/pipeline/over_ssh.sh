#!/usr/bin/env bash
# Run a make target on another machine, on this commit: over_ssh.sh USER@HOST FOLDER TARGET
set -euo pipefail
host=$1 folder=$2 target=$3
git archive HEAD | ssh -o BatchMode=yes "$host" "mkdir -p '$folder' && tar -x -C '$folder'"
commit=$(git rev-parse HEAD)
variables=$(printf ' %q' "IMAGE_TAG=${IMAGE_TAG:-latest}" "GIT_COMMIT=$commit" "MODEL_VERSION=${MODEL_VERSION:-}" \
  "CI_PIPELINE_ID=${CI_PIPELINE_ID:-}" "CI_COMMIT_SHA=$commit")
# The images are built where they run.
[ "$target" = deploy ] && target="images deploy"
exec ssh -o BatchMode=yes "$host" "cd '$folder' && env$variables make $target"
