#!/usr/bin/env bash
# Process 1 of one node: makes its mounts and network, starts its parts, starts again what ends, and reaps orphans.
# Runs in namespaces of its own (lib/boot.sh makes them); its death is the node's death.
# usage: node-init.sh STATE NAME INDEX
set -euo pipefail
STATE=$1 NAME=$2 INDEX=$3
NODE=$STATE/node$INDEX
DISK=$NODE/disk
ADDRESS=198.18.0.$((1 + INDEX))                # 198.18.0.0/15 is the benchmarking range: nobody's real network
PODS=198.18.$((64 + 4 * INDEX)).0/22
export PATH=$STATE/bin:$PATH

log() { printf '%s %s\n' "$(date -u +%T.%3N)" "$*"; }

# The parts write in a memory disk: faster than any real one, and gone with the node. Paths that no part can be told
# to change are covered by it too.
mount_private() {
  mount --make-rshared /
  mkdir -p "$DISK"
  mount -t tmpfs -o size=8g,mode=755 tmpfs "$DISK"
  local path
  for path in /run/containerd /var/lib/cni /var/lib/kubelet /var/log/containers; do
    mkdir -p "$path" "$DISK$path"
    mount --bind "$DISK$path" "$path"
  done
}

# A bridge serves as the node's interface: not every kernel has the dummy device.
raise_network() {
  ip link set lo up
  ip link add node0 type bridge
  ip address add "$ADDRESS/32" dev node0
  ip link set node0 up
  if [ "$INDEX" = 0 ]; then ip route add default dev node0; else join_first_node; fi
  sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.all.rp_filter=0
}

# lib/boot.sh hands us our end of a cable to the first node.
join_first_node() {
  local near=198.18.1.$((4 * INDEX + 1)) far=198.18.1.$((4 * INDEX + 2))
  for _ in $(seq 200); do ip link show up0 >/dev/null 2>&1 && break; sleep 0.02; done
  ip address add "$far/30" dev up0
  ip link set up0 up
  ip route add default via "$near" src "$ADDRESS"
}

# A load of fresh connections through kube-proxy's masquerading runs out of source ports when old entries linger:
# SYNs vanish and callers wait three seconds, which a test would blame on the program.
forget_connections_soon() {
  local setting
  for setting in tcp_tw_reuse=1 'ip_local_port_range=15000 65535' tcp_max_syn_backlog=16384; do
    sysctl -qw "net.ipv4.$setting"
  done
  sysctl -qw net.core.somaxconn=16384
  for setting in time_wait=1 close=1 fin_wait=5 close_wait=5 last_ack=5 syn_sent=5; do
    sysctl -qw "net.netfilter.nf_conntrack_tcp_timeout_$setting" || log "cannot set conntrack's $setting"
  done
}

# An own cgroup root: otherwise two kubelets on one machine remove each other's pods.
make_cgroups() {
  local folder
  while read -r folder; do
    mkdir -p "$folder"
    [ ! -f "$folder/cpuset.mems" ] || [ -f "$folder/cgroup.controllers" ] || {
      cat "${folder%/*}/cpuset.cpus" >"$folder/cpuset.cpus"
      cat "${folder%/*}/cpuset.mems" >"$folder/cpuset.mems"
    }
  done <"$NODE/cgroups"
}

write_configurations() {
  sed -e "s|@DISK@|$DISK|g" "$STATE/conf/containerd.toml" >"$NODE/containerd.toml"
  sed -e "s|@DISK@|$DISK|g; s|@CGROUP@|/$NAME-$INDEX|g" "$STATE/conf/kubelet.yaml" >"$NODE/kubelet.yaml"
  mkdir -p "$NODE/cni"
  sed -e "s|@DISK@|$DISK|g; s|@PODS@|$PODS|g" "$STATE/conf/cni.conflist" >"$NODE/cni/10-pods.conflist"
}

# keep PART COMMAND…: runs it for as long as the node lives.
keep() {
  local part=$1
  shift
  while :; do
    "$@" </dev/null >>"$NODE/log/$part.log" 2>&1 || true
    log "$part ended; starting it again"
    sleep 0.2
  done
}

start_control_plane() {
  keep etcd etcd --data-dir "$DISK/etcd" --listen-client-urls http://127.0.0.1:2379 --unsafe-no-fsync --log-level warn \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 &
  keep kube-apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 --service-cluster-ip-range 198.19.0.0/16 \
    --advertise-address "$ADDRESS" --bind-address 0.0.0.0 --secure-port 6443 --cert-dir "$STATE/pki" \
    --token-auth-file "$STATE/pki/tokens.csv" --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --service-account-key-file "$STATE/pki/sa.pub" --service-account-signing-key-file "$STATE/pki/sa.key" \
    --service-account-issuer https://kubernetes.default.svc --allow-privileged=true \
    --kubelet-preferred-address-types InternalIP &
  await_api
  keep kube-controller-manager kube-controller-manager --kubeconfig "$STATE/kubeconfigs/system:kube-controller-manager" \
    --service-account-private-key-file "$STATE/pki/sa.key" --root-ca-file "$STATE/pki/apiserver.crt" --leader-elect=false &
  keep kube-scheduler kube-scheduler --kubeconfig "$STATE/kubeconfigs/system:kube-scheduler" --leader-elect=false &
}

# Every kubectl costs a tenth of a second of one core: ask the port first, which costs nothing.
await_api() {
  local tries
  for tries in $(seq 1200); do
    (: <"/dev/tcp/$ADDRESS/6443") 2>/dev/null && HOME=$NODE kubectl --kubeconfig "$STATE/kubeconfig" get --raw /readyz \
      >/dev/null 2>&1 && return
    sleep 0.1
  done
  log "the API server does not become ready after $tries tries"
}

start_containerd() {
  keep containerd containerd -c "$NODE/containerd.toml" &
}

import_images() {
  local archive
  for _ in $(seq 600); do ctr version >/dev/null 2>&1 && break; sleep 0.05; done
  for archive in "$STATE"/images/*.tar; do
    ctr --namespace k8s.io images import "$archive" >>"$NODE/log/images.log" 2>&1 || log "cannot import $archive"
  done
}

start_node() {
  keep kubelet kubelet --config "$NODE/kubelet.yaml" --kubeconfig "$STATE/kubeconfigs/system:node:node$INDEX" \
    --node-ip "$ADDRESS" --hostname-override "node$INDEX" --root-dir "$DISK/kubelet" --cert-dir "$DISK/kubelet-pki" &
  # kube-proxy sets conntrack's close_wait itself, to an hour, unless told.
  keep kube-proxy kube-proxy --kubeconfig "$STATE/kubeconfigs/system:kube-proxy" --proxy-mode iptables \
    --hostname-override "node$INDEX" --cluster-cidr 198.18.64.0/18 --conntrack-max-per-core 0 \
    --conntrack-tcp-timeout-close-wait 5s &
}

mkdir -p "$NODE/log"
mount_private
raise_network
make_cgroups
write_configurations
start_containerd
import_images &
importing=$!
[ "$INDEX" != 0 ] || start_control_plane
wait "$importing" || true
start_node
forget_connections_soon
touch "$NODE/started"
log "every part of node$INDEX is started"
while :; do wait || true; done
