# SPDX-License-Identifier: BSD-2-Clause
"""What all tests do in another way than usual, and don't notice, if they are
not about it.

NNTPMUX_TLS     which sides of the proxy speak TLS: "clients", "backends", both
NNTPMUX_RELAY   the key relay: "copy", "splice"
"""

import functools
import os
import pathlib
import tempfile

import certs

SIDES = os.environ.get("NNTPMUX_TLS", "").replace(",", " ").split()
RELAY = os.environ.get("NNTPMUX_RELAY")
NAME = "localhost"
# Keys of [listen main] where a test is about what comes before any handshake:
# the reason why a client is refused is told in the clear only.
IN_THE_CLEAR = {"tls": "no"}


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


def proxy_keys():
    """More keys for [proxy]."""
    return {"relay": RELAY} if RELAY else {}


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
