// SPDX-License-Identifier: BSD-2-Clause
#include "client/admission.h"

#include "base/log.h"
#include "client/census.h"
#include "conf/conf.h"
#include "net/addr.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum reason
admission_enter(struct census *census, const struct conf *conf,
    const struct conf_listen *listen, const struct addr *peer)
{
	if (network_any_has(listen->deny.v, listen->deny.n, peer) ||
	    (listen->allow.n > 0 &&
	    !network_any_has(listen->allow.v, listen->allow.n, peer)))
		return REASON_ADDRESS_REFUSED;
	if (!census_enter(census, peer, conf->proxy.max_clients_per_address))
		return REASON_ADDRESS_FULL;
	return REASON_NONE;
}

/* A new socket takes one line; a client that is gone loses nothing. */
static void
say(int fd, const char *answer)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s\r\n", answer);

	(void)!send(fd, line, (size_t)n, MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
}

void
admission_refuse(const struct conf_listen *listen, int fd,
    const struct addr *peer, enum reason reason)
{
	char text[ADDR_TEXT_MAX];

	log_info("client=%s end=%s (%s)", addr_format(peer, text),
	    reason_key(reason), reason_words(reason));
	/* One that waits for a handshake would not understand it. */
	if (reason_answer(reason) != NULL && listen->tls != TLS_IMPLICIT)
		say(fd, reason_answer(reason));
	close(fd);
}
