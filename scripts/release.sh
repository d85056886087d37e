#!/usr/bin/env bash
# Usage: VERSION=… TAGS=… release.sh DIR   Makes the release archives in DIR. The same source gives the same bytes.
set -euo pipefail
dist=$1
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
rm -rf "$dist"
mkdir -p "$dist"

for arch in amd64 arm64; do
	name=sijil_${VERSION}_linux_$arch
	dir=$stage/$name
	mkdir -p "$dir/docs"
	echo "== $name"
	GOOS=linux GOARCH=$arch CGO_ENABLED=0 go build -trimpath -tags "$TAGS" \
		-ldflags "-s -w -X github.com/sijil-health/sijil/cli.Version=$VERSION" -o "$dir/sijil" ./cmd/sijil
	GOOS=linux GOARCH=$arch scripts/licences.sh "$dir/licences" "$TAGS"
	cp LICENSE NOTICE CHANGELOG.md packaging/install.sh packaging/sijil.service "$dir"
	cp docs/operations.md docs/security.md "$dir/docs"

	case $arch in
	"$(go env GOARCH)") "$dir/sijil" version ;;
	arm64)
		if command -v qemu-aarch64 >/dev/null; then
			qemu-aarch64 "$dir/sijil" version
		else
			echo "arm64: not run, qemu-aarch64 is not installed (package qemu-user)"
		fi
		;;
	*) echo "$arch: not run on this machine" ;;
	esac

	(cd "$dir" && find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum) >"$stage/sums"
	mv "$stage/sums" "$dir/SHA256SUMS"
	tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w \
		--mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" | gzip -9n >"$dist/$name.tar.gz"
done
(cd "$dist" && sha256sum ./*.tar.gz | sed 's| \./| |' >SHA256SUMS && cat SHA256SUMS)
