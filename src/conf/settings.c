// SPDX-License-Identifier: BSD-2-Clause
#include "conf/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/value.h"

#define SECONDS(n) (UINT64_C(1000) * (n))
#define MINUTES(n) SECONDS(60 * (n))
#define HOURS(n) MINUTES(60 * (n))
#define DAYS(n) HOURS(24 * (n))
#define KIB(n) (UINT64_C(1024) * (n))
#define GIB(n) KIB(KIB(KIB(n)))
#define TIB(n) KIB(GIB(n))

/* Where a row belongs: section, key, field. */
#define PROXY(k, f) .kind = KIND_PROXY, .key = #k, \
	.offset = offsetof(struct conf_proxy, f)
#define LISTEN(k, f) .kind = KIND_LISTEN, .key = #k, \
	.offset = offsetof(struct conf_listen, f)
#define BACKEND(k, f) .kind = KIND_BACKEND, .key = #k, \
	.offset = offsetof(struct conf_backend, f)
#define ROUTING(k, f) .kind = KIND_ROUTING, .key = #k, \
	.offset = offsetof(struct conf_routing, f)
#define HEALTH(k, f) .kind = KIND_HEALTH, .key = #k, \
	.offset = offsetof(struct conf_health, f)
#define USER(k, f) .kind = KIND_USER, .key = #k, \
	.offset = offsetof(struct conf_user, f)
#define LOG(k, f) .kind = KIND_LOG, .key = #k, \
	.offset = offsetof(struct conf_log, f)

/* What may stand there. */
#define BOOL .type = SETTING_BOOL
#define INT(lo, hi) .type = SETTING_INT, .min = (lo), .max = (hi)
#define SIZE(lo, hi) .type = SETTING_SIZE, .min = (lo), .max = (hi)
#define DURATION(lo, hi) .type = SETTING_DURATION, .min = (lo), .max = (hi)
#define INSTANT(lo, hi) .type = SETTING_INSTANT, .min = (lo), .max = (hi)
#define TIME .type = SETTING_TIME
#define ENUM(w) .type = SETTING_ENUM, .words = (w)
#define TEXT(t, longest) .type = SETTING_##t, .max = (longest)
#define LIST(t) .type = SETTING_##t

/* "AUTHINFO PASS " and CRLF leave so much of the 512 octets (RFC 3977, 3.1). */
#define AUTHINFO_ARG_MAX 496
#define PATH_LENGTH_MAX 4095

static const char *const auto_word[] = { "auto", NULL };
static const char *const mode_words[] = {
	"hybrid", "per-command", "stateful", NULL
};
static const char *const affinity_words[] = { "first", "any", NULL };
static const char *const relay_words[] = { "auto", "copy", "splice", NULL };
static const char *const resume_words[] = { "yes", "exact", "no", NULL };
static const char *const tier_down_words[] = { "fail", "spill", NULL };
static const char *const tier_full_words[] = { "wait", "spill", NULL };
static const char *const queue_words[] = { "lifo", "fifo", NULL };
static const char *const over_limit_words[] = { "wait", "refuse", NULL };
static const char *const strategy_words[] = {
	"least-loaded", "round-robin", "weighted-round-robin", NULL
};
static const char *const level_words[] = {
	"error", "warn", "info", "debug", "trace", NULL
};
static const char *const proxy_protocol_words[] = { "no", "require", NULL };
static const char *const tls_words[] = { "no", "implicit", "starttls", NULL };
static const char *const tls_version_words[] = { "1.2", "1.3", NULL };
static const char *const format_words[] = { "text", "json", NULL };

const struct section sections[KIND_N] = {
	[KIND_PROXY] = { "proxy", false, sizeof(struct conf_proxy), NULL,
	    "The proxy as a whole." },
	[KIND_LISTEN] = { "listen", true, sizeof(struct conf_listen), "main",
	    "Where clients connect; one section per address. Without any"
	    " there is one, named main, with the defaults." },
	[KIND_BACKEND] = { "backend", true, sizeof(struct conf_backend),
	    "primary", "A news server behind the proxy; at least one, at"
	    " most 64. They are tried in the order of the file where nothing"
	    " else decides." },
	[KIND_ROUTING] = { "routing", false, sizeof(struct conf_routing),
	    NULL, "How a backend is chosen for a command." },
	[KIND_HEALTH] = { "health", false, sizeof(struct conf_health), NULL,
	    "How a backend that does not work is found, left alone and taken"
	    " back." },
	[KIND_USER] = { "user", true, sizeof(struct conf_user), "alice",
	    "A client's login. With one or more of them clients must log"
	    " in." },
	[KIND_LOG] = { "log", false, sizeof(struct conf_log), NULL,
	    "What is logged, and where." },
};

