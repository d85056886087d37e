#!/usr/bin/env bash
# Usage: install-packages.sh NAME…   Installs the Debian packages that are missing, or says which ones to install.
set -euo pipefail
missing=()
for name in "$@"; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "These programs are needed and missing: ${missing[*]}" >&2
	echo "Install them, on Debian with:  sudo apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
