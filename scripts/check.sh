#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Installs what the tests need and runs all of them, three steps at a time: most of
# them wait more than they work.
#
#   scripts/check.sh               everything
#   scripts/check.sh STEP...       these steps only
#   scripts/check.sh --list        the steps, each with a line about it
#
# Logs: build/check/log/STEP.log. The last line counts the tests of all steps.
set -u
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
# A clone that belongs to somebody else is no reason for git to refuse.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory \
	GIT_CONFIG_VALUE_0='*'
# What the sanitizers of clang write has names and lines in it.
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-14
. "$(dirname "$0")/common.sh"

WORK=$ROOT/build/check
LOGS=$WORK/log
LANES=3
STEP_LIMIT_S=2400
LOAD_S=${NNTPMUX_LOAD_SECONDS:-60}

# In the order in which they are begun: what takes longest comes first.
# "build" is always run, alone, before the others: they share its result.
STEPS=(tsan asan hybrid mutants stateful per-command load soak real distcheck clang
	unit docs size newsd bench try models)

about()
{
	case $1 in
	build)	echo "release build with gcc, warnings are errors" ;;
	unit)	echo "unit tests and fuzz corpora (make check)" ;;
	hybrid | stateful | per-command)
		echo "black-box tests against the release build, mode $1" ;;
	size)	echo "memory, wake-ups and processor time of idle clients" ;;
	load)	echo "500 clients, then readers, downloaders and posters" ;;
	clang)	echo "build with clang, warnings are errors; make lint" ;;
	asan)	echo "address and undefined behaviour sanitizers:" \
			"unit, fuzz corpora, black-box" ;;
	tsan)	echo "thread sanitizer: unit, black-box" ;;
	docs)	echo "manual pages, samples and texts" ;;
	mutants) echo "each broken mechanism is found by its test" ;;
	distcheck) echo "the tarball builds, tests, installs, uninstalls" ;;
	soak)	echo "a minute of clients and sick backends at random" ;;
	real)	echo "real news servers and clients around nntpmux" ;;
	newsd)	echo "the small news server" ;;
	bench)	echo "the load generator; the benchmark works (no timing)" ;;
	try)	echo "scripts/try.sh --once" ;;
	models)	echo "the inbox and the waiters as models, all states" ;;
	*)	return 1 ;;
	esac
}

# --- the steps -----------------------------------------------------------

step_build()
{
	build "$WORK/gcc" CC=gcc --enable-werror
}

step_unit()
{
	make_check "$WORK/gcc"
}

# Other steps run beside these: limits are doubled. Each has another relay.
step_hybrid()
{
	NNTPMUX_MODES=hybrid black_box "$WORK/gcc" 2
}

step_stateful()
{
	NNTPMUX_MODES=stateful NNTPMUX_RELAY=copy black_box "$WORK/gcc" 2
}

step_per-command()
{
	NNTPMUX_MODES=per-command NNTPMUX_RELAY=splice \
		black_box "$WORK/gcc" 2
}

step_size()
{
	black_box "$WORK/gcc" 2 -m size
}

step_load()
{
	export NNTPMUX_LOAD_SECONDS=$LOAD_S
	black_box "$WORK/gcc" 2 -m load
}

# One seed that is always the same, to compare runs, and a new one.
step_soak()
{
	local code=0

	use_programs "$WORK/gcc"
	export NNTPMUX_SLOW=2
	plain_pytest "$ROOT/tests/soak" || code=1
	"$PYTHON" "$ROOT/tests/soak/mend.py" --articles 30 || code=1
	"$PYTHON" "$ROOT/tests/soak/soak.py" --seconds 15 --seed 1 || code=1
	"$PYTHON" "$ROOT/tests/soak/soak.py" --seconds 15 || code=1
	return "$code"
}

step_clang()
{
	build "$WORK/clang" CC=clang --enable-werror || return 1
	cd "$WORK/clang" || return 1
	make -s -j2 check TESTS= || return 1
	if grep -q '^lint:' Makefile; then
		make -s lint
	fi
}

# The instrumented code makes gcc see null pointers that are not there, so
# warnings are errors in the plain builds only.
step_asan()
{
	build "$WORK/asan" CC=clang --enable-asan --enable-ubsan || return 1
	all_tests "$WORK/asan" 4
}

step_tsan()
{
	build "$WORK/tsan" CC=gcc --enable-tsan || return 1
	all_tests "$WORK/tsan" 6
}

step_docs()
{
	use_programs "$WORK/gcc"
	plain_pytest "$ROOT/tests/docs"
}

step_newsd()
{
	use_programs "$WORK/gcc"
	NNTPMUX_SLOW=2 plain_pytest "$ROOT/tests/newsd"
}

step_bench()
{
	use_programs "$WORK/gcc"
	plain_pytest "$ROOT/tests/bench"
}

step_mutants()
{
	cd "$WORK/gcc" && make -s mutants
}

step_distcheck()
{
	cd "$WORK/gcc" && make -s distcheck
}

step_real()
{
	use_programs "$WORK/gcc"
	"$ROOT/tests/real/run.sh"
}

step_models()
{
	"$ROOT/tests/models/run.sh"
}

step_try()
{
	"$ROOT/scripts/try.sh" --once
}

# --- what they share -----------------------------------------------------

use_programs()
{
	export NNTPMUX_PROGRAM=$1/nntpmux
	export NNTPMUX_NEWSD=$1/bench/newsd/newsd NEWSD=$1/bench/newsd/newsd
	export BENCH_LOAD=$1/bench/load/load BENCH_BLIND=$1/bench/blind/blind
}

