#!/usr/bin/env bash
# Runs the main job from nothing: boots a Kubernetes node, starts a sample Service, intercepts it, and tells the story.
# Installs what it needs; leaves nothing running.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --node-only
cargo build --release --locked --bin interceptctl
exec tests/cluster/run -- scripts/story.sh "${CARGO_TARGET_DIR:-target}/release/interceptctl"
