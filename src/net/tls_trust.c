// SPDX-License-Identifier: BSD-2-Clause
/* tls_trust - the authorities that this system trusts.
 *
 * Read as a whole and at once: OpenSSL by itself would look for each one when it
 * is needed, which would be in a worker, and after the program has given up the
 * right to read such files. All contexts share them. */
#include "net/tls_priv.h"

#include "base/check.h"

#include <ctype.h>
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Main thread. */
static struct {
	X509_STORE *store;	/* NULL: not read yet */
	char *origin;		/* where it was read, and how old that is */
} authorities;

/* As X509_get_default_cert_file_env() has it. */
static const char *
get_path(const char *variable, const char *by_default)
{
	const char *path = secure_getenv(variable);

	return path != NULL ? path : by_default;
}

static const char *
get_file(void)
{
	return get_path(X509_get_default_cert_file_env(),
	    X509_get_default_cert_file());
}

/* Between colons. */
static const char *
get_directories(void)
{
	return get_path(X509_get_default_cert_dir_env(),
	    X509_get_default_cert_dir());
}

void
tls_trust_each_path(void (*f)(void *arg, const char *path), void *arg)
{
	char *paths = xstrdup(get_directories()), *rest = NULL;

	f(arg, get_file());
	for (char *path = strtok_r(paths, ":", &rest); path != NULL;
	    path = strtok_r(NULL, ":", &rest))
		f(arg, path);
	free(paths);
}

static void
note_origin(void *arg, const char *path)
{
	char **origin = arg, *before = *origin;
	struct stat st;

	if (stat(path, &st) < 0)
		st.st_mtim = (struct timespec){ 0 };
	*origin = xasprintf("%s%s %jd.%ld ", before, path,
	    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	free(before);
}

static char *
format_origin(void)
{
	char *origin = xstrdup("");

	tls_trust_each_path(note_origin, &origin);
	return origin;
}

/* "0123abcd.0", the names that openssl-rehash(1) makes. */
static bool
is_hash(const char *name)
{
	size_t n = 0;

	while (isxdigit((unsigned char)name[n]))
		n++;
	return n == 8 && name[n] == '.' &&
	    isdigit((unsigned char)name[n + 1]);
}

/* A directory or a single file; one that can't be read is not trusted. */
static void
read_path(void *arg, const char *path)
{
	X509_STORE *store = arg;
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL) {
		(void)X509_STORE_load_file(store, path);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		char *file;

		if (!is_hash(entry->d_name))
			continue;
		file = xasprintf("%s/%s", path, entry->d_name);
		(void)X509_STORE_load_file(store, file);
		free(file);
	}
	closedir(dir);
}

static X509_STORE *
read_authorities(void)
{
	X509_STORE *store = X509_STORE_new();

	CHECK(store != NULL);
	tls_trust_each_path(read_path, store);
	ERR_clear_error();
	return store;
}

/* Borrowed. */
static X509_STORE *
get_authorities(void)
{
	char *origin = format_origin();

	if (authorities.origin != NULL &&
	    strcmp(authorities.origin, origin) == 0) {
		free(origin);
		return authorities.store;
	}
	tls_trust_fini();
	authorities.store = read_authorities();
	authorities.origin = origin;
	return authorities.store;
}

void
tls_trust_fini(void)
{
	X509_STORE_free(authorities.store);
	free(authorities.origin);
	authorities.store = NULL;
	authorities.origin = NULL;
}

static void
copy(X509_STORE *from, X509_STORE *to)
{
	STACK_OF(X509_OBJECT) *objects;

	CHECK(X509_STORE_lock(from) == 1);
	objects = X509_STORE_get0_objects(from);
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *cert = X509_OBJECT_get0_X509(
		    sk_X509_OBJECT_value(objects, i));

		if (cert != NULL)
			CHECK(X509_STORE_add_cert(to, cert) == 1);
	}
	CHECK(X509_STORE_unlock(from) == 1);
}

bool
tls_trust_system(SSL_CTX *ctx, const char *more_file)
{
	X509_STORE *store = get_authorities();

	if (more_file == NULL) {
		SSL_CTX_set1_cert_store(ctx, store);
		return true;
	}
	copy(store, SSL_CTX_get_cert_store(ctx));
	return SSL_CTX_load_verify_file(ctx, more_file) == 1;
}
