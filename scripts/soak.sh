#!/usr/bin/env bash
# Lets a mix of requests pass an intercept on the sandbox for a long time, with recording on, and fails where memory, files,
# threads or the store grow. Two hours at 150 a second are a million requests.
# usage: scripts/soak.sh CSV [--seconds 7200] [--rate 150] [--warm-up 900]     samples go to the file CSV
set -euo pipefail
csv=$(realpath -m "${1:?usage: scripts/soak.sh CSV [--seconds N] [--rate N] [--warm-up N]}")
shift
cd "$(dirname "$0")/.."
cargo build --release --locked --bin interceptctl
PYTHONPATH=$(scripts/python-libraries.sh) && nginx=$(scripts/nginx.sh)
export PYTHONPATH PYTHONDONTWRITEBYTECODE=1
exec python3 tests/soak/soak.py --program "${CARGO_TARGET_DIR:-$PWD/target}/release/interceptctl" --nginx "$nginx" --csv "$csv" "$@"
