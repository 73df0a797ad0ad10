// SPDX-License-Identifier: BSD-2-Clause
/* call - a function is run on the thread of a loop, and its end waited for.
 *
 * For the main thread, while it changes what the loops go by: they never block,
 * so it waits for one turn. Never from a loop. */
#pragma once

struct loop;

typedef void loop_call_f(void *arg);

/* run(arg) is called between the events of a turn of l, and has returned when
 * this does. */
void loop_call(struct loop *l, loop_call_f *run, void *arg);
