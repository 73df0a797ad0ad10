#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The documentation says what the program does: manual pages without a warning,
# the key list, the sample and --help as the table of settings has them, every
# option and status code in nntpmux(8), samples and examples valid. Runs in the
# build directory, as a test of `make check`.
set -u
umask 077
srcdir=${srcdir:-.}
MANDOC=${MANDOC:-mandoc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
	echo "check-docs: $*" >&2
	failed=1
}

same() {
	diff -u "$1" "$2" >&2 || fail "$3; make update-docs writes it"
}

unset $(env | sed -n 's/^\(NNTPMUX_[A-Za-z0-9_]*\)=.*/\1/p') NNTPMUX_CONFIG

# The manual pages.
if command -v "$MANDOC" > /dev/null; then
	for page in "$srcdir"/man/*.[0-9]; do
		"$MANDOC" -Tlint -Wwarning "$page" >&2 ||
		    fail "$page: mandoc has warnings"
	done
else
	fail "mandoc is needed to check the manual pages"
fi

# What is made from the table.
tests/docs/confdoc sample > "$work/sample" || fail "confdoc sample"
same "$srcdir/etc/nntpmux.ini" "$work/sample" "etc/nntpmux.ini is old"
tests/docs/confdoc mdoc > "$work/mdoc" || fail "confdoc mdoc"
sed -n '/^\.\\" BEGIN/,/^\.\\" END/{/^\.\\" /!p}' \
    "$srcdir/man/nntpmux.ini.5" > "$work/list"
same "$work/list" "$work/mdoc" "the key list of nntpmux.ini(5) is old"

# --help has every key, and every option of --help is in nntpmux(8).
./nntpmux --help > "$work/help" || fail "nntpmux --help"
tests/docs/confdoc keys > "$work/keys" || fail "confdoc keys"
[ "$(wc -l < "$work/keys")" -ge 40 ] || fail "confdoc keys has too few"
while read -r section key def; do
	grep -qxF "  $key =${def:+ $def}" "$work/help" ||
	    fail "--help lacks $key of [$section]"
done < "$work/keys"
sed -n 's/^  -\(.\), --\([a-z-]*\).*/\1 \2/p' "$work/help" > "$work/options"
[ "$(wc -l < "$work/options")" -ge 10 ] || fail "--help has too few options"
while read -r letter name; do
	grep -q "^\.It Fl $letter\( .*\)*, Fl Fl $name\( \|\$\)" \
	    "$srcdir/man/nntpmux.8" ||
	    fail "nntpmux(8) lacks -$letter, --$name"
done < "$work/options"
sed -n 's/^      --\([a-z-]*\).*/\1/p' "$work/help" > "$work/long"
while read -r name; do
	grep -q "^\.It Fl Fl $name\( \|\$\)" "$srcdir/man/nntpmux.8" ||
	    fail "nntpmux(8) lacks --$name"
done < "$work/long"
sed -n 's/^\.It Fl Fl \([a-z-]*\).*/\1/p' "$srcdir/man/nntpmux.8" \
    > "$work/described"
while read -r name; do
	grep -qx "$name" "$work/long" ||
	    fail "nntpmux(8) has --$name, which is not there"
done < "$work/described"
sed -n 's/^\.It Fl \(.\).*, Fl Fl \([a-z-]*\).*/\1 \2/p' \
    "$srcdir/man/nntpmux.8" > "$work/described"
while read -r letter name; do
	grep -qx "$letter $name" "$work/options" ||
	    fail "nntpmux(8) has -$letter, --$name, which is not there"
done < "$work/described"

# nntpmux(8) has every status code that the sources say to clients.
sed -n '/^\.Ss Answers/,/^\.Sh/s/^\.It [0-9]/&/p' "$srcdir/man/nntpmux.8" |
    grep -o '[0-9][0-9][0-9]' > "$work/codes"
find "$srcdir/src/client" "$srcdir/src/nntp" "$srcdir/src/route" \
    "$srcdir/src/server" -name '*.[ch]' -exec cat {} + |
    grep -o '^[^*]*"[1-5][0-9][0-9] ' | grep -o '[0-9]\{3\} $' | sort -u \
    > "$work/said"
[ "$(wc -l < "$work/said")" -ge 15 ] || fail "too few status codes"
while read -r code; do
	grep -qx "$code" "$work/codes" ||
	    fail "nntpmux(8) lacks the answer $code"
done < "$work/said"

# The samples are valid, and -T of one is as well.
for sample in "$srcdir"/etc/*.ini; do
	cp "$sample" "$work/sample.ini"
	chmod 600 "$work/sample.ini"
	./nntpmux -t -c "$work/sample.ini" -s proxy.strict=yes >&2 ||
	    fail "$sample is not valid"
	./nntpmux -T -c "$work/sample.ini" > "$work/dump.ini" ||
	    fail "$sample can't be dumped"
	./nntpmux -t -c "$work/dump.ini" >&2 ||
	    fail "the dump of $sample is not valid"
done

# So are the examples of the texts, once their passwords are there: each block
# that begins with a section becomes a file.
awk -v work="$work" '
	FNR == 1 { block = "" }
	/^\.Bd -literal/ { block = "man"; fresh = 1; next }
	/^\.Ed/ { block = "" }
	/^    \[/ && block == "" { block = "readme"; fresh = 1 }
	/^[^ ]/ && block == "readme" { block = "" }
	block == "" { next }
	{ sub(/^    /, "") }
	fresh && !/^\[/ { block = ""; next }
	fresh { fresh = 0; file = sprintf("%s/example-%d.ini", work, ++n) }
	/^password_file = / { $0 = "password = x" }
	/^password = \$/ { $0 = "password_plain = x" }
	{ print > file }
' "$srcdir/README.md" "$srcdir/man/nntpmux.ini.5"
[ "$(ls "$work"/example-*.ini | wc -l)" -ge 5 ] || fail "too few examples"
for example in "$work"/example-*.ini; do
	grep -q "^\[backend " "$example" ||
	    printf '[backend b]\naddress = h\n' >> "$example"
	./nntpmux -t -c "$example" -s proxy.strict=yes >&2 ||
	    fail "an example is not valid: $(cat "$example")"
done

exit $failed
