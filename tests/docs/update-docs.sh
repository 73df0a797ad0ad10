#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writes the sample and the key list of the manual page anew from the table of
# settings: `make update-docs` after a change of src/conf/settings.c.
set -eu
srcdir=${srcdir:-.}
page=$srcdir/man/nntpmux.ini.5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tests/docs/confdoc sample > "$work/sample"
tests/docs/confdoc mdoc > "$work/list"
sed -e "/^\.\\\\\" BEGIN/r $work/list" \
    -e '/^\.\\" BEGIN/,/^\.\\" END/{/^\.\\" \(BEGIN\|END\)/!d}' \
    "$page" > "$work/page"
cp "$work/sample" "$srcdir/etc/nntpmux.ini"
cp "$work/page" "$page"
