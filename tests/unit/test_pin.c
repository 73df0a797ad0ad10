// SPDX-License-Identifier: BSD-2-Clause
#include "test.h"

#include <string.h>

#include "route/pin.h"
#include "route/selector.h"

/* A relay that nobody looks into: these tests only follow what is said. */
static int somewhere;
#define RELAY ((struct relay *)(void *)&somewhere)

static void hold(struct pin *p)
{
	pin_init(p);
	cr_assert_not(pin_is_held(p));
	cr_assert_eq(pin_get_backend_id(p), SELECTOR_NONE);
	pin_hold(p, RELAY);
	cr_assert(pin_is_held(p));
	cr_assert_not(pin_has_group(p));
}

static void say(struct pin *p, const char *command, const char *answer)
{
	struct response r;
	struct command c;

	cr_assert_eq(command_parse(command, strlen(command), &c), COMMAND_OK);
	cr_assert_eq(response_parse(answer, strlen(answer), &r), RESPONSE_OK);
	pin_follow(p, &c, &r, answer);
}

#define ASSERT_AT(p, name, number) do {                                       \
	cr_assert(pin_has_group(p));                                          \
	cr_assert_str_eq((p)->group, name);                                   \
	cr_assert_eq((p)->article, (uint64_t)(number));                       \
} while (0)

Test(pin, follows_the_session_through_a_group)
{
	struct pin p;

	hold(&p);
	say(&p, "GROUP misc.test", "211 1234 3000234 3002322 misc.test\r\n");
	ASSERT_AT(&p, "misc.test", 3000234);
	say(&p, "NEXT", "223 3000237 <a@b> next\r\n");
	ASSERT_AT(&p, "misc.test", 3000237);
	say(&p, "LAST", "223 3000234 <c@d> last\r\n");
	ASSERT_AT(&p, "misc.test", 3000234);
	say(&p, "ARTICLE 3000300", "220 3000300 <e@f>\r\n");
	ASSERT_AT(&p, "misc.test", 3000300);
	say(&p, "HEAD", "221 3000300 <e@f>\r\n");
	say(&p, "BODY <x@y>", "222 3000235 <x@y>\r\n");
	say(&p, "STAT 3000301", "423 no such article\r\n");
	say(&p, "OVER 3000302-3000310", "224 follows\r\n");
	say(&p, "XHDR Subject 3000302", "221 3000302 follows\r\n");
	ASSERT_AT(&p, "misc.test", 3000300);
	/* A server that does not say the number. */
	say(&p, "STAT 3000303", "223 fine\r\n");
	ASSERT_AT(&p, "misc.test", 3000303);
	pin_lose(&p);
}

Test(pin, keeps_its_group_when_another_is_not_there)
{
	struct pin p;

	hold(&p);
	say(&p, "GROUP a.b", "211 5 1 5 a.b\r\n");
	say(&p, "GROUP c.d", "411 no such group\r\n");
	ASSERT_AT(&p, "a.b", 1);
	say(&p, "GROUP e.f", "211 0 8 7 e.f\r\n");
	ASSERT_AT(&p, "e.f", 0);
	pin_lose(&p);
	cr_assert_eq(p.state, PIN_LOST);
	cr_assert_not(pin_has_group(&p));
}

Test(pin, follows_lists_of_old_and_new_servers)
{
	struct pin p;

	hold(&p);
	say(&p, "LISTGROUP a.b 7-9", "211 12 3 20 a.b list follows\r\n");
	pin_follow_list(&p, 7);
	ASSERT_AT(&p, "a.b", 3);
	say(&p, "LISTGROUP c.d", "211 list follows\r\n");
	ASSERT_AT(&p, "c.d", 0);
	pin_follow_list(&p, 44);
	ASSERT_AT(&p, "c.d", 44);
	say(&p, "NEXT", "223 45 <a@b>\r\n");
	say(&p, "LISTGROUP", "211 9 44 60 c.d\r\n");
	ASSERT_AT(&p, "c.d", 44);
	pin_lose(&p);
}
