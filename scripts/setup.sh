#!/usr/bin/env bash
# Installs what builds and tests need on a Debian 12 machine that has Rust, Node and Go, and skips what is there.
# With everything in place it changes nothing and asks no network.
# usage: scripts/setup.sh [--sandbox-only|--node-only|--bench-only]     just what the sandbox, the test node, or a measurement needs
set -euo pipefail
cd "$(dirname "$0")/.."

SANDBOX_PACKAGES=(build-essential python3 python3-pip ca-certificates)
NODE_PACKAGES=(
  containerd runc containernetworking-plugins iptables conntrack iproute2 busybox-static
  openssl procps curl python3 python3-pip ca-certificates util-linux
)
BUILD_PACKAGES=(
  build-essential pkg-config
  libwebkit2gtk-4.1-dev libayatana-appindicator3-dev librsvg2-dev librsvg2-bin libxdo-dev
  xvfb webkit2gtk-driver dbus-x11 imagemagick shellcheck
  binutils rpm man-db desktop-file-utils x11-utils
)
# name@version; tauri-driver 3 speaks to Tauri 3.
CARGO_TOOLS=(cargo-nextest@0.9.151 cargo-deny@0.20.2 cargo-machete@0.9.2 tauri-driver@2.1.0)

ACTIONLINT=1.7.12

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_packages() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -qq "${missing[@]}" >&2
}

install_cargo_tools() {
  local tool installed
  installed=$(cargo install --list)
  for tool in "$@"; do
    grep -q "^${tool/@/ v}:" <<<"$installed" && continue
    say "installing $tool"
    cargo install --locked --quiet "${tool%@*}" --version "${tool#*@}"
  done
}

# Beside cargo's tools, where `scripts/test.sh` looks.
install_actionlint() {
  local folder=${CARGO_HOME:-$HOME/.cargo}/bin
  if [ "$("$folder/actionlint" --version 2>/dev/null | head -n 1)" = "v$ACTIONLINT" ]; then return; fi
  say "installing actionlint $ACTIONLINT"
  GOBIN=$folder go install "github.com/rhysd/actionlint/cmd/actionlint@v$ACTIONLINT"
}

# The folders are where npm itself notes what it installed; a newer lock file means it has to again.
install_node_modules() {
  local folder
  for folder in . ui; do
    [ -f "$folder/package-lock.json" ] || continue
    [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && continue
    say "installing the node modules of $folder"
    npm --prefix "$folder" ci --no-audit --no-fund >&2
  done
}

case ${1:-} in
  --sandbox-only) install_packages "${SANDBOX_PACKAGES[@]}" ;;
  --node-only) install_packages "${NODE_PACKAGES[@]}" ;;
  --bench-only) install_packages "${NODE_PACKAGES[@]}" wrk ;;
  "")
    install_packages "${NODE_PACKAGES[@]}" "${BUILD_PACKAGES[@]}"
    install_cargo_tools "${CARGO_TOOLS[@]}"
    install_actionlint
    install_node_modules
    ;;
  *) say "usage: scripts/setup.sh [--sandbox-only|--node-only|--bench-only]"; exit 2 ;;
esac
