#!/usr/bin/env bash
# Usage: licences.sh DIR TAGS   Copies the licences and notices of Go and of every module linked into sijil to DIR, by module.
set -euo pipefail
out=$1 tags=$2

# collect MODULE SOURCE: the licence files of SOURCE, at their place below DIR/MODULE. Every module has to have one.
collect() {
	local found=no file
	while IFS= read -r file; do
		mkdir -p "$out/$1/$(dirname "$file")"
		cp "$2/$file" "$out/$1/$file"
		chmod u+w "$out/$1/$file"
		found=yes
	done < <(cd "$2" && find . -maxdepth "$3" -type f \( -iname 'LICEN[CS]E*' -o -iname 'COPYING*' -o -iname 'NOTICE*' -o -iname 'PATENTS*' \) -not -name '*.go')
	[ $found = yes ] || { echo "licences: $1 has none in $2" >&2; exit 1; }
}

collect go "$(go env GOROOT)" 1
while read -r module dir; do
	collect "$module" "$dir" 6
done < <(go list -deps -tags "$tags" -f '{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/sijil | sort -u)
