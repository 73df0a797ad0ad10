// SPDX-License-Identifier: BSD-2-Clause
/* conf - the whole configuration, as the rest of the program reads it.
 *
 * conf_load() makes it, main owns it. It never changes after that, so any
 * thread may read it; conf_free() when nobody does any more. Every field is
 * named as its key, with the unit; what the keys mean, their ranges and
 * defaults stand in the table of settings.c only. Texts are NULL when not
 * set. Never holds anything that is not configuration. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "net/addr.h"

/* Sets of backends are masks of 64 bits, bit i for backends[i]. */
#define CONF_BACKENDS_MAX 64

/* What -T prints for a secret. */
#define CONF_MASK "********"

/* Must fit the word lists in settings.c. */
enum conf_mode {
	MODE_HYBRID,
	MODE_PER_COMMAND,
	MODE_STATEFUL
};

enum conf_affinity {
	AFFINITY_FIRST,
	AFFINITY_ANY
};

enum conf_resume {
	RESUME_YES,
	RESUME_EXACT,
	RESUME_NO
};

enum conf_tier_down {
	TIER_DOWN_FAIL,
	TIER_DOWN_SPILL
};

enum conf_tier_full {
	TIER_FULL_WAIT,
	TIER_FULL_SPILL
};

enum conf_strategy {
	STRATEGY_LEAST_LOADED,
	STRATEGY_ROUND_ROBIN,
	STRATEGY_WEIGHTED_ROUND_ROBIN
};

enum conf_queue_mode {
	QUEUE_LIFO,
	QUEUE_FIFO
};

enum conf_over_limit {
	OVER_LIMIT_WAIT,
	OVER_LIMIT_REFUSE
};

enum conf_log_target {
	TARGET_STDERR,
	TARGET_SYSLOG,
	TARGET_FILE
};

/* First member of every section. */
struct conf_section {
	char *name;		/* of "[kind name]"; "" where it has none */
	char *where;		/* "file:line" of its header, or who made it */
	bool is_listed;		/* in a file that another key names */
	char **origins;		/* per row of its kind, NULL = default */
};

/* Texts of a list. */
struct conf_names {
	char **v;
	size_t n;
};

struct conf_networks {
	struct network *v;
	size_t n;
};

struct conf_proxy {
	struct conf_section s;
	enum conf_mode mode;
	unsigned threads;			/* 0 = auto */
	unsigned max_clients;
	unsigned max_clients_per_address;	/* 0 = no limit */
	uint64_t client_idle_timeout_ms;
	uint64_t client_stall_timeout_ms;
	uint64_t login_timeout_ms;
	uint64_t wait_timeout_ms;
	uint64_t command_timeout_ms;
	unsigned pipeline_depth;
	uint64_t drain_limit_bytes;
	uint64_t shutdown_timeout_ms;
	char *greeting;
	bool strict;
	char *pidfile;
	char *state_dir;
	char *users_file;			/* its users are in users */
	char *include;				/* already followed */
};

struct conf_listen {
	struct conf_section s;
	struct addr address;
	unsigned unix_mode;			/* mode_t bits */
	struct conf_networks allow, deny;
	struct conf_names backends;
	uint64_t backends_mask;			/* made from backends */
};

struct conf_backend {
	struct conf_section s;
	char *address;				/* as written */
	char *host;				/* made from address */
	uint16_t port;				/* made from address */
	char *username;
	char *password;				/* from password_file, too */
	char *password_file;
	unsigned max_connections;
	unsigned min_idle;
	unsigned tier;
	unsigned weight;			/* 0 = max_connections */
	char *group;
	bool posting;
	uint64_t rate;				/* bytes/s; 0 = no limit */
	uint64_t quota_bytes;			/* 0 = no limit */
	uint64_t connect_timeout_ms;
	uint64_t response_timeout_ms;
	uint64_t post_timeout_ms;
	uint64_t stall_timeout_ms;
	uint64_t idle_timeout_ms;		/* 0 = for ever */
	uint64_t max_lifetime_ms;		/* 0 = for ever */
	uint64_t keepalive_ms;			/* 0 = never */
	unsigned pipeline_depth;
	uint64_t replacement_cooldown_ms;
	enum conf_queue_mode queue_mode;
};

struct conf_routing {
	struct conf_section s;
	enum conf_strategy strategy;
	unsigned stateful_reserve;
	enum conf_affinity group_affinity;
	enum conf_resume resume;
	enum conf_tier_down tier_down;
	enum conf_tier_full tier_full;
};

struct conf_health {
	struct conf_section s;
	uint64_t interval_ms;			/* 0 = only while it is down */
	uint64_t timeout_ms;
	unsigned unhealthy_threshold;
	unsigned healthy_threshold;
};

/* Exactly one of the two passwords is set. */
struct conf_user {
	struct conf_section s;
	char *password;				/* a crypt(3) hash */
	char *password_plain;
	unsigned max_connections;		/* 0 = no limit */
	enum conf_over_limit over_limit;
	uint64_t rate;				/* bytes/s; 0 = no limit */
	uint64_t quota_bytes;			/* 0 = no limit */
	uint64_t expires_s;			/* since 1970; 0 = never */
	struct conf_names backends;
	uint64_t backends_mask;			/* made from backends */
	bool posting;
};

struct conf_log {
	struct conf_section s;
	enum log_level level;
	char *target;				/* as written */
	enum conf_log_target target_kind;	/* made from target */
	char *target_path;			/* TARGET_FILE: from target */
	enum log_format format;
	uint64_t stats_interval_ms;		/* 0 = never */
};

struct conf {
	struct conf_proxy proxy;
	struct conf_listen *listens;		/* at least one */
	size_t listens_n;
	struct conf_backend *backends;		/* at least one, file order */
	size_t backends_n;
	struct conf_routing routing;
	struct conf_health health;
	struct conf_user *users;		/* none = no login */
	size_t users_n;
	struct conf_log log;
};

/* Takes it (NULL is fine); what is secret is wiped first. */
void conf_free(struct conf *c);

/* The word of an enum value, for log lines: "hybrid", "debug". */
const char *conf_mode_word(enum conf_mode mode);
const char *conf_strategy_word(enum conf_strategy strategy);
const char *conf_log_level_word(enum log_level level);
