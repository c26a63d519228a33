#!/usr/bin/env bash
# Exports icons/*.svg to every size that Tauri and the tray want. Run it after a source changed; the results are committed.
# Needs rsvg-convert (Debian: librsvg2-bin) and `npm ci`.
set -euo pipefail
cd "$(dirname "$0")/.."

npx tauri icon icons/icon.svg --output icons
rm -rf icons/android icons/ios # the program runs on desktops only

# Trays draw 16 to 22 points; twice that serves dense screens. `template` is black for macOS, which tints it itself;
# the others are for panels that do not.
for state in idle active degraded error; do
  for kind in template:#000000 on-dark:#e6eef0 on-light:#171c21; do
    name=${kind%%:*} colour=${kind#*:}
    sed "s/currentColor/$colour/g" "icons/tray-$state.svg" |
      rsvg-convert --width 44 --height 44 --output "icons/tray/$state-$name.png"
  done
done
