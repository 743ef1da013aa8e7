#!/bin/bash
# SPDX-License-Identifier: MIT
# fetch-libfdt.sh DIR DEBS: put libfdt for arm64 from Debian's package libfdt-dev into DIR/lib and its
# headers into DIR/include. The package itself is kept in DEBS.
set -eu
out=$1
debs=$2
mkdir -p "$(dirname "$out")"
exec 8> "$out.lock"
flock 8		# builds of several configurations may want it at the same time
if [ -e "$out/lib/libfdt.a" ] && [ "$out/lib/libfdt.a" -nt "$0" ]; then
	exit 0
fi

if ! "$(dirname "$0")/fetch-deb" "$debs" libfdt-dev; then
	echo "Otherwise point LIBFDT_SRC= to a checkout of dtc, and libfdt is compiled from there." >&2
	exit 1
fi
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
dpkg-deb -x "$debs/libfdt-dev.deb" "$work/root"
mkdir -p "$out/lib" "$out/include"
cp "$work/root/usr/include/fdt.h" "$work/root/usr/include/libfdt.h" "$out/include/"
# Last, since make looks at it alone; its time has to be that of the fetch.
cp "$work"/root/usr/lib/aarch64-linux-gnu/libfdt.a "$work/libfdt.a"
touch "$work/libfdt.a"
mv "$work/libfdt.a" "$out/lib/libfdt.a"
