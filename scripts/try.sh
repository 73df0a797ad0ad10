#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds nntpmux, starts it before two small news servers, reads and posts an
# article through it and goes on until it is interrupted.
#
#   scripts/try.sh [--once]      --once: stop after the articles
set -u
export LC_ALL=C.UTF-8
. "$(dirname "$0")/common.sh"
unset "${!NNTPMUX_@}"	# nntpmux would read them

PORT=8119
READY_S=20
MSGID='<pencils@sample-b.example>'
POSTED='<hello@try.example>'
BUILD=$ROOT/build/try

once=no
case "$#:${1:-}" in
0:) ;;
1:--once) once=yes ;;
1:-h | 1:--help)
	sed -n '3,6s/^# \{0,1\}//p' "$0"
	exit 0 ;;
*)	die "usage: scripts/try.sh [--once]" ;;
esac

dir=
children=()

# The servers end with this script, on every way out of it; the kernel sees
# to it if the script is killed (start).
finish()
{
	trap '' INT TERM HUP
	[ ${#children[@]} -eq 0 ] || kill "${children[@]}" 2>/dev/null
	wait
	[ -z "$dir" ] || rm -rf "$dir"
}

# start NAME COMMAND...: a server in the background, its words in dir/NAME.log.
start()
{
	local name=$1
	shift
	setpriv --pdeathsig TERM -- "$@" >"$dir/$name.log" 2>&1 </dev/null &
	children+=($!)
	wait_for "$name" "$!" 'listening on '
}

# wait_for NAME PID TEXT: until TEXT is in the log of a server that runs.
wait_for()
{
	local end=$((SECONDS + READY_S))

	until grep -qs "$3" "$dir/$1.log"; do
		if ! kill -0 "$2" 2>/dev/null || [ "$SECONDS" -ge "$end" ]; then
			cat "$dir/$1.log" >&2
			die "$1 did not start"
		fi
		sleep 0.05
	done
}

news_server()
{
	start "news-server-$1" "$BUILD/bench/newsd/newsd" --no-generate \
		--spool "$ROOT/bench/newsd/sample-$1" --port-file "$dir/$1.port" \
		--user "account-$1" --password-file "$dir/$1.password"
}

is_taken()
{
	(exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

build_programs()
{
	make_configure && (build "$BUILD")
}

write_config()
{
	cat <<-END
	[listen main]
	address = 127.0.0.1:$PORT

	[backend a]
	address = 127.0.0.1:$(cat "$dir/a.port")
	username = account-a
	password_file = $dir/a.password
	max_connections = 10
	posting = yes

	[backend b]
	address = 127.0.0.1:$(cat "$dir/b.port")
	username = account-b
	password_file = $dir/b.password
	max_connections = 10
	END
}

# read_article: prints what the proxy sends; fails if it is no article.
read_article()
{
	local line

	exec 3<>"/dev/tcp/127.0.0.1/$PORT" || return 1
	printf 'ARTICLE %s\r\nQUIT\r\n' "$MSGID" >&3
	timeout "$READY_S" cat <&3 | tr -d '\r' >"$dir/session"
	exec 3>&-
	while IFS= read -r line; do
		echo "    $line"
	done <"$dir/session"
	sed -n 2p "$dir/session" | grep -q "^220 0 $MSGID" &&
		grep -qx '\.' "$dir/session" &&
		tail -n 1 "$dir/session" | grep -q '^205 '
}

# hear CODE: the next line of the proxy, printed; it must begin with CODE. The
# line is left in $heard.
hear()
{
	IFS= read -r -t "$READY_S" heard <&3 || return 1
	heard=${heard%$'\r'}
	echo "    $heard"
	[ "${heard%% *}" = "$1" ]
}

# ask CODE LINE...: says the lines, hears the answer.
ask()
{
	local code=$1
	shift
	printf '  > %s\n' "$@"
	printf '%s\r\n' "$@" >&3
	hear "$code"
}

# Selects a group, posts into it and finds the article there.
post_article()
{
	exec 3<>"/dev/tcp/127.0.0.1/$PORT" || return 1
	hear 200 && ask 211 'GROUP local.test.a' &&
		ask 340 POST &&
		ask 240 'From: You <you@example.org>' \
			'Newsgroups: local.test.a' 'Subject: Hello' \
			"Message-ID: $POSTED" '' 'Posted through nntpmux.' . &&
		ask 211 'GROUP local.test.a' &&
		ask 223 "STAT $(last_number "$heard")" &&
		[[ $heard = *" $POSTED"* ]] && ask 205 QUIT
}

# last_number LINE: of a group, from "211 COUNT FIRST LAST GROUP".
last_number()
{
	local words

	read -ra words <<<"$1"
	echo "${words[3]}"
}

is_taken && die "port $PORT of 127.0.0.1 is taken; end what listens there" \
	"(ss -ltnp 'sport = :$PORT' shows it) and try again"
need_packages $PACKAGES_BUILD
trap finish EXIT
trap 'echo; echo "stopped"; exit 0' INT TERM
trap 'exit 1' HUP
dir=$(mktemp -d /tmp/nntpmux-try.XXXXXX) || die "no directory below /tmp"
mkdir -p "$ROOT/build"
echo "building in build/try"
if ! build_programs >"$dir/build.log" 2>&1 </dev/null; then
	tail -n 30 "$dir/build.log" >&2
	die "the build failed"
fi

for name in a b; do
	(umask 077 && echo "secret of $name" >"$dir/$name.password")
	news_server "$name"
	echo "news server $name:  127.0.0.1:$(cat "$dir/$name.port")," \
		"login account-$name, articles of bench/newsd/sample-$name"
done
(umask 077 && write_config >"$dir/nntpmux.ini")
start nntpmux "$BUILD/nntpmux" -c "$dir/nntpmux.ini"
echo "nntpmux:        127.0.0.1:$PORT, before both"

cat <<END

An article through nntpmux (only news server b has it):

\$ printf 'ARTICLE $MSGID\r\nQUIT\r\n' | nc 127.0.0.1 $PORT
END
if ! read_article; then
	cat "$dir/nntpmux.log" >&2
	die "no article came"
fi
cat <<END

A group, and an article posted into it (news server a has posting = yes):

END
if ! post_article; then
	cat "$dir/nntpmux.log" >&2
	die "no article was posted"
fi
exec 3>&-
[ "$once" = no ] || exit 0

cat <<END

nntpmux goes on until Ctrl-C. To connect:

    host 127.0.0.1, port $PORT, no TLS, no user name, no password

    by hand    nc -C 127.0.0.1 $PORT
               then: ARTICLE <kettle@sample-a.example>
                     LIST
                     GROUP local.test.b
                     XOVER 1-100
                     ARTICLE 1
                     POST
               (LIST shows the groups of news server a, GROUP finds all)
    slrn       slrn -h 127.0.0.1 -p $PORT -f /tmp/newsrc --create
    tin        tin -r -g 127.0.0.1 -p $PORT
    SABnzbd    Config, Servers, Add Server: Host 127.0.0.1, Port $PORT,
               SSL off, Connections 10, user name and password empty
    NZBGet     Server1.Host=127.0.0.1  Server1.Port=$PORT
               Server1.Encryption=no  Server1.Connections=10
               Server1.JoinGroup=no

    configuration  $dir/nntpmux.ini
    log            $dir/nntpmux.log
END
wait -n "${children[@]}"
for log in "$dir"/*.log; do
	echo "--- ${log##*/}"
	tail -n 5 "$log"
done >&2
die "a server ended by itself"
