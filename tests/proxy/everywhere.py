# SPDX-License-Identifier: BSD-2-Clause
"""NNTPMUX_TLS: which sides of the proxy speak TLS in tests that are not about
it: "clients", "backends" or both. The tests don't notice.
"""

import functools
import os
import pathlib
import tempfile

import certs

SIDES = os.environ.get("NNTPMUX_TLS", "").replace(",", " ").split()
NAME = "localhost"


@functools.cache
def directory():
    return tempfile.TemporaryDirectory(prefix="nntpmux-tls-")


@functools.cache
def authority():
    return certs.Authority(pathlib.Path(directory().name))


@functools.cache
def certificate():
    path = authority().issue(NAME)
    path.chmod(0o600)
    return path


@functools.cache
def serving():
    return certs.serving(certificate())


def trusting():
    return certs.trusting(authority())


def listen_keys():
    """More keys for [listen main]."""
    return {"tls": "implicit", "tls_cert": certificate()} \
        if "clients" in SIDES else {}


def secure(be):
    """Lets a fake speak TLS, unless its test has decided about that."""
    if "backends" not in SIDES or "tls" in be.options \
            or not hasattr(be, "secure"):
        return
    be.secure = serving()
    be.options.update(tls="implicit", tls_name=NAME,
                      tls_ca_file=authority().path)
