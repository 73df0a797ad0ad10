# SPDX-License-Identifier: BSD-2-Clause
"""HUP and TLS: new clients see the new certificate, old ones notice nothing;
a certificate that is wrong changes nothing.
"""

import shutil
import ssl

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
    assert proxy.reload(listen={"tls": "no"})
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


@pytest.mark.parametrize("kind", ["file", "directory", "two directories"])
def test_system_authorities_are_read_again(bed, kind):
    """Wherever the environment says that they are."""
    empty, place = bed.tmp / "empty", bed.tmp / "trusted"
    empty.mkdir()
    place.mkdir()
    path = place / "0123abcd.0"
    replace(path, Authority(bed.tmp, "another").path)
    be = bed.fake(articles=articles("a"), tls_name="news.test",
                  secure=serving(bed.authority.issue("news.test")))
    proxy = bed.proxy(be, env={
        "file": {"SSL_CERT_FILE": str(path)},
        "directory": {"SSL_CERT_DIR": str(place)},
        "two directories": {"SSL_CERT_DIR": "%s:%s" % (empty, place)}}[kind])
    assert proxy.client().code("STAT " + A) == "400"
    replace(place / "new", bed.authority.path)
    (place / "new").rename(path)
    assert proxy.hang_up()
    proxy.wait_log("the configuration was read again")
    assert proxy.client().code("STAT " + A) == "223"


def resume(proxy, context, session, listener="main"):
    """With a session of another connection. Whether the handshake is accepted
    from there, and the session resumed."""
    client = proxy.client(greet=False, listener=listener)
    client.sock = context.wrap_socket(client.sock, session=session,
                                      server_hostname="localhost")
    assert client.line()[:3] == "201"
    return client.sock.session_reused


def refused(proxy, context, session, listener="main"):
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        resume(proxy, context, session, listener)
    proxy.wait_log("phase=tls: it has no certificate")


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
def test_session_is_of_no_use_where_a_certificate_is_needed(bed, version):
    """Neither at another listener nor after a reload."""
    cert = bed.authority.issue("localhost")
    keys = {"tls": "implicit", "tls_cert": cert}
    strict = {**keys, "tls_client_ca": bed.authority.path}
    proxy = bed.proxy(bed.fake(), listen=keys, listeners=2, sections={
        "listen strict": {"address": "127.0.0.1:0", **strict}})
    context = trusting(bed.authority)
    context.maximum_version = version
    first = proxy.client(secure=context)
    first.fence()
    session = first.sock.session
    assert resume(proxy, context, session)
    refused(proxy, context, session, "strict")
    assert proxy.reload(listen=strict)
    refused(proxy, context, session)
