#!/bin/sh
# Installs Sijil from the unpacked release archive that this script lies in. It needs no network.
#
#   sudo ./install.sh              program, shell completion, user "sijil" and a systemd service (not started)
#   ./install.sh --root DIR        everything below DIR, no user, no service started: for images and for trying
#   sudo ./install.sh --no-service program and shell completion only
#
# Run it again with a newer archive to upgrade: the former program is kept as sijil.old. Data is never touched.
set -eu

root='' service=yes
while [ $# -gt 0 ]; do
	case $1 in
	--root) [ $# -ge 2 ] || { echo "--root needs a directory" >&2; exit 2; }; root=$2; shift 2 ;;
	--no-service) service=no; shift ;;
	*) sed -n '2,9s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] && exit 0; exit 2 ;;
	esac
done

die() { echo "install.sh: $1" >&2; exit 1; }

cd "$(dirname "$0")"
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || die "installing for everyone needs root: run it with sudo, or use --root DIR."

# A USB stick that was pulled out early, or a download that was changed, shows here.
sha256sum --quiet --strict -c SHA256SUMS ||
	die "these files are not the ones that were released. Nothing was installed; get the archive again."
./sijil version >/dev/null ||
	die "this program does not run here. Is the archive the right one for this machine ($(uname -m))? Nothing was installed."

# put MODE SOURCE TARGET: written beside its place, then moved there, so that a running program is not disturbed.
put() {
	mkdir -p "$(dirname "$3")"
	cp "$2" "$3.new"
	chmod "$1" "$3.new"
	mv "$3.new" "$3"
}

bin=$root/usr/local/bin/sijil
[ ! -f "$bin" ] || cp -p "$bin" "$bin.old"
put 0755 sijil "$bin"
doc=$root/usr/local/share/doc/sijil
put 0644 LICENSE "$doc/LICENSE"
put 0644 NOTICE "$doc/NOTICE"
mkdir -p "$doc"
rm -rf "$doc/licences"
cp -R licences "$doc/licences"

# completion SHELL FILE: shell completion, where the program can write it.
completion() {
	mkdir -p "$(dirname "$root/$2")"
	./sijil completion "$1" >"$root/$2.new" && mv "$root/$2.new" "$root/$2"
}
completion bash usr/local/share/bash-completion/completions/sijil
completion zsh usr/local/share/zsh/site-functions/_sijil
completion fish usr/local/share/fish/vendor_completions.d/sijil.fish

if [ "$service" = yes ]; then
	put 0644 sijil.service "$root/etc/systemd/system/sijil.service"
fi
echo "Installed $(./sijil version | head -1) as $bin"
[ "$service" = yes ] && [ -z "$root" ] || exit 0

if ! getent passwd sijil >/dev/null; then
	useradd --system --home-dir /var/lib/sijil --shell /usr/sbin/nologin --user-group sijil
fi
install -d -m 0700 -o sijil -g sijil /var/lib/sijil
install -d -m 0700 /etc/sijil
if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
echo "Next: docs/operations.md, \"The first node\". The service is sijil.service; it is not started yet."
