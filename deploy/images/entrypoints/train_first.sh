#!/bin/sh
# What is known by the stack's clock, then a champion of it; both end at once where they are there already.
set -eu
python -m ontime sign-again
python -m ontime ingest --dataset
exec python -m ontime train-first
