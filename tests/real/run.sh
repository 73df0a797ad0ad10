#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Real news servers, real clients: see README.md. Exits 0 only if all was
# right. The programs are $NNTPMUX_PROGRAM and $NNTPMUX_NEWSD, or are built.
set -u
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/common.sh"

LIMIT_S=${NNTPMUX_REAL_LIMIT:-300}

# unpack_inn DIR: INN's programs out of Debian's package. They are not
# installed: that would start a server, ask for a mail system, and fail on a
# machine without a full name. Nothing of it runs with more rights than ours.
unpack_inn()
{
	local dir=$1 deb

	[ -e "$dir/unpacked" ] && return
	rm -rf "$dir"
	mkdir -p "$dir/debs" || return 1
	(cd "$dir/debs" && apt_get download inn2 inn2-inews) || return 1
	for deb in "$dir"/debs/*.deb; do
		dpkg -x "$deb" "$dir" || return 1
	done
	chmod -R u-s,g-s,a+rX "$dir" && rm -r "$dir/debs" && touch "$dir/unpacked"
}

if [ -z "${NNTPMUX_PROGRAM:-}" ] || [ -z "${NNTPMUX_NEWSD:-}" ]; then
	need_packages $PACKAGES_BUILD $PACKAGES_REAL
	{ make_configure && (build "$ROOT/build/real") } </dev/null ||
		die "nntpmux could not be built"
	export NNTPMUX_PROGRAM=$ROOT/build/real/nntpmux
	export NNTPMUX_NEWSD=$ROOT/build/real/bench/newsd/newsd
else
	need_packages $PACKAGES_REAL
fi

# INN runs as a user of its own and must reach its programs: so they are
# copied to where the tests work.
cache=$ROOT/build/inn
log=$(unpack_inn "$cache" 2>&1) || die "no INN: $log"
TMPDIR=$(mktemp -d /tmp/nntpmux-real.XXXXXX) || exit 1
export TMPDIR
chmod 755 "$TMPDIR"
child=
stop()
{
	trap '' INT TERM HUP
	[ -z "$child" ] || { kill "$child" 2>/dev/null; wait "$child"; }
	rm -rf "$TMPDIR"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP
cp -r "$cache/usr/lib/news" "$TMPDIR/inn-programs" || exit 1
export NNTPMUX_INN=$TMPDIR/inn-programs

timeout --kill-after=40 "$LIMIT_S" "$PYTHON" -m pytest -c "$here/pytest.ini" \
	--rootdir "$here" --basetemp "$TMPDIR/pytest" "$@" "$here" </dev/null &
child=$!
wait "$child"
code=$?
child=
exit "$code"