/* The rows of a kind stand together, in the order of the enum. */
static const struct setting settings[] = {
{ PROXY(mode, mode), ENUM(mode_words), .def = "hybrid",
  .change = CHANGE_RESTART,
  .text = "hybrid: each command goes to the backend that serves it best,"
  " until one needs a selected group; from then on the client keeps a"
  " connection. per-command: no client ever keeps one, there are no groups."
  " stateful: each client keeps one connection, from its first command that"
  " needs a backend to its end." },
{ PROXY(threads, threads), INT(1, 1024), .def = "auto", .words = auto_word,
  .change = CHANGE_RESTART,
  .text = "Worker threads; auto is the number of processors available." },
{ PROXY(max_clients, max_clients), INT(1, 1000000), .def = "10000",
  .text = "Clients at a time, all listeners together; the limit of open"
  " files is raised for them if it can be." },
{ PROXY(max_clients_per_address, max_clients_per_address), INT(0, 1000000),
  .def = "0", .text = "Clients at a time of one IPv4 address, or of the 64"
  " first bits of an IPv6 address; 0 = no limit. Those at unix sockets are not"
  " counted." },
{ PROXY(client_idle_timeout, client_idle_timeout_ms),
  DURATION(MINUTES(3), DAYS(30)), .def = "10m",
  .text = "A client that sends nothing for so long is disconnected without"
  " a word (RFC 3977, 3.1)." },
{ PROXY(client_stall_timeout, client_stall_timeout_ms),
  DURATION(100, HOURS(1)), .def = "60s",
  .text = "A client that has answers waiting and takes less than 1 KiB in"
  " this time is disconnected, and so is one that sends nothing more of an"
  " article it has begun to post, or not the end of a line it has begun." },
{ PROXY(login_timeout, login_timeout_ms), DURATION(100, HOURS(1)),
  .def = "60s", .text = "A client that must log in has so long." },
{ PROXY(wait_timeout, wait_timeout_ms), DURATION(1, HOURS(1)), .def = "30s",
  .text = "The longest wait of a command for a backend connection." },
{ PROXY(command_timeout, command_timeout_ms), DURATION(10, HOURS(1)),
  .def = "50s", .text = "From a whole command read to the first byte of its"
  " answer, all attempts together." },
{ PROXY(pipeline_depth, pipeline_depth), INT(1, 1024), .def = "16",
  .text = "Commands of one client that may be in flight." },
{ PROXY(spin, spin_us), INSTANT(0, 100), .def = "0",
  .text = "A worker that was just busy looks again so long before it sleeps,"
  " if that has been of use lately: quicker answers, for processor time. 50us"
  " is much. An idle worker sleeps. With 0, one that moves pieces of several"
  " large answers (relay) lets events gather for up to 60us." },
{ PROXY(congestion_control, congestion_control), TEXT(WORD, 15),
  .example = "bbr", .text = "Congestion control of connections with clients,"
  " by a name of net.ipv4.tcp_available_congestion_control; empty = the"
  " system's. With a user it may be one that only root may choose." },
{ PROXY(drain_limit, drain_limit_bytes), SIZE(0, GIB(1)), .def = "1M",
  .text = "Of an answer whose client is gone, at most so much is read to"
  " save the backend connection." },
{ PROXY(relay, relay), ENUM(relay_words), .def = "auto",
  .text = "How large answers go to clients. splice: where no TLS and no rate is"
  " concerned and a connection has one command in flight, most of them goes"
  " from socket to socket without being copied or read, at half the cost; that"
  " a server says more than it was asked for is then not always noticed before"
  " the client has it. auto: the same, but of each backend connection the first"
  " answer and one in 32 is read as a whole, and no answer is spliced for an"
  " hour from a backend that was found to say more. copy: all is read." },
{ PROXY(shutdown_timeout, shutdown_timeout_ms), DURATION(0, HOURS(1)),
  .def = "30s", .text = "At the end of the program answers in flight may"
  " take so long." },
{ PROXY(greeting, greeting), TEXT(STRING, 400),
  .example = "Welcome to the news", .text = "Text after the 200 or 201 of"
  " the greeting." },
{ PROXY(strict, strict), BOOL, .def = "no",
  .text = "Warnings about the configuration are errors." },
{ PROXY(pidfile, pidfile), TEXT(PATH, PATH_LENGTH_MAX),
  .change = CHANGE_RESTART, .example = "/run/nntpmux.pid",
  .access = SANDBOX_REMOVE, .text = "The process id is written here." },
{ PROXY(user, user), TEXT(WORD, 100), .change = CHANGE_RESTART,
  .example = "nntpmux", .text = "When all sockets are bound the program becomes"
  " this user, and leaves all groups but the one below." },
{ PROXY(group, group), TEXT(WORD, 100), .change = CHANGE_RESTART,
  .example = "nntpmux", .text = "The group it keeps; empty = the user's own." },
{ PROXY(sandbox, sandbox), BOOL, .def = "yes", .change = CHANGE_RESTART,
  .text = "Files that the configuration does not name, nor the system to find"
  " names and certificates, can't be opened any more, where the kernel has"
  " Landlock." },
{ PROXY(seccomp, seccomp), BOOL, .def = "no", .change = CHANGE_RESTART,
  .text = "System calls that the program does not need fail." },
{ PROXY(state_dir, state_dir), TEXT(PATH, PATH_LENGTH_MAX),
  .change = CHANGE_RESTART, .access = SANDBOX_STATE,
  .example = "/var/lib/nntpmux",
  .text = "A directory, which must be there, for what quotas have used; without"
  " it they begin at 0 with each start." },
{ PROXY(users_file, users_file), TEXT(PATH, PATH_LENGTH_MAX),
  .example = "/etc/nntpmux/users",
  .text = "More users, in the form of htpasswd(1): name:hash, one a line, the"
  " hash as in [user NAME], such as htpasswd -B makes them. Blank lines and"
  " lines that begin with # mean nothing." },
{ PROXY(include, include), TEXT(PATTERN, PATH_LENGTH_MAX),
  .example = "conf.d/*.ini", .text = "Files that are read after this one"
  " has ended, in order of their names; relative to the directory of this"
  " one." },

{ LISTEN(address, address), .type = SETTING_ADDRESS, .def = "127.0.0.1:8119",
  .is_needed = true, .text = "host:port, [v6]:port, :port for every address"
  " of the machine, or unix:/path. Numeric; port 0 is any free one." },
{ LISTEN(unix_mode, unix_mode), .type = SETTING_MODE, .def = "0660",
  .text = "Permissions of a unix socket." },
{ LISTEN(proxy_protocol, proxy_protocol), ENUM(proxy_protocol_words),
  .def = "no", .text = "require: a proxy or load balancer stands before this"
  " listener and tells with the PROXY protocol, version 1 or 2, who the client"
  " is. allow, deny, max_clients_per_address and the log then go by that"
  " address." },
{ LISTEN(proxy_protocol_from, proxy_protocol_from), LIST(NETWORKS),
  .example = "10.0.0.2", .text = "Networks of such proxies. Who connects from"
  " elsewhere is refused. It has to be set where proxy_protocol is required,"
  " except at a unix socket, whose unix_mode says who may connect." },
{ LISTEN(tls, tls), ENUM(tls_words), .def = "no",
  .text = "Encryption: none, from the first byte on (implicit; news servers"
  " have port 563 for it), or when a client says STARTTLS." },
{ LISTEN(tls_cert, tls_cert), TEXT(PATH, PATH_LENGTH_MAX),
  .example = "/etc/nntpmux/cert.pem", .text = "The certificate (PEM), with"
  " those behind it that clients may not know." },
{ LISTEN(tls_key, tls_key), TEXT(PATH, PATH_LENGTH_MAX),
  .example = "/etc/nntpmux/key.pem", .text = "Its key (PEM), without a"
  " passphrase; empty = it is in tls_cert." },
{ LISTEN(tls_min_version, tls_min_version), ENUM(tls_version_words),
  .def = "1.2", .text = "The oldest version of TLS that is spoken." },
{ LISTEN(tls_ciphers, tls_ciphers), TEXT(WORD, 1000),
  .example = "ECDHE+AESGCM:TLS_AES_256_GCM_SHA384",
  .text = "Ciphers of TLS 1.2 as in openssl-ciphers(1), and names of those of"
  " TLS 1.3, which begin with TLS_; a version of which none is named has those"
  " with forward secrecy and authenticated encryption." },
{ LISTEN(tls_client_ca, tls_client_ca), TEXT(PATH, PATH_LENGTH_MAX),
  .example = "/etc/nntpmux/clients-ca.pem", .text = "Authorities (PEM); with"
  " it a client needs a certificate of one of them, whatever login it has." },
{ LISTEN(require_tls, require_tls), BOOL, .def = "yes",
  .text = "With tls = starttls: nothing is read and nobody logs in before"
  " STARTTLS." },
{ LISTEN(allow, allow), LIST(NETWORKS), .example = "10.0.0.0/8 ::1",
  .text = "Networks whose clients are served; empty = all." },
{ LISTEN(deny, deny), LIST(NETWORKS), .example = "10.6.6.0/24",
  .text = "Networks whose clients are refused, even if allow has them." },
{ LISTEN(backends, backends), LIST(NAMES), .example = "primary",
  .text = "Names of the backends that this listener may use; empty = all." },

{ BACKEND(address, address), TEXT(HOST, 280), .is_needed = true,
  .example = "news.example.com", .text = "host[:port] of the news server;"
  " the port is 119 if it is not given, 563 with tls = implicit." },
{ BACKEND(tls, tls), ENUM(tls_words), .def = "no",
  .text = "Encryption: none, from the first byte on (implicit), or asked for"
  " with STARTTLS behind the greeting. With it the server needs a certificate"
  " for its name from an authority that this system trusts." },
{ BACKEND(tls_verify, tls_verify), BOOL, .def = "yes",
  .text = "With no, any certificate is taken: then anybody in between can"
  " read the password and change articles." },
{ BACKEND(tls_ca_file, tls_ca_file), TEXT(PATH, PATH_LENGTH_MAX),
  .example = "/etc/nntpmux/primary-ca.pem", .text = "Certificates (PEM) that"
  " are trusted beside the system's: of an authority, or the server's own." },
{ BACKEND(tls_name, tls_name), TEXT(WORD, 255), .example = "news.example.com",
  .text = "The name in the server's certificate, if it is not the host of"
  " address." },
{ BACKEND(tls_min_version, tls_min_version), ENUM(tls_version_words),
  .def = "1.2", .text = "The oldest version of TLS that is spoken." },
{ BACKEND(tls_ciphers, tls_ciphers), TEXT(WORD, 1000),
  .example = "ECDHE+AESGCM:TLS_AES_256_GCM_SHA384",
  .text = "Ciphers of TLS 1.2 as in openssl-ciphers(1), and names of those of"
  " TLS 1.3, which begin with TLS_; empty = OpenSSL's." },
{ BACKEND(username, username), TEXT(STRING, AUTHINFO_ARG_MAX),
  .is_needed = true, .example = "me",
  .text = "Name for the login at the backend; without it there is none." },
{ BACKEND(password, password), TEXT(SECRET, AUTHINFO_ARG_MAX),
  .is_needed = true, .example = "secret",
  .text = "Password for the login. One with a ; or with blanks at its ends"
  " has to stand in a password_file." },
{ BACKEND(password_file, password_file), TEXT(PATH, PATH_LENGTH_MAX),
  .example = "/etc/nntpmux/primary.password",
  .text = "The first line of this file is the password." },
{ BACKEND(max_connections, max_connections), INT(1, 10000), .def = "10",
  .text = "Connections to this backend, never more at any instant." },
{ BACKEND(min_idle, min_idle), INT(0, 10000), .def = "0",
  .text = "Idle connections that are opened ahead of need; they never delay"
  " the start." },
{ BACKEND(tier, tier), INT(0, 99), .def = "0",
  .text = "Backends of lower tiers are asked first." },
{ BACKEND(weight, weight), INT(0, 10000), .def = "0",
  .text = "Share of the commands; 0 = max_connections." },
{ BACKEND(group, group), TEXT(WORD, 100), .example = "reseller",
  .text = "Backends of one group share a spool: if one lacks an article, the"
  " others are not asked." },
{ BACKEND(posting, posting), BOOL, .def = "no",
  .text = "Articles may be posted here (POST, IHAVE). Without such a backend"
  " nobody can post." },
{ BACKEND(rate, rate), SIZE(0, GIB(1024)), .def = "0",
  .text = "Bytes per second that all connections to this backend share, in both"
  " directions; 0 = no limit." },
{ BACKEND(quota, quota_bytes), SIZE(0, TIB(1048576)), .def = "0",
  .text = "Bytes in all, sent and received, for an account that is paid by the"
  " byte; 0 = no limit. When they are used up the backend gets no more"
  " commands, as if it were not there; the log warns at 75, 90 and 100 percent."
  " To fill it up add to the number: what was used stays counted." },
{ BACKEND(connect_timeout, connect_timeout_ms), DURATION(10, MINUTES(10)),
  .def = "10s", .text = "From the name to the end of the login, all"
  " addresses together." },
{ BACKEND(response_timeout, response_timeout_ms), DURATION(10, MINUTES(10)),
  .def = "30s", .text = "From a command at the head of the connection to the"
  " first byte of its answer." },
{ BACKEND(post_timeout, post_timeout_ms), DURATION(10, HOURS(1)),
  .def = "2m", .text = "From the end of a posted article to the answer." },
{ BACKEND(stall_timeout, stall_timeout_ms), DURATION(10, MINUTES(10)),
  .def = "30s", .text = "A backend that sends less than 1 KiB in this time,"
  " while the client could take more, has failed." },
{ BACKEND(idle_timeout, idle_timeout_ms), DURATION(0, DAYS(1)),
  .def = "90s", .text = "An idle connection is closed after this; 0 ="
  " never." },
{ BACKEND(max_lifetime, max_lifetime_ms), DURATION(0, DAYS(30)),
  .def = "1h", .text = "A connection is not used again after this, spread by"
  " chance; 0 = no limit." },
{ BACKEND(keepalive, keepalive_ms), DURATION(0, HOURS(1)), .def = "60s",
  .text = "A connection that a client keeps and does not use for so long is"
  " sent DATE, so that the server does not close it; 0 = never. Servers often"
  " close after 150 s." },
{ BACKEND(pipeline_depth, pipeline_depth), INT(1, 64), .def = "4",
  .text = "Commands in flight on one connection." },
{ BACKEND(replacement_cooldown, replacement_cooldown_ms),
  DURATION(0, HOURS(1)), .def = "5s", .text = "The place of a connection that"
  " failed stays empty so long." },
{ BACKEND(queue_mode, queue_mode), ENUM(queue_words), .def = "lifo",
  .text = "Which idle connection is taken first: the one that was used last"
  " (lifo) or longest ago (fifo)." },

{ ROUTING(strategy, strategy), ENUM(strategy_words), .def = "least-loaded",
  .text = "Which backend of the tier gets a command; ties rotate." },
{ ROUTING(stateful_reserve, stateful_reserve), INT(0, 10000), .def = "1",
  .text = "Connections of each backend that are never kept by a client, nor"
  " used for posting, so that commands of others find one. A backend needs"
  " more connections than this for groups and for posting. In stateful mode"
  " there is none." },
{ ROUTING(group_affinity, group_affinity), ENUM(affinity_words),
  .def = "first", .text = "Which backend GROUP, LISTGROUP, LIST, NEWGROUPS"
  " and NEWNEWS are sent to: any, or always the first one of the lowest tier,"
  " in the order of the file, that is up and not full; article numbers differ"
  " from server to server." },
{ ROUTING(resume, resume), ENUM(resume_words), .def = "yes",
  .text = "When a backend is lost or stalls inside an article that was asked"
  " for by message-id (ARTICLE, BODY), another that has it goes on where it"
  " was cut: if what the client has is the same there, octet for octet; of"
  " what was spliced (relay) at least 4 KiB of each MiB. exact: as yes, and nothing"
  " is spliced that another could go on with. no: the client is disconnected"
  " inside the article." },
{ ROUTING(tier_down, tier_down), ENUM(tier_down_words), .def = "fail",
  .text = "What becomes of a command while no backend of its tier can be"
  " asked: it fails, or it spills over to the next tier. A higher tier is"
  " often a block account, where each byte costs money, and an outage of the"
  " first tier would empty it; with spill the clients notice nothing." },
{ ROUTING(tier_full, tier_full), ENUM(tier_full_words), .def = "wait",
  .text = "The same while no connection of its tier is free: it waits, up to"
  " wait_timeout, or spills over. With spill the next tier carries what the"
  " first one has no connections for, all the time, and not only what the"
  " first one lacks." },

{ HEALTH(interval, interval_ms), DURATION(0, DAYS(1)), .def = "30s",
  .text = "A backend that has answered nothing for so long is asked DATE; 0 ="
  " never, while it works. A pool that was made smaller because the server"
  " spoke of a limit grows by one connection in this time (0: in 30 s)." },
{ HEALTH(timeout, timeout_ms), DURATION(10, MINUTES(10)), .def = "5s",
  .text = "The answer must be there in this time; making a connection for it"
  " has its connect_timeout." },
{ HEALTH(unhealthy_threshold, unhealthy_threshold), INT(1, 1000),
  .def = "3", .text = "After so many failures in a row a backend gets no more"
  " commands, and only the health check tries it: after half a second at most,"
  " then ever more seldom, down to twice a minute. Failures are connections"
  " that can't be made or break, and answers that do not come, stall or are no"
  " answers; a missing article is none." },
{ HEALTH(healthy_threshold, healthy_threshold), INT(1, 1000), .def = "1",
  .text = "It is used again after so many good answers in a row." },

{ USER(password, password), TEXT(HASH, 384), .is_needed = true,
  .example = "$6$salt$hash", .text = "A hash as crypt(3) and --hash-password"
  " make it, not the password itself." },
{ USER(password_plain, password_plain), TEXT(SECRET, AUTHINFO_ARG_MAX),
  .is_needed = true, .example = "secret",
  .text = "The password in the clear, instead of a hash." },
{ USER(max_connections, max_connections), INT(0, 1000000), .def = "0",
  .text = "Connections of this user at a time, from whatever address; 0 = no"
  " limit." },
{ USER(over_limit, over_limit), ENUM(over_limit_words), .def = "wait",
  .text = "What becomes of a login when they are all there: it is answered"
  " when one of them has ended, first come, first served, and 400 after"
  " login_timeout; or it is refused with 481." },
{ USER(rate, rate), SIZE(0, GIB(1024)), .def = "0",
  .text = "Bytes per second that all connections of this user share: what it"
  " is sent, and what it posts; 0 = no limit. A slow client keeps a backend"
  " connection for as long as its article takes." },
{ USER(quota, quota_bytes), SIZE(0, TIB(1048576)), .def = "0",
  .text = "Bytes in all that this user may be sent and send, as with a"
  " backend's; 0 = no limit. When they are used up logins are refused, and a"
  " client that is logged in is told so at its next command." },
{ USER(expires, expires_s), TIME, .example = "2027-12-31",
  .text = "From this moment on the user is refused, and told so at the next"
  " command if logged in. A date without a time is the beginning of that"
  " day." },
{ USER(backends, backends), LIST(NAMES), .example = "primary",
  .text = "Names of the backends that this user may use, of those that the"
  " listener may use; empty = all of them." },
{ USER(posting, posting), BOOL, .def = "yes",
  .text = "This client may post, where a backend has posting." },

{ LOG(level, level), ENUM(level_words), .def = "info",
  .text = "The least important lines that are logged." },
{ LOG(target, target), TEXT(TARGET, PATH_LENGTH_MAX), .def = "stderr",
  .change = CHANGE_RESTART,
  .text = "stderr, syslog, or file:/path." },
{ LOG(format, format), ENUM(format_words), .def = "text",
  .text = "Lines for people or one JSON object a line." },
{ LOG(stats_interval, stats_interval_ms), DURATION(0, DAYS(1)),
  .def = "60s", .text = "Time between the lines with the counters of each"
  " backend; 0 = none." },
};

