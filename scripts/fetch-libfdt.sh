#!/bin/bash
# SPDX-License-Identifier: MIT
# fetch-libfdt.sh DIR: put libfdt for arm64 from Debian's package libfdt-dev into DIR/lib and its headers
# into DIR/include. apt keeps its state in a private directory: the machine's own is neither needed for
# arm64 nor touched.
set -eu
out=$1
mkdir -p "$(dirname "$out")"
exec 9> "$out.lock"
flock 9		# builds of several configurations may want it at the same time
if [ -e "$out/lib/libfdt.a" ] && [ "$out/lib/libfdt.a" -nt "$0" ]; then
	exit 0
fi

work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
: > "$work/status"
work=$(cd "$work" && pwd)
apt=(apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::Lists=$work/lists"
	-o "Dir::Cache=$work/cache" -o "Dir::State::status=$work/status" -o APT::Sandbox::User=root
	-o APT::Get::List-Cleanup=false -o Acquire::Languages=none -o "Acquire::Retries=2")

# A third-party source without arm64 may fail to update; what counts is the download.
if ! { "${apt[@]}" update || true; cd "$work" && "${apt[@]}" download libfdt-dev; } > "$work/log" 2>&1 < /dev/null; then
	cat "$work/log" >&2
	cat >&2 <<-EOF
	error: could not fetch Debian's libfdt-dev for arm64 (the messages above are apt's).
	It takes a Debian or Ubuntu machine with a network, once; the result is kept in $out.
	Otherwise point LIBFDT_SRC= to a checkout of dtc, and libfdt is compiled from there.
	EOF
	exit 1
fi
cd - > /dev/null
dpkg-deb -x "$work"/libfdt-dev_*.deb "$work/root"
mkdir -p "$out/lib" "$out/include"
cp "$work/root/usr/include/fdt.h" "$work/root/usr/include/libfdt.h" "$out/include/"
# Last, since make looks at it alone; its time has to be that of the fetch.
cp "$work"/root/usr/lib/aarch64-linux-gnu/libfdt.a "$work/libfdt.a"
touch "$work/libfdt.a"
mv "$work/libfdt.a" "$out/lib/libfdt.a"
