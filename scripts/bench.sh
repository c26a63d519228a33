#!/usr/bin/env bash
# Measures the main job on a real Kubernetes, with the release program; prints lines that begin with "bench:".
# usage: scripts/bench.sh [NAME]     only the measurements whose name contains NAME
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --bench-only
cargo build --release --locked --bin interceptctl
cargo test --profile measure --locked --no-run --package intercept-tests --test e2e_intercept
export INTERCEPTCTL_BIN=${CARGO_TARGET_DIR:-$PWD/target}/release/interceptctl
exec tests/cluster/run -- cargo test --profile measure --locked --package intercept-tests --test e2e_intercept \
  -- --ignored --nocapture --test-threads 1 "bench::${1:-}"
