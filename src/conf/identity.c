// SPDX-License-Identifier: BSD-2-Clause
#include "conf/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/report.h"
#include "conf/section.h"

static void
complain(const struct conf_proxy *p, const char *key, const char *name,
    struct conf_report *report)
{
	int error = errno;

	report_add(report, SEVERITY_ERROR, section_get_place(&p->s,
	    KIND_PROXY, key), "%s = %.100s: %s", key, name,
	    error == 0 || error == ENOENT ? "there is none of this name" :
	    strerror(error));
}

static void
find_group(struct conf_proxy *p, struct conf_report *report)
{
	const struct group *group;

	errno = 0;
	group = getgrnam(p->group);
	if (group == NULL)
		complain(p, "group", p->group, report);
	else
		p->gid = group->gr_gid;
}

void
identity_find(struct conf_proxy *p, struct conf_report *report)
{
	const struct passwd *user;

	if (p->user == NULL) {
		if (p->group != NULL)
			report_add(report, SEVERITY_ERROR, section_get_place(
			    &p->s, KIND_PROXY, "group"),
			    "group needs user: who has all rights loses none"
			    " of them with a group");
		return;
	}
	errno = 0;
	user = getpwnam(p->user);
	if (user == NULL) {
		complain(p, "user", p->user, report);
		return;
	}
	p->uid = user->pw_uid;
	p->gid = user->pw_gid;
	if (p->group != NULL)
		find_group(p, report);
}
