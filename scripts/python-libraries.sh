#!/usr/bin/env bash
# Prints the folder of the Python libraries that tests speak to, for PYTHONPATH: the ones of
# tests/interop/requirements.txt, fetched once for each Python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
wanted=$here/../tests/interop/requirements.txt
which=$( (cat "$wanted"; python3 -c 'import sys, platform; print(sys.version_info[:2], platform.machine())') | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/intercept-python-$which
if [ ! -d "$cache" ]; then
  mkdir -p "$(dirname "$cache")"
  work=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # A folder of its own rather than a virtual environment: that needs a package more on Debian, and this only pip.
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --requirement "$wanted" --target "$work/lib" >&2
  # By rename, so that two of us at once do not see half of them; whoever comes second has nothing to add.
  mv --no-target-directory "$work/lib" "$cache" 2>/dev/null || [ -d "$cache" ]
fi
printf '%s\n' "$cache"
