#!/usr/bin/env bash
# Passes every test there is, from formatting to real Kubernetes. Installs what it needs; changes nothing in the sources.
# All stages run even where one failed, and the summary names each. Every line of output begins with its stage:
# `scripts/test.sh | grep '^\[clippy\]'`.
# usage: scripts/test.sh [STAGE…]     only these stages; see the list at the end
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

# The same packages and features for everything that compiles, so that nothing is compiled twice.
EVERYTHING=(--workspace --all-targets --features intercept/custom-protocol --locked)
# What a display needs: a session bus, and a screen that is not there.
SCREEN=(dbus-run-session -- xvfb-run --auto-servernum --server-args "-screen 0 1280x800x24")
NEEDS_CLUSTER='binary(/^e2e_/)'

only=("$@")
summary=()
failed=0

# stage NAME COMMAND…
stage() {
  local name=$1 began=$SECONDS status word=passed
  shift
  if [ ${#only[@]} -gt 0 ] && [[ " ${only[*]} " != *" $name "* ]]; then return; fi
  "$@" 2>&1 </dev/null | sed -u "s/^/[$name] /"
  status=${PIPESTATUS[0]}
  if [ "$status" != 0 ]; then
    word="FAILED with status $status"
    failed=1
  fi
  summary+=("$(printf '%-10s %4d s  %s' "$name" $((SECONDS - began)) "$word")")
  echo "[$name] $word after $((SECONDS - began)) s"
}

ui() { npm --prefix ui run --silent "$@"; }

# Every shell script we have, whatever it is called.
shell_scripts() {
  git ls-files | while read -r file; do
    if [ -f "$file" ] && head -n 1 "$file" | grep -q '^#!.*\bbash'; then printf '%s\n' "$file"; fi
  done | xargs shellcheck --external-sources --severity=warning
}

# Of the debug programs, which are there by now: one that is made for people takes a quarter of an hour more.
packages() { scripts/package.sh --test && scripts/try-packages.sh; }

clippy() { cargo clippy "${EVERYTHING[@]}" -- --deny warnings; }

# `cargo build` too: building tests alone makes no program of a package without tests of its own, the window's.
build() { cargo build "${EVERYTHING[@]}" && cargo nextest run "${EVERYTHING[@]}" --no-run; }

# On no cluster: a kubeconfig of this machine must not be found by accident.
tests() {
  local nginx python
  nginx=$(scripts/nginx.sh) && python=$(scripts/python-libraries.sh) || return
  INTERCEPT_NGINX=$nginx INTERCEPT_PYTHON=$python KUBECONFIG=/nonexistent/kubeconfig "${SCREEN[@]}" cargo nextest run "${EVERYTHING[@]}" -E "not $NEEDS_CLUSTER"
}

# The same tests as on a real cluster, on the small one that is part of the program.
sandbox() {
  local nginx folder program status=0
  nginx=$(scripts/nginx.sh) || return
  folder=$(mktemp -d)
  program=${CARGO_TARGET_DIR:-target}/debug/interceptctl
  "$program" sandbox --empty --nginx "$nginx" --write-kubeconfig "$folder/kubeconfig" >"$folder/log" 2>&1 &
  for _ in $(seq 100); do if [ -s "$folder/kubeconfig" ]; then break; fi; sleep 0.1; done
  INTERCEPT_TEST_KUBECONFIG=$folder/kubeconfig cargo nextest run "${EVERYTHING[@]}" --test-threads 12 -E "$NEEDS_CLUSTER" || status=$?
  kill -TERM $!
  wait $! || status=$?
  if [ "$status" != 0 ]; then cat "$folder/log"; fi
  rm -rf "$folder"
  return "$status"
}

# The window once more, on the real cluster. `tests/cluster/run` boots a node unless a cluster is named.
e2e() {
  # Two at a time: a whole Kubernetes runs on the same cores.
  local run=(cargo nextest run "${EVERYTHING[@]}" --test-threads 2 -E "$NEEDS_CLUSTER + binary(desktop_window)")
  if [ -n "${INTERCEPT_TEST_KUBECONFIG:-}" ] || [ "$(id -u)" = 0 ]; then
    tests/cluster/run -- "${SCREEN[@]}" "${run[@]}"
  else
    echo "NOT RUN: tests on real Kubernetes need root, or INTERCEPT_TEST_KUBECONFIG naming a cluster for tests"
    [ "${CI:-}" != true ]
  fi
}

stage setup scripts/setup.sh
stage fmt cargo fmt --all --check
stage shell shell_scripts
stage workflows actionlint
stage deny cargo deny --locked --log-level error check bans licenses sources
stage machete cargo machete
stage ui-types ui typecheck
stage ui-lint ui lint
stage ui-test ui test
stage ui-build ui build # before anything compiles: the desktop program carries the built window
stage clippy clippy
stage build build
stage tests tests
stage packages packages
stage sandbox sandbox
stage e2e e2e

printf '\n'
printf '[summary] %s\n' "${summary[@]}" "$(printf '%-10s %4d s' together "$SECONDS")"
exit "$failed"
