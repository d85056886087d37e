#!/usr/bin/env bash
# Parses every shell script, and reads it with shellcheck where that is installed.
set -euo pipefail
scripts=(.ci/run scripts/*.sh packaging/*.sh)
for script in "${scripts[@]}"; do
	bash -n "$script"
done
if command -v shellcheck >/dev/null; then
	shellcheck "${scripts[@]}"
else
	echo "shellcheck: skipped, it is not installed"
fi
