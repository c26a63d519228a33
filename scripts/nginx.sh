#!/usr/bin/env bash
# Prints the path of the NGINX that tests run: the same one as in the test node's image, fetched once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
wanted=$here/../tests/cluster/images/nginx.txt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/intercept-nginx-$(sha256sum "$wanted" | cut -c1-12)
if [ ! -x "$cache/nginx" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --requirement "$wanted" --dest "$work" >&2
  python3 -m zipfile --extract "$work"/*.whl "$work/unpacked"
  mkdir -p "$cache"
  # By rename, so that two of us at once do not see half a file.
  install -m 755 "$(find "$work/unpacked" -path '*/bin/*' -name nginx)" "$cache/nginx.$$"
  mv "$cache/nginx.$$" "$cache/nginx"
fi
printf '%s\n' "$cache/nginx"
