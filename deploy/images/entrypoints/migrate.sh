#!/bin/sh
# What must be true before anything else starts: schema, API keys, flows. Safe to run at every start.
set -eu
# Only what the code before tolerates: it may still be serving. The rest follows when it is gone.
python -m ontime migrate --expand
python -m ontime keys record
# Copies that workers hold are signed as this release does; without MLflow the rest follows in train_first.sh.
python -m ontime sign-again --patience 0 || true
# A stack that plays the dataset begins at this moment; one that was set before keeps its clock.
if [ -n "${DEMO_BEGINS:-}" ]; then python -m ontime clock --first --at "$DEMO_BEGINS"; fi
prefect work-pool create --type process ontime --overwrite >/dev/null
python -m flows.deploy
