#!/usr/bin/env bash
# Usage: install-clients.sh DIR   Installs the npm packages that DIR/package-lock.json lists into DIR/node_modules. Runs nothing of them.
set -euo pipefail
cd "$1"
major=$(node --version 2>/dev/null | sed -nE 's/^v([0-9]+)\..*/\1/p')
if [ "${major:-0}" -lt 20 ] || ! command -v npm >/dev/null; then
	echo "The tests with other people's FHIR clients need Node 20 or newer, with npm; here is: $(node --version 2>/dev/null || echo none)" >&2
	exit 1
fi
echo "installing the FHIR clients of $1"
for attempt in 1 2 3; do
	! npm ci --ignore-scripts --omit=peer --no-audit --no-fund --loglevel=error || exit 0
	sleep $((attempt * 5))
done
exit 1
