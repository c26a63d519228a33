#!/usr/bin/env bash
# The story of one intercept, told with real requests on the cluster that INTERCEPT_TEST_KUBECONFIG names.
# usage: story.sh INTERCEPTCTL
set -euo pipefail
export KUBECONFIG=${INTERCEPT_TEST_KUBECONFIG:?names no cluster}
ctl=$(realpath "$1") kubectl=${INTERCEPT_TEST_KUBECTL:-kubectl}
shop=shop-$RANDOM
work=$(mktemp -d)
laptop='' session=''
PROXY_IMAGE=${INTERCEPT_TEST_PROXY_IMAGE:-docker.io/library/nginx:1.31.3}
SAMPLE_IMAGE=${INTERCEPT_TEST_SAMPLE_IMAGE:-intercept.test/sample:local}

tell() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
ctl() { show "$ctl" --namespace "$shop" "$@"; }
ask() { printf '$ curl %s http://api.%s/\n  → ' "$*" "$shop"; curl --silent --show-error --max-time 10 "$@" "http://$address/" | grep -o '"by":"[^"]*"' || true; }
await() { for _ in $(seq 300); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.1; done; echo "waited in vain for: $*" >&2; return 1; }
start() {
  "$ctl" --namespace "$shop" start api --to 3000 --grace 10s --proxy-image "$PROXY_IMAGE" >"$work/start.log" 2>&1 &
  session=$!
  await grep -q '^Ready' "$work/start.log" || { cat "$work/start.log" >&2; return 1; }
  printf '$ interceptctl start api --to 3000\n'
  grep '^Ready' "$work/start.log"
}
stop_all() {
  local pid
  for pid in $session $laptop; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
  "$kubectl" delete namespace "$shop" --wait=false >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap stop_all EXIT

"$kubectl" create namespace "$shop" >/dev/null
"$kubectl" --namespace "$shop" create deployment api --image="$SAMPLE_IMAGE" --port=8080 >/dev/null
"$kubectl" --namespace "$shop" expose deployment api --port=80 --target-port=8080 >/dev/null
"$kubectl" --namespace "$shop" rollout status deployment api --timeout=60s >/dev/null
address=$("$kubectl" --namespace "$shop" get service api --output=jsonpath='{.spec.clusterIP}')
await curl --silent --fail --max-time 1 "http://$address/"
before=$("$kubectl" --namespace "$shop" get service api --output=jsonpath='{.spec}{.metadata.annotations}')

python3 -c '
import http.server
class Laptop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"{\"by\":\"laptop\"}"
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 3000), Laptop).serve_forever()' &
laptop=$!
await curl --silent --max-time 1 http://127.0.0.1:3000/

tell "A Service in the cluster, and a program on the laptop that wants its requests."
ctl services
tell "What would change. Nothing is changed yet."
ctl plan api --to 3000 --proxy-image "$PROXY_IMAGE" | head -40
tell "The intercept."
start
ask -H 'X-C6O-INTERCEPT: yes'
ask
ctl list
tell "Ctrl-C: everything is as it was."
kill -INT "$session"; wait "$session" || true; session=''
tail -2 "$work/start.log"
ask -H 'X-C6O-INTERCEPT: yes'
tell "Again, and this time the laptop dies without a word (SIGKILL). What was on its way is cut; then the original answers."
start
kill -KILL "$session"; wait "$session" 2>/dev/null || true; session=''
original_answers() { curl --silent --max-time 2 -H 'X-C6O-INTERCEPT: yes' "http://$address/" | grep -q original; }
await original_answers
ask -H 'X-C6O-INTERCEPT: yes'
tell "Nobody cleans up. After the grace time (10 s here, 60 s by default) the cluster restores itself."
untouched() { [ "$("$kubectl" --namespace "$shop" get service api --output=jsonpath='{.spec}{.metadata.annotations}')" = "$before" ]; }
nothing_left() { [ -z "$("$kubectl" --namespace "$shop" get all,configmaps,serviceaccounts,roles,rolebindings --selector app.kubernetes.io/managed-by=intercept --output=name)" ]; }
await untouched
await nothing_left || await nothing_left
ask
ctl session close --all --dry-run
tell "The Service is what it was, and nothing is left."
