#!/usr/bin/env bash
# Measures the built desktop program under a screen that is not there: from its start to a painted page, memory at rest
# over all its processes, and the start of interceptctl. Every run has a home of its own, so nothing is warm but the disk.
# Painted means that a picture of the screen holds more than a few colours, which text and icons alone make; pictures are
# taken as fast as they can be, and how long one takes is printed, since the answer is no finer.
# usage: scripts/measure-desktop.sh [FOLDER]     where intercept and interceptctl are; target/dist without it
set -euo pipefail
cd "$(dirname "$0")/.."
RUNS=3
REST=20

# Of this process and all it started, in KiB. Shared pages count in parts.
pss() {
  local child
  awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"
  for child in $(pgrep --parent "$1"); do pss "$child"; done
}

now() { date +%s%3N; }

colours() { import -window root -format %k info:; }

once() {
  local began program picture deadline
  colours >/dev/null # the tool itself is warm
  began=$(now)
  "$1" &
  program=$!
  deadline=$((began + 60000))
  while picture=$(now); [ "$(colours)" -lt 64 ]; do
    if [ "$picture" -gt "$deadline" ] || ! kill -0 "$program" 2>/dev/null; then echo "no painted page" >&2; exit 1; fi
  done
  echo "start to painted: at most $(($(now) - began)) ms (one picture: $(($(now) - picture)) ms)"
  sleep "$REST"
  echo "at rest after $REST s: $(($(pss "$program" | paste -sd+ | sed 's/^/(/; s/$/)/') / 1024)) MiB, window alone $(awk '/^Pss:/ { print int($2 / 1024) }' "/proc/$program/smaps_rollup") MiB"
  kill -TERM "$program"
  wait "$program" || true
}

if [ "${1:-}" = --once ]; then once "$2"; exit; fi
folder=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/dist}")
for _ in $(seq "$RUNS"); do
  home=$(mktemp -d)
  HOME=$home XDG_RUNTIME_DIR=$home KUBECONFIG=/nonexistent timeout 120 dbus-run-session -- \
    xvfb-run --auto-servernum --server-args "-screen 0 1280x800x24" scripts/measure-desktop.sh --once "$folder/intercept" 2>"$home/log" ||
    { cat "$home/log" >&2; exit 1; }
  rm -rf "$home"
  began=$(now)
  for _ in $(seq 20); do "$folder/interceptctl" --version >/dev/null; done
  echo "interceptctl --version: $((($(now) - began) / 20)) ms"
done
