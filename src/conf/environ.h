// SPDX-License-Identifier: BSD-2-Clause
/* environ - values from the environment.
 *
 * NNTPMUX_SECTION__KEY sets any key of a section that is there; NNTPMUX_CONFIG
 * names the file. The variables are only read. Main thread. */
#pragma once

struct conf;
struct conf_report;

/* NNTPMUX_CONFIG, or NULL when it is not set or empty; borrowed. */
const char *environ_get_config(char *const *env);

/* Lays the variables of env (environ(7)) over the configuration. A name with
 * "__" that fits nothing, or two sections, is an error; one without is only
 * noted. */
void environ_read(struct conf *c, char *const *env,
    struct conf_report *report);
