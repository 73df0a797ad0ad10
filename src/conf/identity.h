// SPDX-License-Identifier: BSD-2-Clause
/* identity - user and group of [proxy], looked up in the system's lists.
 *
 * Called while a configuration is checked; main thread. */
#pragma once

struct conf_proxy;
struct conf_report;

/* Fills in uid and gid where there is a user. */
void identity_find(struct conf_proxy *p, struct conf_report *report);
