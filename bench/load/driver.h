// SPDX-License-Identifier: BSD-2-Clause
/* driver - the event loop: opens the clients, takes the run through its
 * phases (enum load_phase), and fills load->result.
 *
 * The slow ones are read by the clock, all at once every SLOW_MS, and not by
 * events; what was missed because the loop came late is not made up for.
 *
 * At most CONNECTING_MAX clients are on their way in at a time, so no queue of
 * a listener overflows. When nothing comes for SILENCE_S the run has failed.
 * Thread: the only one. */
#pragma once

struct load;

void driver_run(struct load *ld);
