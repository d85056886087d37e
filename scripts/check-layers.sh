#!/usr/bin/env bash
# Imports run downwards only, and nobody reaches round the record. The order is the one of docs/architecture.md: a package
# may import those that stand after it in the list.
set -euo pipefail
module=github.com/sijil-health/sijil
order=(cmd/sijil cli demo node backup fhir fhir/subscription fhir/canonical bulk fhir/summary fhir/match fhir/search fhir/validation fhir/patch fhir/diff fhir/xml terminology fhirpath fhir/definition ucum fhir/tape record index index/term
	policy custody peer ledger/chain ledger vault journal verify internal/durable lang demo/patients)

# Exceptions to the order, on the strict side: what these may import and no more. From index a gate takes the vocabulary of
# search terms; data comes from record alone.
declare -A only=(
	[verify]=""
	[fhir]="fhir/subscription fhir/canonical bulk fhir/summary fhir/match fhir/search fhir/validation fhir/patch fhir/diff fhir/xml terminology fhirpath fhir/definition fhir/tape record index index/term policy verify lang"
	[fhir/subscription]="fhir/search fhir/xml fhir/definition fhir/tape record index/term"
	[fhir/canonical]="terminology fhir/validation fhir/definition fhir/tape record"
	[fhir/search]="terminology fhirpath fhir/definition ucum fhir/tape index/term"
	[fhir/summary]="fhir/tape"
	[fhir/match]="fhir/search fhir/tape index/term"
	[fhir/validation]="terminology fhirpath fhir/definition ucum fhir/tape"
	[fhir/patch]="fhirpath fhir/definition fhir/tape fhir/xml"
	[fhir/diff]="fhir/definition fhir/tape"
	[fhir/xml]="fhir/definition fhir/tape"
	[terminology]="fhir/definition ucum fhir/tape"
	[fhirpath]="fhir/definition ucum fhir/tape"
	[fhir/definition]="fhir/tape"
	[ucum]=""
	[fhir/tape]=""
	[index/term]=""
	[policy]="verify"
	[backup]="verify internal/durable"
	[internal/durable]=""
	[lang]=""
	[demo/patients]=""
)

failed=0
fail() { echo "layers: $*" >&2; failed=1; }

# layer of an import path within the module: the longest entry of the order that it lies in; "-" for tools and tests.
layer() {
	local path=${1#"$module"/} best=-
	for l in "${order[@]}"; do
		case $path/ in "$l"/*) [ "${#l}" -le "${#best}" ] && [ "$best" != - ] || best=$l ;; esac
	done
	case $path/ in scripts/* | packaging/* | bench/* | test/*) best=tool ;; esac
	echo "$best"
}
rank() { local i; for i in "${!order[@]}"; do [ "${order[i]}" != "$1" ] || echo "$i"; done; }

while read -r path imports; do
	from=$(layer "$path")
	case $from in
	tool) continue ;;
	-) fail "$path is in no layer; add it to scripts/check-layers.sh"; continue ;;
	esac
	for import in $imports; do
		case $import in
		github.com/cometbft/*)
			[ "$from" = ledger/chain ] || fail "$path imports $import; CometBFT stays behind ledger/chain" ;;
		"$module"/*)
			to=$(layer "$import")
			[ "$to" != "$from" ] || continue
			[ "$to" != tool ] || { fail "$path imports $import, which is for tools and tests"; continue; }
			if [ -n "${only[$from]+set}" ]; then
				case " ${only[$from]} " in *" $to "*) ;; *) fail "$path imports $import; $from may import only: ${only[$from]:-nothing of ours}" ;; esac
			elif [ "$to" = - ] || [ "$(rank "$to")" -le "$(rank "$from")" ]; then
				fail "$path imports $import, which is above it"
			fi
			;;
		esac
	done
done < <(go list -tags nodebug -f '{{.ImportPath}} {{join .Imports " "}}' ./...)

# The offline verifier has to stay small enough for others to read: nothing of ours below it, no CometBFT, no network.
if bad=$(go list -deps ./verify | grep -E "^($module/|github.com/cometbft/|net/http$)" | grep -v "^$module/verify$"); then
	fail "verify depends on:" "$bad"
fi
exit $failed
