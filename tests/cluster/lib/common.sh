# shellcheck shell=bash
# Names, places and small words that every script of the test node shares. Sourced, never run.
#
# A node is three namespaces (mount, process, network) with one init in them (lib/node-init.sh). Killing that init
# is the whole take-down: the kernel ends every process of the node and with the last one its mounts and its network
# are gone. Only cgroups and the state folder need removing by hand. So nothing can be left behind by a crash.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CHECKOUT=$(cd "$HERE/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/intercept-test-node

# Two checkouts side by side never meet: everything is named after the checkout's place.
NAME=${INTERCEPT_NODE_NAME:-intercept-$(printf %s "$CHECKOUT" | sha256sum | cut -c1-8)}
STATE=/var/tmp/$NAME
LOCKS=/run/lock
LOGS_KEPT=${INTERCEPT_NODE_LOGS:-$CHECKOUT/target/test-node-logs}

KUBECONFIG_PATH=$STATE/kubeconfig
MAX_NODES=4 # each node has a token of its own, and the API server reads them once

say() { printf '%s\n' "test node: $*" >&2; }
die() { say "$*"; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || die "booting Kubernetes needs root. Use sudo, or name another cluster in INTERCEPT_TEST_KUBECONFIG."; }

# await SECONDS WHAT COMMAND…: until COMMAND succeeds.
await() {
  local seconds=$1 what=$2 until
  shift 2
  until=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < until)) || { say "waited $seconds s in vain for $what"; return 1; }
    sleep 0.1
  done
}

started_at() { awk '{ print $22 }' "/proc/$1/stat" 2>/dev/null; }

# Process id of node INDEX's init. The start time guards against another process that got the same id.
init_of() {
  local pid start
  read -r pid start 2>/dev/null <"$STATE/node$1/init" || return 1
  [ -n "$pid" ] && [ "$(started_at "$pid")" = "$start" ] && printf %s "$pid"
}

# inside INDEX COMMAND…: in that node's network, with this machine's files.
inside() {
  local init
  init=$(init_of "$1") || return 1
  shift
  nsenter --net="/proc/$init/ns/net" -- "$@"
}

# kubectl as cluster administrator; its cache stays out of the user's home.
k() { HOME=$STATE inside 0 "$STATE/bin/kubectl" --kubeconfig "$KUBECONFIG_PATH" "$@"; }

# The folders of cgroup $1: one per controller (version 1), or one (version 2).
cgroup_folders() {
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    printf '%s\n' "/sys/fs/cgroup/$1"
  else
    local controller
    for controller in /sys/fs/cgroup/*/; do [ -f "$controller/cgroup.procs" ] && printf '%s\n' "$controller$1"; done
  fi
}

# The one folder by which the processes of cgroup $1 are followed.
cgroup_of_processes() {
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then printf %s "/sys/fs/cgroup/$1"; else printf %s "/sys/fs/cgroup/pids/$1"; fi
}

# keep_logs WHY: copies the logs of all nodes to where they survive the take-down, and says where.
keep_logs() {
  local folder index
  folder=$LOGS_KEPT/$(date -u +%Y%m%dT%H%M%SZ)
  mkdir -p "$folder"
  for index in $(seq 0 $((MAX_NODES - 1))); do
    [ ! -d "$STATE/node$index/log" ] || cp -r "$STATE/node$index/log" "$folder/node$index"
  done
  # Five failures are enough to compare.
  find "$LOGS_KEPT" -mindepth 1 -maxdepth 1 -type d | sort -r | tail -n +6 | xargs -r rm -rf
  say "$1; logs of the node are in $folder"
}
