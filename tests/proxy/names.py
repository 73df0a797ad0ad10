# SPDX-License-Identifier: BSD-2-Clause
"""A name that resolves slowly: slow.test, which is 127.0.0.1."""

import subprocess

from timing import scaled, wait_until

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *,
    struct addrinfo **);

int
getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
    struct addrinfo **found)
{
	lookup *real = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");

	if (strcmp(name, "slow.test") != 0)
		return real(name, port, hints, found);
	fclose(fopen(getenv("SLOW_NAME_MARK"), "w"));
	sleep((unsigned)atoi(getenv("SLOW_NAME_SECONDS")));
	return real("127.0.0.1", port, hints, found);
}
"""


class Named:
    """A backend by a name of its own."""

    def __init__(self, name, url, **options):
        self.name, self.url, self.options = name, url, options


class SlowName:
    """It takes so many seconds (scaled). For a proxy that is started with env
    and without the sandbox, for the look-up leaves a mark: a file."""

    def __init__(self, bed, monkeypatch, seconds):
        source, library = bed.tmp / "slow.c", bed.tmp / "slow.so"
        self.mark = bed.tmp / "mark"
        source.write_text(SOURCE)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source,
                        "-ldl"], check=True)
        monkeypatch.setenv("ASAN_OPTIONS", "verify_asan_link_order=0")
        self.env = {"LD_PRELOAD": str(library),
                    "SLOW_NAME_MARK": str(self.mark),
                    "SLOW_NAME_SECONDS": str(max(1, round(scaled(seconds))))}

    def wait_asked(self):
        wait_until(self.mark.exists, what="the look-up of the slow name")
