#!/usr/bin/env bash
# Runs the FHIR steps of bench against WSO2's fhir-server, a FHIR R4 server in Go on PostgreSQL, beside which docs/performance.md puts
# Sijil's figures. It takes a checkout of https://github.com/wso2/fhir-server, builds it, makes a fresh PostgreSQL with its defaults
# (every commit is on disk before it is answered) and stops both at the end.
#
#	scripts/peer.sh CHECKOUT [flags of bench, such as -smoke]
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
checkout=$(cd "$1" && pwd) && shift
here=$(cd "$(dirname "$0")/.." && pwd)
tags=${TAGS:-nodebug}

bindir=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
PATH=${bindir:+$bindir:}$PATH
command -v initdb >/dev/null || { echo "peer: PostgreSQL is needed: apt-get install postgresql" >&2; exit 1; }

dir=$(mktemp -d "$here/bin/peer-XXXXXX")
as=() # PostgreSQL refuses to run as root
if [ "$(id -u)" = 0 ]; then
	chown postgres "$dir"
	as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
	reach=$dir # everybody must be able to reach the directory
	while [ "$reach" != / ]; do chmod o+x "$reach" 2>/dev/null || true; reach=$(dirname "$reach"); done
fi
server=
stop() {
	[ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; }
	"${as[@]}" pg_ctl -D "$dir/data" -m fast -w stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
database=$(free_port) port=$(free_port)
(cd "$checkout" && go build -o "$here/bin/peer-fhir-server" ./cmd/server)
"${as[@]}" initdb -D "$dir/data" -U fhir -A trust -E UTF8 >/dev/null
"${as[@]}" pg_ctl -D "$dir/data" -o "-p $database -k $dir -c listen_addresses=127.0.0.1" -l "$dir/log" -w start >/dev/null
"${as[@]}" createdb -h 127.0.0.1 -p "$database" -U fhir fhirdb

url=http://127.0.0.1:$port/fhir/r4
DATABASE_URL="postgres://fhir@127.0.0.1:$database/fhirdb?sslmode=disable&pool_max_conns=20" SERVER_PORT=$port BASE_URL=$url \
	FHIR_CREATE_TABLES=true SERVER_WRITE_TIMEOUT=10m "$here/bin/peer-fhir-server" >"$dir/server.log" 2>&1 &
server=$!
for _ in $(seq 120); do
	curl -sf "$url/metadata" >/dev/null && break
	kill -0 "$server" 2>/dev/null || { echo "peer: the server ended:" >&2; tail -5 "$dir/server.log" >&2; exit 1; }
	sleep 0.5
done
echo "peer       $(cd "$checkout" && git log -1 --format='fhir-server %h of %cs' 2>/dev/null || basename "$checkout"), $(postgres --version)"
(cd "$here" && go run -tags "$tags" ./bench -url "$url" "$@")
echo "peer       memory of the server $(awk '/VmHWM/ {printf "%.0f", $2/1024}' "/proc/$server/status") MiB, its database on disk $(du -sm "$dir/data" | cut -f1) MB"
