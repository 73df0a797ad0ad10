// SPDX-License-Identifier: BSD-2-Clause
/* waiter.pml - a waiter in the queues of two pools (waiter.h, pool.c,
 * router.c) as a model: it gets at most one connection, none is lost, and
 * nobody touches it after it was freed, whatever gives up when.
 *
 *	spin -a waiter.pml && cc -O2 -o pan pan.c && ./pan
 *
 * Each pool gets one connection back, or goes down. The waiter joins both
 * queues, and may give up at any moment. -DMUTANT: it does not wait for a grant
 * that is under way. */

#define POOLS 2

mtype = { WAITING, GRANTED, CANCELLED };

bool locked[POOLS];
bool queued[POOLS];		/* the ticket is in this queue */
bool idle[POOLS];		/* the connection is in the pool */
mtype state = WAITING;
byte queues_n = 1;		/* + 1 while joining */
bool posted, has_item;		/* the message, and what it carries */
byte item_of;
bool freed;
byte gone;			/* pools that went down instead */
byte used;			/* connections that reached the user */

inline lock(i) { atomic { !locked[i]; locked[i] = true } }
inline unlock(i) { locked[i] = false }

/* waiter_win() */
inline win(won)
{
	d_step {
		assert(!freed);
		won = (state == WAITING);
		if
		:: won -> state = GRANTED
		:: else
		fi
	}
}

/* waiter_lose_queue() */
inline lose_queue(was_last)
{
	d_step {
		assert(!freed && queues_n > 0);
		queues_n--;
		was_last = (queues_n == 0)
	}
}

/* pool_put() with a ticket in the queue, or the pool goes down: then the waiter
 * is dropped from the queue, and told when it was the last. */
proctype pool(byte i)
{
	bool won = false, was_last;

	lock(i);
	if
	:: true ->			/* a connection comes back */
		if
		:: queued[i] ->
			queued[i] = false;
			win(won);
			if
			:: won -> assert(!freed); has_item = true; item_of = i
			:: else -> idle[i] = true
			fi
		:: else -> idle[i] = true
		fi
	:: true ->			/* it can't be made */
		gone++;
		if
		:: queued[i] ->
			queued[i] = false;
			lose_queue(was_last);
			if
			:: was_last -> win(won)
			:: else
			fi
		:: else
		fi
	fi;
	unlock(i);
	if
	:: won -> assert(!freed); posted = true	/* grants_post() */
	:: else
	fi
}

/* pool_leave() of both tickets. */
inline leave_queues()
{
	lock(0); queued[0] = false; unlock(0);
	lock(1); queued[1] = false; unlock(1)
}

proctype user()
{
	byte i;
	bool was_last, is_ready = true, won;

	/* router_wait(): pool_join() gives what is idle at once */
	for (i : 0 .. POOLS - 1) {
		if
		:: state == GRANTED -> break
		:: else
		fi;
		lock(i);
		if
		:: idle[i] ->
			win(won);
			if
			:: won ->
				idle[i] = false;
				has_item = true;
				item_of = i
			:: else
			fi
		:: else ->
			queues_n++;
			queued[i] = true
		fi;
		unlock(i);
		if
		:: won -> posted = true; break
		:: else
		fi
	}
	lose_queue(was_last);		/* waiter_is_ready() */
	if
	:: was_last && state == WAITING ->
		state = CANCELLED; is_ready = false
	:: else
	fi;
	if
	:: !is_ready -> leave_queues(); freed = true
	:: is_ready ->
		if
		:: posted ->		/* on_granted() */
			leave_queues();
			if
			:: has_item -> used++
			:: else
			fi;
			freed = true
		:: true ->		/* router_unwait() */
			leave_queues();
			d_step {
				if
				:: state == WAITING -> state = CANCELLED
				:: else
				fi
			};
			if
			:: state == CANCELLED -> freed = true
			:: else ->
#ifndef MUTANT
				posted;
				if	/* conn_return_grant() */
				:: has_item -> idle[item_of] = true
				:: else
				fi;
#endif
				freed = true
			fi
		fi
	fi
}

init {
	atomic {
		run user();
		run pool(0);
		run pool(1)
	}
	timeout;
	assert(freed);
	assert(used <= 1);
	assert(used + idle[0] + idle[1] + gone == POOLS)
}
