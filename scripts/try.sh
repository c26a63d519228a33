#!/usr/bin/env bash
# Tells the story of an intercept from nothing: on the sandbox, or with --node on a real Kubernetes node of its own.
# Installs what it needs; leaves nothing running.
# usage: scripts/try.sh [--node]
set -euo pipefail
cd "$(dirname "$0")/.."
where=${1:---sandbox}
case $where in --sandbox | --node) ;; *) echo "usage: scripts/try.sh [--node]" >&2; exit 2 ;; esac
scripts/setup.sh "$where-only"
cargo build --locked --bin interceptctl
program=${CARGO_TARGET_DIR:-target}/debug/interceptctl
if [ "$where" = --node ]; then exec tests/cluster/run -- scripts/story.sh "$program"; fi
nginx=$(scripts/nginx.sh)
exec "$program" demo --nginx "$nginx"
