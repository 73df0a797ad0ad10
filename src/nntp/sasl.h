// SPDX-License-Identifier: BSD-2-Clause
/* sasl - what a client sends for the mechanism PLAIN (RFC 4616, RFC 4643, 2.4):
 *
 *     response = base64(authorization identity NUL name NUL password)
 *              | "="   no octets    | "*"   the client gives up
 *
 * Names and passwords are octets and compared as they are; no profile of
 * stringprep is applied. An authorization identity must be the name: nobody can
 * act for another here.
 *
 * Owner: the caller, who wipes it. Any thread. Pure: no I/O, no memory, no
 * logging. */
#pragma once

#include <stddef.h>

/* Of a name and of a password each; RFC 4616 wants 255 at least. */
#define SASL_PART_MAX 512

enum sasl_result {
	SASL_FINE,
	SASL_GIVEN_UP,		/* 481 */
	SASL_NOT_BASE64,	/* 504 */
	SASL_BAD		/* 481: not what PLAIN is, or for another */
};

/* What is there with SASL_FINE only. */
struct sasl_plain {
	char name[SASL_PART_MAX + 1];
	char password[SASL_PART_MAX + 1];
};

/* Writes *p_r; what of a secret is left elsewhere is wiped. */
enum sasl_result sasl_plain_parse(const char *response, size_t n,
    struct sasl_plain *p_r) __attribute__((warn_unused_result));
