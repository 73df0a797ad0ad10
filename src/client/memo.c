// SPDX-License-Identifier: BSD-2-Clause
#include "client/memo.h"

#include "base/check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PLACES 1024
#define KEY_BYTES 32
/* Name, hash and password, each with a NUL. */
#define TEXT_MAX 2048

struct place {
	struct memo_digest digest;
	uint64_t until_ms;	/* 0: empty */
};

struct memo {
	unsigned char key[KEY_BYTES];	/* const */

	struct {
		pthread_mutex_t mutex;
		struct place places[PLACES];
	} sh; /* guarded by sh.mutex */
};

struct memo *
memo_new(void)
{
	struct memo *m = xcalloc(1, sizeof(*m));

	CHECK(getrandom(m->key, sizeof(m->key), 0) == sizeof(m->key));
	SYS_OK(pthread_mutex_init(&m->sh.mutex, NULL));
	return m;
}

void
memo_free(struct memo *m)
{
	SYS_OK(pthread_mutex_destroy(&m->sh.mutex));
	explicit_bzero(m, sizeof(*m));
	free(m);
}

/* Octets of buf; 0: they don't fit. */
static size_t
join(const char *const texts[3], unsigned char buf[TEXT_MAX])
{
	size_t n = 0;

	for (int i = 0; i < 3; i++) {
		size_t text_n = strlen(texts[i]) + 1;

		if (text_n > TEXT_MAX - n)
			return 0;
		memcpy(buf + n, texts[i], text_n);
		n += text_n;
	}
	return n;
}

bool
memo_make_digest(const struct memo *m, const char *name, const char *hash,
    const char *password, struct memo_digest *d_r)
{
	unsigned char text[TEXT_MAX];
	size_t n = join((const char *const[]){ name, hash, password }, text);
	size_t digest_n = 0;
	bool is_made = n > 0 && EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL,
	    m->key, sizeof(m->key), text, n, d_r->octets,
	    sizeof(d_r->octets), &digest_n) != NULL;

	explicit_bzero(text, sizeof(text));
	return is_made && digest_n == sizeof(d_r->octets);
}

/* Where the digest stands, if it does. */
static struct place *
get_place(struct memo *m, const struct memo_digest *d)
{
	return &m->sh.places[(d->octets[0] | d->octets[1] << 8) % PLACES];
}

bool
memo_knows(struct memo *m, const struct memo_digest *d, uint64_t now_ms)
{
	const struct place *place = get_place(m, d);
	bool is_known;

	SYS_OK(pthread_mutex_lock(&m->sh.mutex));
	is_known = now_ms < place->until_ms &&
	    CRYPTO_memcmp(&place->digest, d, sizeof(*d)) == 0;
	SYS_OK(pthread_mutex_unlock(&m->sh.mutex));
	return is_known;
}

void
memo_note(struct memo *m, const struct memo_digest *d, uint64_t now_ms)
{
	struct place *place = get_place(m, d);

	SYS_OK(pthread_mutex_lock(&m->sh.mutex));
	place->digest = *d;
	place->until_ms = now_ms + MEMO_MS;
	SYS_OK(pthread_mutex_unlock(&m->sh.mutex));
}

size_t
memo_get_size(void)
{
	return sizeof(struct memo);
}
