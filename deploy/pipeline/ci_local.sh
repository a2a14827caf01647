#!/usr/bin/env bash
# Run .gitlab-ci.yml on this machine, its jobs in a shell here: ci_local.sh [JOB...]
# Without jobs: check and test; with MODEL_VERSION validate-model; with an engine build, deploy, verify and rollback
# on this machine's stack, which is started where none runs: a way back needs something that ran before.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=4.62.0
home=var/ci-local

missing=()
for program in git node npm rsync; do command -v "$program" >/dev/null || missing+=("$program"); done
if [ ${#missing[@]} -gt 0 ]; then
  echo "ci-local needs ${missing[*]}; on Debian: apt-get install ${missing[*]/node/nodejs}" >&2
  exit 3
fi
mkdir -p "$home"
if [ ! -x "$home/node_modules/.bin/gitlab-ci-local" ]; then
  echo "installing gitlab-ci-local $version into $home"
  npm install --prefix "$home" --no-save --no-package-lock --no-audit --no-fund --loglevel error "gitlab-ci-local@$version"
fi

jobs=("$@")
model=()
if [ ${#jobs[@]} -eq 0 ]; then
  jobs=(lint locks secrets-scan dependencies test)
  if [ -n "${MODEL_VERSION:-}" ]; then jobs=(validate-model)
  elif make --no-print-directory engine >/dev/null 2>&1; then
    jobs+=(images deploy verify rollback)
    if [ -z "$("${HOST_PYTHON:-python3}" -m deploy.compose compose ps -q api 2>/dev/null)" ]; then
      echo "no stack runs here: starting that of the commit before, to deploy over"
      git worktree remove --force "$home/before" 2>/dev/null || true
      git worktree add --force --detach "$home/before" HEAD~1
      SECRETS_DIR=${SECRETS_DIR:-$PWD/var/secrets} make --no-print-directory -C "$home/before" up
    fi
  else echo "NOT RUN: images, deploy, verify, rollback. No Docker engine answers on this machine."
  fi
fi
[ -z "${MODEL_VERSION:-}" ] || model=(--variable "MODEL_VERSION=$MODEL_VERSION")
branch=$(git rev-parse --abbrev-ref HEAD)
for job in "${jobs[@]}"; do
  echo "== $job"
  "$home/node_modules/.bin/gitlab-ci-local" --force-shell-executor --no-artifacts-to-source --state-dir "$home/state" \
    --variable "CI_DEFAULT_BRANCH=$branch" --variable "CI_COMMIT_BRANCH=$branch" "${model[@]}" "$job"
done
