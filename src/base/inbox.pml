// SPDX-License-Identifier: BSD-2-Clause
/* inbox.pml - the inbox (inbox.h) as a model: no wake-up is lost, no message
 * is lost, delivered twice or before one that its pusher pushed earlier.
 *
 *	spin -a inbox.pml && cc -O2 -o pan pan.c && ./pan
 *
 * Each step of a process is one atomic operation of the code. The list is a
 * stack of message numbers. When nobody can move any more, the owner sleeps and
 * nothing may be left. -DMUTANT shows what the model is good for: there the
 * owner sleeps without looking into the list, where a message of its own that
 * woke nobody may keep others from waking it. */

#define PUSHERS 2
#define EACH 2			/* messages of each pusher, and of the owner */
#define MESSAGES ((PUSHERS + 1) * EACH)

byte stack[MESSAGES];		/* head: the newest is stack[depth - 1] */
byte depth;
byte wakes;			/* the eventfd */
byte last[PUSHERS + 1];		/* of each pusher: messages that arrived */

/* link_message(): one compare and swap that succeeds. */
inline link(message, was_empty)
{
	d_step {
		was_empty = (depth == 0);
		stack[depth] = message;
		depth++;
	}
}

proctype pusher(byte id)
{
	byte n;
	bool was_empty;

	do
	:: n < EACH ->
		link(id * EACH + n, was_empty);
		if
		:: was_empty -> wakes++
		:: else
		fi;
		n++
	:: else -> break
	od
}

/* inbox_drain(): the list is taken by one exchange and reversed, so in the order
 * of pushing. */
inline drain()
{
	d_step {
		i = 0;
		do
		:: i < depth ->
			from = stack[i] / EACH;
			assert(stack[i] % EACH == last[from]);
			last[from]++;
			i++
		:: else -> break
		od;
		depth = 0;
		i = 0;
		from = 0
	}
}

/* loop_turn(): looks before it sleeps; pushes of its own don't wake it. */
proctype owner()
{
	byte own, i, from;
	bool was_empty;

	do
	:: true ->
		if
		:: own < EACH ->
			link(PUSHERS * EACH + own, was_empty);
			own++
		:: true
		fi;
		if
#ifndef MUTANT
		:: depth > 0		/* inbox_is_empty(): no sleep */
		:: else ->
#else
		:: true ->
#endif
end_asleep:		wakes > 0	/* epoll_wait(2) */
		fi;
		wakes = 0;		/* inbox_acknowledge() */
		drain()
	od
}

init {
	atomic {
		run owner();
		byte id;
		for (id : 0 .. PUSHERS - 1) {
			run pusher(id)
		}
	}
	timeout;
	assert(depth == 0)
}
