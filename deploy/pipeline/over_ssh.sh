#!/usr/bin/env bash
# Run a make target on another machine, on this commit: over_ssh.sh USER@HOST FOLDER TARGET
set -euo pipefail
host=$1 folder=$2 target=$3
there() { ssh -o BatchMode=yes "$host" "$1"; }

# The tree of this commit replaces the one before: files that only an earlier one had are deleted, what no commit
# brought stays (var, .env, .venv). Where no list was left by the one before, an earlier tree's are those of the history.
# shellcheck disable=SC2016
arrive='
set -eu
mkdir -p "$folder" && cd "$folder"
rm -rf .arriving && mkdir .arriving && tar -x -C .arriving
[ -f .arrived.list ] || mv .arriving/.history.list .arrived.list
rm -f .arriving/.history.list
(cd .arriving && find . -type f -o -type l) | LC_ALL=C sort >.arriving.list
LC_ALL=C comm -23 .arrived.list .arriving.list | while IFS= read -r file; do
  rm -f "$file"
  rmdir -p "$(dirname "$file")" 2>/dev/null || true
done
cp -a .arriving/. .
mv .arriving.list .arrived.list
rm -rf .arriving'
history=$(mktemp -d)
trap 'rm -rf "$history"' EXIT
git log --pretty= --name-only HEAD | sed -n 's|^..*|./&|p' | LC_ALL=C sort -u >"$history/.history.list"
git archive --add-file="$history/.history.list" HEAD | there "folder=$(printf %q "$folder"); $arrive"

# Every setting that is set here goes with it: those of .env.example, what names the stack, what CI says. They go
# over standard input, for a command line is shown to everyone on the machine.
settings=$(sed -n 's/^# \([A-Z_]*\)=.*/\1/p' .env.example)
commit=$(git rev-parse HEAD)
GIT_COMMIT=$commit CI_COMMIT_SHA=$commit
{
  for name in $settings COMPOSE_PROJECT_NAME COMPOSE_FILE COMPOSE_PROFILES PROFILE OUTSIDE API_REPLICAS \
    MODEL_VERSION SUCCESSOR TO AUDIT_REQUIRED CI_PIPELINE_ID CI_COMMIT_SHA; do
    if [ -n "${!name+set}" ]; then printf 'export %s=%q\n' "$name" "${!name}"; fi
  done
  printf 'cd %q\n' "$folder"
  # The images are built where they run.
  if [ "$target" = deploy ]; then target="images deploy"; fi
  echo "exec make $target </dev/null"
} | there 'bash -s'
