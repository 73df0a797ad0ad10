# SPDX-License-Identifier: BSD-2-Clause
# What scripts/try.sh, scripts/check.sh and tests/real/run.sh share: the names
# of the packages and how they are installed and built. Sourced by bash.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Debian 12 names. Each script asks for the lists it needs, no more.
PACKAGES_BUILD="autoconf automake gcc libc6-dev make pkg-config
	libcrypt-dev libinih-dev libseccomp-dev libssl-dev libxxhash-dev"
# From the second line on: what the programs need that are unpacked and not
# installed: INN, haproxy, testssl.sh, the other clients, SABnzbd, nyuu.
PACKAGES_REAL="nzbget openssl python3 python3-pytest sslscan util-linux
	libcanlock3 libdb5.3 liblua5.3-0 libopentracing-c-wrapper0
	libperl5.36 libpython3.11 libsasl2-2 libssl3 libsystemd0 zlib1g
	libicu72 libncursesw6 libpcre2-8-0 libslang2 libtinfo6 libuu0
	ncurses-base perl bsdextrautils procps
	par2 python3-chardet python3-cheetah python3-cherrypy3
	python3-configobj python3-cryptography python3-feedparser
	python3-guessit python3-portend python3-puremagic python3-rebulk
	python3-sabyenc python3-socks python3-ujson
	g++ make nodejs"
PACKAGES_CHECK="$PACKAGES_BUILD $PACKAGES_REAL zlib1g-dev
	clang clang-14 libclang-rt-14-dev git iproute2 libcriterion-dev llvm-14
	mandoc patch procps spin systemd valgrind xz-utils"

# Debian's Python: python3-pytest belongs to it, whatever comes first in PATH.
PYTHON=/usr/bin/python3

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# need_packages NAME...: installs what is missing. The network is used only
# when something is.
need_packages()
{
	local missing=() name log

	for name; do
		dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null |
			grep -qx installed || missing+=("$name")
	done
	[ ${#missing[@]} -eq 0 ] && return
	echo "installing: ${missing[*]}"
	[ "$(id -u)" -eq 0 ] || die "not root; please install: ${missing[*]}"
	log=$(mktemp)
	if ! { apt_get update && apt_get install -y --no-install-recommends \
		"${missing[@]}"; } >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		die "the packages could not be installed"
	fi
	rm -f "$log"
}

apt_get()
{
	DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -q \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# make_configure: ./configure, if it is missing or older than its sources.
make_configure()
{
	local file

	[ ! -e "$ROOT/config.status" ] || {
		echo "$ROOT is configured itself; run make distclean there"
		return 1
	}
	for file in configure.ac Makefile.am bootstrap; do
		[ "$ROOT/configure" -nt "$ROOT/$file" ] &&
			[ "$ROOT/Makefile.in" -nt "$ROOT/$file" ] && continue
		"$ROOT/bootstrap" >/dev/null || return 1
		return
	done
}

# build DIR [CONFIGURE ARGUMENT...]: configures DIR if that is needed, builds.
build()
{
	local dir=$1
	shift
	mkdir -p "$dir" && cd "$dir" || return 1
	if [ ! Makefile -nt "$ROOT/configure" ] ||
		[ "$(cat configured-with 2>/dev/null)" != "$*" ]; then
		"$ROOT/configure" -q PYTHON="$PYTHON" "$@" || return 1
		echo "$*" >configured-with
	fi
	make -s -j"$(nproc)"
}
