#!/usr/bin/env bash
# Fails when a Go file is not formatted by gofmt.
set -euo pipefail
bad=$(find . -name '*.go' -not -path './.tools/*' -not -path '*/testdata/*' -print0 | xargs -0 gofmt -l)
[ -z "$bad" ] || { printf 'not formatted; run gofmt -w on:\n%s\n' "$bad" >&2; exit 1; }
