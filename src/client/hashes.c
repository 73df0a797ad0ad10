// SPDX-License-Identifier: BSD-2-Clause
#include "client/hashes.h"

#include "base/check.h"
#include "conf/conf.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* For passwords that stand in the clear in the configuration anyway: as cheap
 * as crypt(3) allows. */
#define PLAIN_METHOD "$5$"
#define PLAIN_COST 1000

struct known_user {
	char *name, *hash;
};

struct hashes {
	struct known_user *users;
	size_t n;
	const char *costliest;
};

/* --- one hash -------------------------------------------------------------- */

static bool
is_equal(const char *a, const char *b)
{
	unsigned char difference = 0;
	size_t n = strlen(a);

	if (strlen(b) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

bool
hashes_match(const char *hash, const char *password, struct crypt_data *data)
{
	const char *made = crypt_r(password, hash, data);

	return made != NULL && made[0] != '*' && is_equal(made, hash);
}

static char *
hash_plain(const char *password, struct crypt_data *data)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *made;

	CHECK(crypt_gensalt_rn(PLAIN_METHOD, PLAIN_COST, NULL, 0, setting,
	    sizeof(setting)) != NULL);
	made = crypt_r(password, setting, data);
	CHECK(made != NULL && made[0] != '*');
	return xstrdup(made);
}

static double
measure(const char *hash, struct crypt_data *data)
{
	struct timespec a, b;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	(void)hashes_match(hash, "no password", data);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	return (double)(b.tv_sec - a.tv_sec) +
	    (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Behind the n-th '$', or all there is. */
static size_t
skip_dollars(const char *hash, int n)
{
	size_t at = 0;

	for (; n > 0 && hash[at] != '\0'; n--) {
		at += strcspn(hash + at, "$");
		at += hash[at] == '$';
	}
	return at;
}

static bool
has_cost(const char *hash)
{
	static const char *const methods[] = {
		"$2a$", "$2b$", "$2x$", "$2y$", "$y$", "$gy$", "$sha1$"
	};

	for (size_t i = 0; i < ARRAY_N(methods); i++)
		if (strncmp(hash, methods[i], strlen(methods[i])) == 0)
			return true;
	return strncmp(hash + skip_dollars(hash, 2), "rounds=", 7) == 0;
}

/* What stands before the salt: the method, and the cost if it is told
 * (crypt(5)). */
static size_t
get_method_n(const char *hash)
{
	if (hash[0] == '_')
		return strnlen(hash, 5);
	if (hash[0] != '$')
		return 0;
	if (strncmp(hash, "$7$", 3) == 0)
		return strnlen(hash, 14);
	return skip_dollars(hash, has_cost(hash) ? 3 : 2);
}

/* They cost the same. */
static bool
is_same_method(const char *a, const char *b)
{
	size_t n = get_method_n(a);

	return get_method_n(b) == n && memcmp(a, b, n) == 0;
}

static bool
is_measured(const char *const *methods, size_t n, const char *hash)
{
	for (size_t i = 0; i < n; i++)
		if (is_same_method(methods[i], hash))
			return true;
	return false;
}

static void
find_costliest(struct hashes *h, struct crypt_data *data)
{
	const char **methods = xcalloc(h->n, sizeof(methods[0]));
	size_t methods_n = 0;
	double most = -1;

	for (size_t i = 0; i < h->n; i++) {
		const char *hash = h->users[i].hash;
		double cost;

		if (is_measured(methods, methods_n, hash))
			continue;
		methods[methods_n++] = hash;
		cost = measure(hash, data);
		if (cost > most) {
			most = cost;
			h->costliest = hash;
		}
	}
	free(methods);
}

/* --- all of them ----------------------------------------------------------- */

struct hashes *
hashes_new(const struct conf *conf)
{
	struct crypt_data *data = xcalloc(1, sizeof(*data));
	struct hashes *h = xcalloc(1, sizeof(*h));

	h->n = conf->users_n;
	h->users = xcalloc(conf->users_n, sizeof(h->users[0]));
	for (size_t i = 0; i < conf->users_n; i++) {
		const struct conf_user *u = &conf->users[i];

		h->users[i].name = xstrdup(u->s.name);
		h->users[i].hash = u->password != NULL ?
		    xstrdup(u->password) : hash_plain(u->password_plain, data);
	}
	/* Without users there is nothing to be found out. */
	h->costliest = PLAIN_METHOD;
	find_costliest(h, data);
	explicit_bzero(data, sizeof(*data));
	free(data);
	return h;
}

void
hashes_free(struct hashes *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n; i++) {
		explicit_bzero(h->users[i].hash, strlen(h->users[i].hash));
		free(h->users[i].hash);
		free(h->users[i].name);
	}
	free(h->users);
	free(h);
}

const char *
hashes_find(const struct hashes *h, const char *name, bool *is_known_r)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->users[i].name, name) == 0) {
			*is_known_r = true;
			return h->users[i].hash;
		}
	*is_known_r = false;
	return h->costliest;
}
