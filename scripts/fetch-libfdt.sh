#!/bin/bash
# SPDX-License-Identifier: MIT
# fetch-libfdt.sh DIR DEBS: put libfdt for arm64 into DIR/lib and its headers into DIR/include: from Debian's
# package libfdt-dev, or, where the machine's apt sources have none for arm64 (Ubuntu's for PCs), from the source of
# device-tree-compiler, compiled with $LIBFDT_CC and $LIBFDT_AR. What is downloaded is kept in DEBS.
set -eu
out=$1
debs=$2
here=$(dirname "$0")
mkdir -p "$(dirname "$out")"
exec 8> "$out.lock"
flock 8		# builds of several configurations may want it at the same time
if [ -e "$out/lib/libfdt.a" ] && [ "$out/lib/libfdt.a" -nt "$0" ]; then
	exit 0
fi

work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT

# In conditions, where nothing but && and || minds errors.
from_package() {
	"$here/fetch-deb" "$debs" libfdt-dev &&
	dpkg-deb -x "$debs/libfdt-dev.deb" "$work/root" &&
	mv "$work/root/usr/include" "$work/include" &&
	mv "$work"/root/usr/lib/aarch64-linux-gnu/libfdt.a "$work/libfdt.a"
}

from_source() {
	"$here/fetch-deb" "$debs" src:device-tree-compiler &&
	mkdir "$work/include" &&
	tar -C "$work/include" --strip-components=2 --wildcards -xf "$debs"/device-tree-compiler.tar.* '*/libfdt/*.[ch]' || return 1
	local src
	for src in "$work"/include/fdt*.c; do
		# shellcheck disable=SC2086 # several words
		${LIBFDT_CC:?} -I"$work/include" -c -o "${src%.c}.o" "$src" || return 1
	done
	"${LIBFDT_AR:?}" rcs "$work/libfdt.a" "$work"/include/*.o
}

if ! from_package 2> "$work/log"; then
	if ! from_source 2>> "$work/log"; then
		cat "$work/log" >&2
		echo "error: libfdt could not be had as a package, nor its source (the messages above are apt's)." >&2
		echo "Point LIBFDT_SRC= to a checkout of dtc, and it is compiled from there." >&2
		exit 1
	fi
	echo "libfdt: there is no package for arm64 here, so it was compiled from device-tree-compiler's source" >&2
fi
mkdir -p "$out/lib" "$out/include"
cp "$work/include/fdt.h" "$work/include/libfdt.h" "$out/include/"
# Last, since make looks at it alone; its time has to be that of the fetch.
touch "$work/libfdt.a"
mv "$work/libfdt.a" "$out/lib/libfdt.a"
