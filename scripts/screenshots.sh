#!/usr/bin/env bash
# Pictures of every screen, light and dark, from the built page on made-up clusters: docs/screenshots/*.png, or another
# folder. `scripts/screenshots.sh [FOLDER] [WIDTHxHEIGHT] [ZOOM]`. Look at each of them before committing.
set -euo pipefail
cd "$(dirname "$0")/.."

npm --prefix ui run --silent build -- --logLevel warn
timeout 300 dbus-run-session -- xvfb-run --auto-servernum --server-args "-screen 0 1600x1000x24" \
  node ui/scripts/screenshots.mjs "${1:-docs/screenshots}" "${2:-1280x760}" "${3:-1}"
# Smaller where the tool is there; the pictures are the same.
if command -v optipng > /dev/null; then optipng -quiet -o2 "${1:-docs/screenshots}"/*.png; fi
