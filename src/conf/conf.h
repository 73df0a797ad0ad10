// SPDX-License-Identifier: BSD-2-Clause
/* conf - the whole configuration, as the rest of the program reads it.
 *
 * conf_load() makes it. It never changes after that, so any thread that has a
 * reference may read it; a reload makes another one. Every field is
 * named as its key, with the unit; what the keys mean, their ranges and
 * defaults stand in the table of settings.c only. Texts are NULL when not
 * set. Never holds anything that is not configuration. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "net/addr.h"
#include "net/tls.h"

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

enum conf_relay {
	CONF_RELAY_AUTO,
	CONF_RELAY_COPY,
	CONF_RELAY_SPLICE
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

enum conf_tls {
	TLS_NO,
	TLS_IMPLICIT,
	TLS_STARTTLS
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

struct conf;
enum conf_proxy_protocol {
	PROXY_PROTOCOL_NO,
	PROXY_PROTOCOL_REQUIRE
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
	enum conf_relay relay;
	uint64_t shutdown_timeout_ms;
	char *greeting;
	bool strict;
	char *pidfile;
	char *user, *group;
	uid_t uid;				/* made from user */
	gid_t gid;				/* made from user and group */
	uint64_t spin_us;
	char *congestion_control;
	bool sandbox, seccomp;
	char *state_dir;
	char *users_file;			/* its users are in users */
	char *include;				/* already followed */
};

struct conf_listen {
	struct conf_section s;
	struct addr address;
	unsigned unix_mode;			/* mode_t bits */
	enum conf_proxy_protocol proxy_protocol;
	struct conf_networks proxy_protocol_from;
	enum conf_tls tls;
	char *tls_cert, *tls_key;		/* tls_key NULL = in tls_cert */
	enum tls_version tls_min_version;
	char *tls_ciphers;
	char *tls_client_ca;
	bool require_tls;
	struct tls_context *tls_context;	/* made from these; NULL = no */
	struct conf_networks allow, deny;
	struct conf_names backends;
	uint64_t backends_mask;			/* made from backends */
	const struct conf *whole;		/* that it is a part of */
};

struct conf_backend {
	struct conf_section s;
	char *address;				/* as written */
	char *host;				/* made from address */
	uint16_t port;				/* made from address */
	enum conf_tls tls;
	bool tls_verify;
	char *tls_ca_file;
	char *tls_name;				/* NULL = host */
	enum tls_version tls_min_version;
	char *tls_ciphers;
	struct tls_context *tls_context;	/* made from these; NULL = no */
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
	const struct conf *whole;		/* that it is a part of */
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
	_Atomic unsigned refs_n;
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
	struct conf_names files;		/* read, and patterns of them */
};

/* One reference more, for who reads it after others may have let it go; NULL is
 * fine. Gives c. */
const struct conf *conf_ref(const struct conf *c);
/* Takes a reference (NULL is fine). With the last one it is freed, what is
 * secret is wiped first. Any thread. */
void conf_unref(const struct conf *c);

/* The section of that name, or NULL. */
const struct conf_listen *conf_find_listen(const struct conf *c,
    const char *name);
const struct conf_user *conf_find_user(const struct conf *c, const char *name);

/* The word of an enum value, for log lines: "hybrid", "debug". */
const char *conf_mode_word(enum conf_mode mode);
const char *conf_strategy_word(enum conf_strategy strategy);
const char *conf_log_level_word(enum log_level level);
