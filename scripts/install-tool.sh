#!/usr/bin/env bash
# Usage: install-tool.sh TARGET PACKAGE@VERSION   Builds a Go program as the file TARGET, outside of the module's go.mod.
set -euo pipefail
target=$1 package=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo "installing $package"
GOBIN=$dir GOFLAGS='' go install "$package"
mkdir -p "$(dirname "$target")"
mv "$dir"/* "$target"
