#!/usr/bin/env bash
# Usage: check-vulnerabilities.sh VERSION   Runs govulncheck where a vulnerability database can be had, else says that it
# was skipped. GOVULNDB names another database, e.g. file:///srv/vulndb.
set -euo pipefail
version=$1 db=${GOVULNDB:-https://vuln.go.dev}
case $db in
file://*) [ -r "${db#file://}/index/db.json" ] || { echo "govulncheck: skipped, there is no database in $db"; exit 0; } ;;
*)
	command -v curl >/dev/null || { echo "govulncheck: skipped, curl is not installed"; exit 0; }
	curl -fsS --max-time 20 -o /dev/null "$db/index/db.json" 2>/dev/null ||
		{ echo "govulncheck: skipped, its database $db cannot be reached"; exit 0; }
	;;
esac
tool=.tools/govulncheck-$version
[ -x "$tool" ] || scripts/install-tool.sh "$tool" "golang.org/x/vuln/cmd/govulncheck@$version"
"$tool" -db "$db" -tags nodebug ./...
