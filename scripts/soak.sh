#!/usr/bin/env bash
# Usage: soak.sh MINUTES TAGS   Half of the time goes to fuzzing each target in turn, then the state machines run long, then
# the tests under the build tag "soak" get what is left.
set -euo pipefail
minutes=$1 tags=$2
end=$((SECONDS + minutes * 60))

mapfile -t targets < <(go list -tags "$tags" ./... | while read -r package; do
	go test -tags "$tags" -list '^Fuzz' "$package" | sed -n "s|^Fuzz|$package Fuzz|p"
done)
if [ ${#targets[@]} -gt 0 ]; then
	each=$((minutes * 30 / ${#targets[@]}))
	echo "fuzzing ${#targets[@]} targets for ${each} s each"
	for target in "${targets[@]}"; do
		read -r package name <<<"$target"
		echo "== $package $name"
		go test -tags "$tags" -run '^$' -fuzz "^$name\$" -fuzztime "${each}s" "$package"
	done
fi

# rapid registers its flag only in packages that use it.
mapfile -t rapid < <(go list -tags "$tags" -f '{{range .TestImports}}{{if eq . "pgregory.net/rapid"}}{{$.ImportPath}}{{end}}{{end}}' ./... | grep . || true)
if [ ${#rapid[@]} -gt 0 ]; then
	echo "== state machines, 2000 runs each"
	go test -tags "$tags" -timeout 60m "${rapid[@]}" -rapid.checks=2000
fi

left=$(((end - SECONDS) / 60))
[ "$left" -ge 1 ] || left=1
echo "== tests tagged soak, $left minutes"
SIJIL_SOAK=${left}m go test -tags "$tags soak" -run Soak -count 1 -timeout $((left + 30))m ./...
