#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Checks every model (src/*/*.pml) with spin, all states of it; and that each
# finds the fault that it has for the purpose (-DMUTANT).
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

# search MODEL [OPTION]: its verdict in the file verdict
search()
{
	cp "$1" model.pml && spin ${2:-} -a model.pml >spin.log 2>&1 &&
		gcc -O2 -w -o pan pan.c && ./pan -m1000000 >verdict 2>&1 ||
		{ cat spin.log verdict; exit 1; }
}

failed=0
for model in "$root"/src/*/*.pml; do
	name=${model#"$root"/}
	search "$model"
	if grep -q 'errors: 0' verdict && ! grep -q 'search depth too small' \
		verdict; then
		echo "ok: $name, $(grep -o '[0-9]* states, stored' verdict)"
	else
		cat verdict
		failed=1
	fi
	search "$model" -DMUTANT
	grep -q 'errors: 1' verdict || {
		echo "$name does not find its own fault"
		failed=1
	}
done
exit "$failed"
