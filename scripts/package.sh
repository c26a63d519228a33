#!/usr/bin/env bash
# Makes the Debian and RPM packages of this machine's architecture, with the window, interceptctl, its manual, its
# completions and everybody's licences. They come to lie in dist/. Asks no network once `scripts/setup.sh` ran.
# usage: scripts/package.sh            as people download them: the profile `dist`, which takes long
#        scripts/package.sh --test     of the debug programs that tests have built anyway: for trying packages, not for people
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
out=dist
stage=$out/stage

programs() {
  if [ "${1:-}" = --test ]; then
    built=$target/debug
    for program in intercept interceptctl; do
      if [ ! -x "$built/$program" ]; then
        echo "package: there is no $built/$program; \`scripts/test.sh build\` makes it" >&2
        return 1
      fi
    done
  else
    npm --prefix ui run build
    cargo build --profile dist --locked -p intercept -p interceptctl --bins --features intercept/custom-protocol
    built=$target/dist
  fi
  # Without what debuggers read. The bundler takes the window from a target folder of its own.
  mkdir -p "$stage/target/release"
  strip --strip-all -o "$stage/target/release/intercept" "$built/intercept"
  strip --strip-all -o "$stage/interceptctl" "$built/interceptctl"
}

# Everything made of the command line's own definition is made by the program that is packed.
words() {
  local shell
  mkdir -p "$stage/man" "$stage/completions" "$stage/doc"
  "$stage/interceptctl" manual "$stage/man"
  cp packaging/intercept.1 "$stage/man"
  gzip -9n "$stage"/man/*.1
  for shell in bash zsh fish; do "$stage/interceptctl" completions "$shell" >"$stage/completions/$shell"; done
  cp LICENSE "$stage/doc/copyright"
  node packaging/licences.mjs >"$stage/doc/third-party-licences"
  gzip -9n "$stage/doc/third-party-licences"
}

bundle() {
  CARGO_TARGET_DIR=$PWD/$stage/target npx --no-install tauri bundle --ci --bundles deb,rpm --config packaging/linux.json
  find "$stage/target" -name '*.rpm' -type f -exec mv -t "$out" {} +
  find "$stage/target" -name '*.deb' -type f -exec mv -t "$stage" {} +
}

# Tauri compresses with gzip, which is a third larger than what Debian's own packages have. For a try it is good enough.
smaller() {
  local deb unpacked=$stage/unpacked
  if [ "${1:-}" = --test ]; then mv -t "$out" "$stage"/*.deb; return; fi
  for deb in "$stage"/*.deb; do
    dpkg-deb --raw-extract "$deb" "$unpacked"
    dpkg-deb --root-owner-group -Zxz -z9 --build "$unpacked" "$out/${deb##*/}" >/dev/null
  done
}

rm -rf "$out"
mkdir -p "$stage"
programs "$@"
words
bundle
smaller "$@"
rm -rf "$stage"
(cd "$out" && sha256sum -- *.deb *.rpm >SHA256SUMS)
echo "packages in $PWD/$out:"
(cd "$out" && du --apparent-size --block-size=kB -- *.deb *.rpm && cat SHA256SUMS)
