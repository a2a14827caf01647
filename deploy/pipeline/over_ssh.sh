#!/usr/bin/env bash
# Run a make target on another machine, on this commit: over_ssh.sh USER@HOST FOLDER TARGET
set -euo pipefail
host=$1 folder=$2 target=$3
there() { ssh -o BatchMode=yes "$host" "$1"; }

# The tree of this commit replaces the one before: files that only an earlier one had are deleted, what no commit
# brought stays (var, .env, .venv). A folder of before there was a list is compared folder by folder.
# shellcheck disable=SC2016
arrive='
set -eu
mkdir -p "$folder" && cd "$folder"
rm -rf .arriving && mkdir .arriving && tar -x -C .arriving
(cd .arriving && find . -type f -o -type l) | LC_ALL=C sort >.arriving.list
if [ ! -f .arrived.list ]; then
  (cd .arriving && find . -mindepth 1 -maxdepth 1 -type d) | while read -r part; do
    [ ! -d "$part" ] || find "$part" -type f ! -path "./data/inbox/*"
  done | LC_ALL=C sort >.arrived.list
fi
LC_ALL=C comm -23 .arrived.list .arriving.list | while IFS= read -r file; do
  rm -f "$file"
  rmdir -p "$(dirname "$file")" 2>/dev/null || true
done
cp -a .arriving/. .
mv .arriving.list .arrived.list
rm -rf .arriving'
git archive HEAD | there "folder=$(printf %q "$folder"); $arrive"

# Every setting that is set here goes with it: those of .env.example, what names the stack, what CI says. They go
# over standard input, for a command line is shown to everyone on the machine.
settings=$(sed -n 's/^# \([A-Z_]*\)=.*/\1/p' .env.example)
commit=$(git rev-parse HEAD)
GIT_COMMIT=$commit CI_COMMIT_SHA=$commit
{
  for name in $settings COMPOSE_PROJECT_NAME COMPOSE_FILE COMPOSE_PROFILES PROFILE OUTSIDE API_REPLICAS \
    MODEL_VERSION TO AUDIT_REQUIRED CI_PIPELINE_ID CI_COMMIT_SHA; do
    if [ -n "${!name+set}" ]; then printf 'export %s=%q\n' "$name" "${!name}"; fi
  done
  printf 'cd %q\n' "$folder"
  # The images are built where they run.
  if [ "$target" = deploy ]; then target="images deploy"; fi
  echo "exec make $target </dev/null"
} | there 'bash -s'
