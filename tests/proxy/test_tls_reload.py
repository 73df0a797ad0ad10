# SPDX-License-Identifier: BSD-2-Clause
"""HUP and TLS: new clients see the new certificate, old ones notice nothing;
a certificate that is wrong changes nothing.
"""

import shutil

import pytest
from cryptography import x509

from certs import Authority, serving, trusting
from wire import articles

pytestmark = pytest.mark.modes("hy")
A = "<a@x>"


def get_serial(client):
    return x509.load_der_x509_certificate(
        client.sock.getpeercert(True)).serial_number


def replace(path, other):
    """Under the same name, as a tool that renews certificates does it."""
    shutil.copy(other, path)


def test_new_certificate(bed):
    cert = bed.authority.issue("localhost")
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, listen={"tls": "implicit", "tls_cert": cert})
    old = proxy.client(secure=trusting(bed.authority))
    inside = proxy.client(greet=False)      # its handshake has begun
    replace(cert, bed.authority.issue("localhost"))
    assert proxy.hang_up()
    new = proxy.client(secure=trusting(bed.authority))
    assert get_serial(new) != get_serial(old)
    inside.secure(trusting(bed.authority))
    assert inside.line()[:3] == "201"
    for client in (old, new, inside):
        assert client.code("STAT " + A) == "223"


def test_wrong_certificate_changes_nothing(bed):
    cert = bed.authority.issue("localhost")
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, listen={"tls": "implicit", "tls_cert": cert})
    old = proxy.client(secure=trusting(bed.authority))
    cert.write_bytes(b"nonsense")
    assert not proxy.hang_up()
    assert proxy.log_contains(r"error .*nntpmux.ini:\d+: tls_cert: ")
    new = proxy.client(secure=trusting(bed.authority))
    assert get_serial(new) == get_serial(old)


def test_starttls_taken_away_behind_the_382(bed):
    cert = bed.authority.issue("localhost")
    be = bed.fake(articles=articles("a"))
    listen = {"tls": "starttls", "tls_cert": cert}
    proxy = bed.proxy(be, listen=listen)
    before, late = proxy.client(), proxy.client()
    assert before.code("STARTTLS") == "382"
    assert proxy.reload(listen={})
    before.secure(trusting(bed.authority))
    assert before.code("STAT " + A) == "223"
    assert late.code("STARTTLS") == "500"
    assert late.code("STAT " + A) == "223"


def test_backend_with_other_trust(bed):
    """What is idle was made with the old settings: it is not used again."""
    be = bed.fake(articles=articles("a"), secure=serving(
        bed.authority.issue("news.test")), tls_name="news.test",
        tls_ca_file=bed.authority.path)
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("STAT " + A) == "223"
    be.options["tls_ca_file"] = Authority(bed.tmp, "another").path
    assert proxy.reload()
    assert client.code("STAT " + A) == "400"
    proxy.wait_log("phase=tls reason=tls-failed .*unknown authority")
