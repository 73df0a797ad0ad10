// SPDX-License-Identifier: BSD-2-Clause
#include "route/bounds.h"

#include "net/output.h"
#include "nntp/capabilities.h"
#include "nntp/command.h"
#include "nntp/line.h"
#include "nntp/response.h"
#include "route/exchange.h"
#include "route/mend.h"
#include "route/relay_priv.h"

/* The longest answer that the proxy makes itself: HELP. */
#define ANSWER_MAX_BYTES COMMAND_HELP_MAX

_Static_assert((int)CAPABILITIES_MAX <= (int)ANSWER_MAX_BYTES &&
    (int)RESPONSE_LINE_MAX <= (int)ANSWER_MAX_BYTES, "the longest answer");

size_t
bounds_get_exchange(void)
{
	return sizeof(struct exchange) + LINE_MAX_BYTES + ANSWER_MAX_BYTES;
}

size_t
bounds_get_mend(void)
{
	return mend_get_size() + bounds_get_exchange();
}

size_t
bounds_get_output(size_t pipeline_depth)
{
	/* A relay reads when there is a little room, and then a lot; behind
	 * its answer come those that are ready. */
	return output_get_size_max(RELAY_OUTPUT_HIGH_BYTES + LOOP_BUFFER_SIZE +
	    pipeline_depth * ANSWER_MAX_BYTES);
}

size_t
bounds_get_relay(size_t pipeline_depth, size_t piece_bytes)
{
	/* Those whose clients are gone are nobody else's. */
	size_t exchanges = pipeline_depth *
	    (sizeof(struct exchange) + LINE_MAX_BYTES);
	size_t output = output_get_size_max(RELAY_ARTICLE_HIGH_BYTES +
	    piece_bytes + pipeline_depth * LINE_MAX_BYTES);

	return sizeof(struct relay) + LOOP_BUFFER_SIZE + RESPONSE_LINE_MAX +
	    exchanges + output;
}
