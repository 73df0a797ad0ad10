#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Real news servers, real clients: see README.md. Exits 0 only if all was
# right. The programs are $NNTPMUX_PROGRAM and $NNTPMUX_NEWSD, or are built.
set -u
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/common.sh"
. "$here/parts.sh"

LIMIT_S=${NNTPMUX_REAL_LIMIT:-480}

if [ -z "${NNTPMUX_PROGRAM:-}" ] || [ -z "${NNTPMUX_NEWSD:-}" ]; then
	need_packages $PACKAGES_BUILD $PACKAGES_REAL
	{ make_configure && (build "$ROOT/build/real") } </dev/null ||
		die "nntpmux could not be built"
	export NNTPMUX_PROGRAM=$ROOT/build/real/nntpmux
	export NNTPMUX_NEWSD=$ROOT/build/real/bench/newsd/newsd
else
	need_packages $PACKAGES_REAL
fi

case $(id -un) in
root | news) ;;
*)	die "INN runs as the user news only: be that user, or root" ;;
esac
command -v npm >/dev/null || need_packages npm
log=$(unpack_parts "$ROOT/build/parts" 2>&1) || die "unpacking: $log"
log=$(install_nyuu "$ROOT/build/nyuu" 2>&1) || die "nyuu: $log"
export NNTPMUX_PARTS=$ROOT/build/parts NNTPMUX_NYUU=$ROOT/build/nyuu

# Of this length: see leafnode.py.
TMPDIR=$(mktemp -d /tmp/nXXX) || exit 1
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
# INN runs as a user of its own and must reach its programs: so they are
# copied to where the tests work.
cp -r "$NNTPMUX_PARTS/usr/lib/news" "$TMPDIR/inn-programs" || exit 1
cp -r "$NNTPMUX_PARTS/usr/share/perl5/INN" "$TMPDIR/inn-programs/" &&
	sed -i "s|'/usr/lib/news'|'$TMPDIR/inn-programs'|" \
		"$TMPDIR/inn-programs/INN/Config.pm" || exit 1
export NNTPMUX_INN=$TMPDIR/inn-programs

timeout --kill-after=40 "$LIMIT_S" "$PYTHON" -m pytest -c "$here/pytest.ini" \
	--rootdir "$here" --basetemp "$TMPDIR/pytest" "$@" "$here" </dev/null &
child=$!
wait "$child"
code=$?
child=
exit "$code"
