#!/usr/bin/env bash
# Usage: need-go.sh MINIMUM   Says in plain words how to get Go where it is missing or too old.
set -euo pipefail
minimum=$1
# "go version" inside the module already counts a newer toolchain that Go fetches by itself.
have=$(go version 2>/dev/null | sed -nE 's/^go version go([0-9]+\.[0-9]+).*/\1/p' || true)
if [ -n "$have" ] && [ "$(printf '%s\n' "$minimum" "$have" | sort -V | head -1)" = "$minimum" ]; then
	exit 0
fi
found="This machine has none."
[ -z "$have" ] || found="This machine has Go $have."
cat >&2 <<TEXT
Building Sijil needs Go $minimum or later. $found

To get it, with a network:
  1. Download the Linux archive of Go $minimum or later from https://go.dev/dl/
  2. sudo rm -rf /usr/local/go && sudo tar -C /usr/local -xzf go$minimum*.linux-*.tar.gz
  3. export PATH=/usr/local/go/bin:\$PATH
Where Go 1.21 or later is installed, it can fetch the right one by itself:
     GOTOOLCHAIN=auto make build${GOTOOLCHAIN:+      (GOTOOLCHAIN=$GOTOOLCHAIN is set here)}

To run Sijil without building it, use a release archive: docs/operations.md, "Install".
TEXT
exit 1