plain_pytest()
{
	"$PYTHON" -m pytest -q -ra -p no:cacheprovider --rootdir "$1" "$1"
}

# make_check DIR: a leak does not fail a Criterion test, so the sanitizers
# write to files and any file is a failure.
make_check()
{
	local reports=$1/reports code=0

	rm -rf "$reports" && mkdir -p "$reports" && cd "$1" || return 1
	ASAN_OPTIONS=log_path=$reports/asan \
	UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/ubsan \
	TSAN_OPTIONS=log_path=$reports/tsan \
		make -s -j2 check || code=1
	if [ "$code" -ne 0 ] && [ -f test-suite.log ]; then
		grep -A 30 '^FAIL' test-suite.log
	fi
	if [ -n "$(ls "$reports")" ]; then
		head -n 60 "$reports"/*
		return 1
	fi
	return "$code"
}

# all_tests DIR SLOW: both, even if the first one fails.
all_tests()
{
	local code=0

	(make_check "$1") || code=1
	# The other modes are tested without sanitizers.
	NNTPMUX_MODES=once NNTPMUX_RELAY=splice black_box "$1" "$2" || code=1
	return "$code"
}

# black_box DIR SLOW [PYTEST ARGUMENT...]
black_box()
{
	local dir=$1 slow=$2

	shift 2
	use_programs "$dir"
	NNTPMUX_SLOW=$slow "$PYTHON" -m pytest -c "$ROOT/tests/proxy/pytest.ini" \
		--rootdir "$ROOT/tests/proxy" --maxfail=20 "$@" \
		"$ROOT/tests/proxy"
}

# --- running them --------------------------------------------------------

declare -A running=()	# process id to step
declare -A begun=()
passed=0
failed=0

begin()
{
	echo "==== $1: $(about "$1")"
	begun[$1]=$SECONDS
	timeout --kill-after=60 "$STEP_LIMIT_S" "$0" --run "$1" \
		>"$LOGS/$1.log" 2>&1 </dev/null &
	running[$!]=$1
}

# end_one: waits for a step to end, says how it went. Fails if the step did.
end_one()
{
	local pid code=0 step good bad verdict=ok

	wait -n -p pid "${!running[@]}" || code=$?
	step=${running[$pid]}
	unset "running[$pid]"
	read -r good bad < <(count "$LOGS/$step.log")
	if [ "$code" -ne 0 ]; then
		verdict=FAILED
		[ "$bad" -gt 0 ] || bad=1
	elif [ "$bad" -gt 0 ]; then
		verdict=FAILED
	elif [ "$good" -eq 0 ]; then
		good=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	echo "==== $step: $verdict, $((SECONDS - begun[$step])) s," \
		"$good passed, $bad failed"
	[ "$verdict" = FAILED ] || return 0
	[ "$code" -ne 124 ] || echo "     ended after $STEP_LIMIT_S s"
	echo "     the end of $LOGS/$step.log:"
	tail -n 60 "$LOGS/$step.log" | sed 's/^/     /'
	return 1
}

# count LOG: "PASSED FAILED", from pytest's last lines and automake's table.
# The lines inside a tarball check are automake's too.
count()
{
	sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
	/^(=+ )?[0-9]+ [a-z]+(, [0-9]+ [a-z]+)* in [0-9.]+s/ {
		for (i = 1; i < NF; i++) {
			if ($(i + 1) ~ /^passed/) good += $i
			if ($(i + 1) ~ /^(failed|errors?|skipped|xfailed)/)
				bad += $i
		}
	}
	/^# PASS: / { good += $3 }
	/^# (FAIL|XPASS|ERROR|SKIP): / { bad += $3 }
	END { print good + 0, bad + 0 }'
}

# Every running step is a process group of its own (timeout sees to that).
stop_all()
{
	trap '' INT TERM HUP
	[ ${#running[@]} -eq 0 ] || kill "${!running[@]}" 2>/dev/null
	wait
}

list()
{
	local step

	for step in build "${STEPS[@]}"; do
		printf '%-10s %s\n' "$step" "$(about "$step")"
	done
}

run_all()
{
	local step todo=("$@")

	begin build
	if ! end_one; then
		for step in "${todo[@]}"; do
			echo "==== $step: not run, there is no build"
			failed=$((failed + 1))
		done
		return
	fi
	for step in "${todo[@]}"; do
		[ ${#running[@]} -lt "$LANES" ] || end_one
		begin "$step"
	done
	while [ ${#running[@]} -gt 0 ]; do
		end_one
	done
}

main()
{
	local step chosen=()

	case ${1:-} in
	--list)
		list
		exit 0 ;;
	--run)
		# The program reads variables of this name.
		unset "${!NNTPMUX_@}"
		"step_$2"
		exit ;;
	-*)
		sed -n '3,9s/^# \{0,1\}//p' "$0"
		exit 2 ;;
	esac
	for step; do
		about "$step" >/dev/null || die "no step '$step'; see --list"
		[ "$step" = build ] || chosen+=("$step")
	done
	[ $# -gt 0 ] || chosen=("${STEPS[@]}")
	need_packages $PACKAGES_CHECK
	mkdir -p "$LOGS" || exit 1
	make_configure >"$LOGS/bootstrap.log" 2>&1 </dev/null || {
		tail -n 30 "$LOGS/bootstrap.log"
		die "bootstrap failed"
	}
	trap stop_all EXIT
	trap 'exit 130' INT TERM HUP
	run_all ${chosen[@]+"${chosen[@]}"}
	echo "==== $SECONDS s in all"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}

main "$@"
