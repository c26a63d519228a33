# shellcheck shell=bash
# Booting and taking down, one node or all. Sourced by up, down and lib/reaper.
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# boot_node INDEX: starts the node's init in namespaces of its own and returns at once.
boot_node() {
  local index=$1 node=$STATE/node$1 init
  mkdir -p "$node/log"
  rm -f "$node/started"
  cgroup_folders "$NAME-$index" >"$node/cgroups"
  # SIGKILL to this parent takes the init with it (--kill-child).
  setsid unshare --mount --pid --net --fork --kill-child --mount-proc --propagation private \
    "$HERE/lib/node-init.sh" "$STATE" "$NAME" "$index" </dev/null >>"$node/log/init.log" 2>&1 9>&- 8>&- 7>&- &
  local parent=$!
  for _ in $(seq 200); do init=$(pgrep -P "$parent") && break; sleep 0.01; done
  [ -n "$init" ] || { say "node$index did not start"; return 1; }
  printf '%s %s\n' "$init" "$(started_at "$init")" >"$node/init"
  [ "$index" = 0 ] || cable_to_first_node "$index" "$init"
}

# cable_to_first_node INDEX INIT: a veth pair, and the routes over it.
cable_to_first_node() {
  local index=$1 init=$2 near=198.18.1.$((4 * $1 + 1)) far=198.18.1.$((4 * $1 + 2))
  inside 0 ip link add "to$index" type veth peer name up0 netns "$init"
  inside 0 ip address add "$near/30" dev "to$index"
  inside 0 ip link set "to$index" up
  inside 0 ip route add "198.18.0.$((1 + index))/32" via "$far"
  inside 0 ip route add "198.18.$((64 + 4 * index)).0/22" via "$far"
}

# await_node INDEX: ready, and its kube-proxy serves the API server's own Service.
await_node() {
  local index=$1
  await 90 "the parts of node$index" test -e "$STATE/node$index/started" &&
    await 5 "node$index to register" k wait --for=create "node/node$index" --timeout=60s &&
    await 5 "node$index to be Ready" k wait --for=condition=Ready "node/node$index" --timeout=60s &&
    await 30 "the default ServiceAccount" k wait --for=create serviceaccount/default --timeout=30s &&
    await 30 "kube-proxy's rules on node$index" answers_over_service "$index"
}

answers_over_service() {
  HOME=$STATE inside "$1" "$STATE/bin/kubectl" --kubeconfig "$KUBECONFIG_PATH" --server https://198.19.0.1 \
    --request-timeout 1s get --raw /readyz
}

# One question that only a node in good health answers. The cluster alone would call a dead one Ready for 40 s.
node_answers() {
  init_of "$1" >/dev/null &&
    [ "$(k --request-timeout 3s get node "node$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = True ]
}

# kill_cgroup NAME: ends every process in it, and removes it.
kill_cgroup() {
  local folder processes
  folder=$(cgroup_of_processes "$1")
  for _ in $(seq 200); do
    [ -d "$folder" ] || return 0
    processes=$(find "$folder" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u)
    [ -n "$processes" ] || break
    # shellcheck disable=SC2086 # one argument each
    kill -KILL $processes 2>/dev/null || true
    sleep 0.01
  done
  remove_cgroup "$1"
}

remove_cgroup() {
  local folder
  while read -r folder; do
    [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done < <(cgroup_folders "$1")
}

kill_node() {
  local init
  init=$(init_of "$1") || return 0
  kill -KILL "$init" 2>/dev/null || return 0
}

# take_down: everything, whatever state it is in. Nothing is asked to end politely: nobody needs its data.
take_down() {
  local index
  for index in $(seq 0 $((MAX_NODES - 1))); do kill_node "$index"; done
  for index in $(seq 0 $((MAX_NODES - 1))); do
    await 20 "the end of node$index" node_is_gone "$index" || return 1
    kill_cgroup "$NAME-$index"
  done
  rm -rf "$STATE"
}

# An init disappears only after every process of its namespace has.
node_is_gone() { ! init_of "$1" >/dev/null; }
