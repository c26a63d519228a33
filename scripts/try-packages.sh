#!/usr/bin/env bash
# Installs the packages of dist/, uses what they bring, removes them, and looks for what stayed behind. All of it in a
# copy of this machine that is written to memory and gone at the end, so nothing here is changed. Needs root, or sudo.
# usage: scripts/try-packages.sh
set -euo pipefail
cd "$(dirname "$0")/.."
dist=$PWD/dist
# A debug program on a busy machine starts slowly.
PATIENCE=60

fail() { echo "packages: $*" >&2; exit 1; }

# What packages may not leave behind. Left out: what dpkg notes, and caches that others' triggers write afresh.
listing() {
  find /usr /etc /opt /var -xdev \
    \( -path /var/lib/dpkg -o -path /var/cache -o -path /var/log -o -path /var/tmp \) -prune -o -print |
    grep -vE '/(mimeinfo\.cache|icon-theme\.cache|gschemas\.compiled)$' | sort
}

window_shows() {
  local home log
  home=$(mktemp -d)
  log=$home/log
  # shellcheck disable=SC2016 # for the inner shell
  HOME=$home XDG_RUNTIME_DIR=$home KUBECONFIG=/nonexistent timeout --kill-after=10 $((PATIENCE * 2)) \
    dbus-run-session -- xvfb-run --auto-servernum --server-args "-screen 0 1280x800x24" bash -c '
      intercept --sandbox & program=$!
      for _ in $(seq "$1"); do
        if xwininfo -root -tree | grep -q "\"Intercept\".*1180x760"; then shown=1; break; fi
        kill -0 "$program" || exit 3
        sleep 1
      done
      kill -TERM "$program"
      wait "$program" || echo "it ended with $?"
      [ -n "${shown:-}" ]' - "$PATIENCE" >"$log" 2>&1 || { cat "$log" >&2; fail "the installed program shows no window"; }
  rm -rf "$home"
}

uses() {
  interceptctl --version
  [ "$(command -v interceptctl)" = /usr/bin/interceptctl ] || fail "another interceptctl is in front"
  local page
  for page in intercept interceptctl interceptctl-start; do
    man --warnings -l "/usr/share/man/man1/$page.1.gz" >/dev/null || fail "the manual has no readable page $page"
  done
  bash -euc 'source /usr/share/bash-completion/completions/interceptctl; complete -p interceptctl' >/dev/null
  grep -q '^#compdef interceptctl' "$1"
  local file=/usr/share/applications/Intercept.desktop
  desktop-file-validate "$file"
  grep -q '^MimeType=.*x-scheme-handler/intercept' "$file" || fail "no link opens the program"
  gzip -t /usr/share/doc/intercept/third-party-licences.gz
  grep -q 'Apache License' /usr/share/doc/intercept/copyright
}

debian() {
  local before after
  before=$(listing)
  dpkg --install "$dist"/*.deb
  dpkg --verify intercept
  uses /usr/share/zsh/vendor-completions/_interceptctl
  window_shows
  dpkg --purge intercept
  after=$(listing)
  [ "$before" = "$after" ] || { diff <(echo "$before") <(echo "$after") >&2; fail "the Debian package left that behind"; }
}

# Into an empty folder and without dependencies: this is no machine of that kind.
red_hat() {
  local root
  root=$(mktemp -d)
  rpm --initdb --root "$root"
  rpm --root "$root" --install --nodeps --noscripts --ignorearch "$dist"/*.rpm
  for file in usr/bin/intercept usr/bin/interceptctl usr/share/man/man1/interceptctl.1.gz usr/share/applications/Intercept.desktop \
    usr/share/zsh/site-functions/_interceptctl usr/share/bash-completion/completions/interceptctl; do
    [ -s "$root/$file" ] || fail "the RPM package brings no $file"
  done
  rpm --root "$root" --query --requires intercept | grep -q webkit || fail "the RPM package asks for no web view"
  "$root/usr/bin/interceptctl" --version
  rpm --root "$root" --erase --noscripts intercept
  [ -z "$(find "$root/usr" -type f)" ] || { find "$root/usr" -type f >&2; fail "the RPM package left that behind"; }
}

# Inside: the machine's own files, and on top what is written, in memory.
inside() {
  local top=/run/intercept-packages
  mount --make-rprivate /
  mkdir -p "$top"
  mount -t tmpfs tmpfs "$top"
  mkdir "$top"/{written,work,root}
  mount -t overlay overlay -o "lowerdir=/,upperdir=$top/written,workdir=$top/work" "$top/root"
  mount -t proc proc "$top/root/proc"
  mount --rbind /dev "$top/root/dev"
  mount -t tmpfs tmpfs "$top/root/tmp"
  # Wherever this folder is, also below /tmp.
  mkdir -p "$top/root/mnt"
  mount --bind "$PWD" "$top/root/mnt"
  exec chroot "$top/root" bash /mnt/scripts/try-packages.sh --in-copy
}

case ${1:-} in
  --outside-in) inside ;;
  --in-copy)
    debian
    red_hat
    echo "packages: installed, used and removed"
    ;;
  "")
    if [ "$(id -u)" = 0 ]; then as_root=(); else as_root=(sudo --non-interactive); fi
    # A process tree of its own: with it ends whatever was started.
    "${as_root[@]}" unshare --mount --pid --fork --kill-child -- bash "$PWD/scripts/try-packages.sh" --outside-in
    ;;
  *) echo "usage: scripts/try-packages.sh" >&2; exit 2 ;;
esac