const struct setting *
settings_get(enum section_kind kind, size_t *n_r)
{
	size_t first = 0, n;

	while (settings[first].kind != kind)
		CHECK(++first < ARRAY_N(settings));
	for (n = 0; first + n < ARRAY_N(settings); n++)
		if (settings[first + n].kind != kind)
			break;
	*n_r = n;
	return &settings[first];
}

const struct setting *
settings_find(enum section_kind kind, const char *key)
{
	for (size_t i = 0; i < ARRAY_N(settings); i++)
		if (settings[i].kind == kind &&
		    strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

size_t
settings_index(const struct setting *s)
{
	size_t n;
	const struct setting *first = settings_get(s->kind, &n);

	CHECK(s >= first && s < first + n);
	return (size_t)(s - first);
}

/* Takes word for *best when it is near to text and nearer than the last. */
static void
weigh(const char *text, const char *word, const char **best, size_t *distance)
{
	size_t d = value_distance(text, word);

	if (d < *distance && d * 3 <= strlen(word)) {
		*distance = d;
		*best = word;
	}
}

const char *
settings_guess(enum section_kind kind, const char *key)
{
	size_t n, distance = SIZE_MAX;
	const struct setting *s = settings_get(kind, &n);
	const char *best = NULL;

	for (size_t i = 0; i < n; i++)
		weigh(key, s[i].key, &best, &distance);
	return best;
}

enum section_kind
settings_owner(const char *key)
{
	for (size_t i = 0; i < ARRAY_N(settings); i++)
		if (strcmp(settings[i].key, key) == 0)
			return settings[i].kind;
	return KIND_N;
}

enum section_kind
sections_find(const char *word)
{
	enum section_kind kind = 0;

	while (kind < KIND_N && strcmp(sections[kind].word, word) != 0)
		kind++;
	return kind;
}

enum section_kind
sections_split(const char *title, const char **name_r)
{
	size_t n = strcspn(title, " \t");
	char word[16];

	*name_r = title + n + strspn(title + n, " \t");
	if (n >= sizeof(word))
		return KIND_N;
	memcpy(word, title, n);
	word[n] = '\0';
	return sections_find(word);
}

const char *
sections_guess(const char *word)
{
	size_t distance = SIZE_MAX;
	const char *best = NULL;

	for (size_t i = 0; i < KIND_N; i++)
		weigh(word, sections[i].word, &best, &distance);
	return best;
}

/* inih keeps 49 octets of "kind NAME". */
#define NAME_MAX_N 40

bool
sections_is_name(enum section_kind kind, const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@+";
	size_t n = strlen(name);

	if (n == 0 || n > NAME_MAX_N)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strchr(plain, name[i]) == NULL &&
		    !(kind == KIND_USER && (unsigned char)name[i] >= 0x80))
			return false;
	return true;
}

bool
setting_is_secret(const struct setting *s)
{
	return s->type == SETTING_SECRET || s->type == SETTING_HASH;
}

static char *
describe_words(const char *const *words)
{
	char *text = xstrdup(words[0]);

	for (size_t i = 1; words[i] != NULL; i++) {
		char *longer = xasprintf("%s | %s", text, words[i]);

		free(text);
		text = longer;
	}
	return text;
}

char *
setting_describe(const struct setting *s)
{
	char lo[VALUE_TEXT_MAX], hi[VALUE_TEXT_MAX];

	switch (s->type) {
	case SETTING_BOOL:
		return xstrdup("yes | no");
	case SETTING_INT:
		return xasprintf("%s%s%ju to %ju",
		    s->words != NULL ? s->words[0] : "",
		    s->words != NULL ? " | " : "", (uintmax_t)s->min,
		    (uintmax_t)s->max);
	case SETTING_SIZE:
		return xasprintf("%s to %s", value_format_size(s->min, lo),
		    value_format_size(s->max, hi));
	case SETTING_DURATION:
		return xasprintf("%s to %s",
		    value_format_duration(s->min, lo),
		    value_format_duration(s->max, hi));
	case SETTING_INSTANT:
		return xasprintf("%s to %s",
		    value_format_instant(s->min, lo),
		    value_format_instant(s->max, hi));
	case SETTING_TIME:
		return xstrdup("YYYY-MM-DD[Thh:mm[:ss]], UTC");
	case SETTING_ENUM:
		return describe_words(s->words);
	case SETTING_MODE:
		return xstrdup("octal");
	case SETTING_STRING:
		return xstrdup("text");
	case SETTING_WORD:
		return xstrdup("word");
	case SETTING_PATH:
		return xstrdup("path");
	case SETTING_PATTERN:
		return xstrdup("path or glob");
	case SETTING_SECRET:
		return xstrdup("secret");
	case SETTING_HASH:
		return xstrdup("crypt(3) hash");
	case SETTING_NAMES:
		return xstrdup("names");
	case SETTING_NETWORKS:
		return xstrdup("networks");
	case SETTING_ADDRESS:
		return xstrdup("address");
	case SETTING_HOST:
		return xstrdup("host[:port]");
	case SETTING_TARGET:
		return xstrdup("stderr | syslog | file:/path");
	}
	NEVER("a type of settings without words");
}
