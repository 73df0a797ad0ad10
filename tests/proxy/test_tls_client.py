# SPDX-License-Identifier: BSD-2-Clause
"""TLS to clients (RFC 4642): from the start, by STARTTLS, and refused.

good, both ways                         test_implicit, test_starttls
nothing from before survives            test_injected_…, test_group_is_lost, …
what is said in the clear               test_in_the_clear_483, …
STARTTLS: 500, 501, 502, 580            test_starttls_…
one-byte records, large articles        test_one_byte_records, test_both_sides
ends and cuts                           test_quit_ends_tls, test_cut_…
plain text and TLS, mixed up            test_plain_text_…, test_tls_where_…
handshakes that are slow, or many       test_slow_…, test_many_…
our certificate, as a client sees it    test_our_certificate_…
clients' certificates                   test_client_certificate_…
versions, ciphers, resumption           test_old_protocol, …
mistakes in the configuration           test_config_…
"""

import base64
import os
import re
import socket
import ssl

import pytest

from certs import Authority, new_key, pem_key, trusting
from client import Client
from peer import Gate
from timing import Clock, ms, scaled, wait_until
from wire import article, articles, body, lines, stuff

A = "<a@x>"
hybrid = pytest.mark.modes("hy")
USERS = {"joe": {"password_plain": "secret"}}
SASL = base64.b64encode(b"\0joe\0secret").decode()


def secured(bed, *backends, tls="implicit", listen=None, **options):
    """A proxy with a certificate for localhost."""
    cert = bed.authority.issue("localhost")
    return bed.proxy(*backends, listen={
        "tls": tls, "tls_cert": cert, **(listen or {})}, **options)


def trust(bed, cert=None):
    return trusting(bed.authority, cert)


def connect(bed, proxy, **options):
    """A client that speaks TLS from the start."""
    return proxy.client(secure=trust(bed), **options)


def start_tls(client, tls, context, name="localhost"):
    """For a client that may have been greeted in the clear already."""
    if tls == "starttls":
        client.starttls(context, name)
    else:
        client.secure(context, name)


def plain(bed, **options):
    return bed.fake(articles=articles("a", "b", "c"), **options)


# --- good ----------------------------------------------------------------------

def test_implicit(bed):
    be = plain(bed)
    client = connect(bed, secured(bed, be))
    assert client.greeting[:3] == "201"
    assert client.fetch("ARTICLE " + A)[1] == stuff(be.articles[A])
    client.fence()


def test_starttls(bed):
    be = plain(bed)
    client = secured(bed, be, tls="starttls").client()
    assert client.greeting[:3] == "201"
    client.starttls(trust(bed))
    assert client.fetch("ARTICLE " + A)[1] == stuff(be.articles[A])
    client.fence()


def test_quit_ends_tls(bed):
    client = connect(bed, secured(bed, plain(bed)))
    assert client.code("QUIT") == "205"
    client.at_end()
    assert not client.was_cut


def test_both_sides(bed):
    """Large articles through TLS on both sides, pipelined."""
    from certs import serving
    be = plain(bed, secure=serving(bed.authority.issue("news.test")),
               tls_name="news.test", tls_ca_file=bed.authority.path)
    texts = {"<%d@x>" % i: article("<%d@x>" % i, lines(1 << 20, i))
             for i in range(4)}
    be.articles.update(texts)
    client = connect(bed, secured(bed, be))
    client.say(*("BODY " + msgid for msgid in texts))
    for msgid, whole in texts.items():
        assert client.line()[:3] == "222"
        assert client.block() == stuff(body(whole)), msgid


@hybrid
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_one_byte_records(bed, tls):
    client = secured(bed, plain(bed), tls=tls).client(greet=tls != "implicit")
    start_tls(client, tls, trust(bed))
    if tls == "implicit":
        client.expect(201)
    for byte in b"STAT <a@x>\r\nSTAT <b@x>\r\nQUIT\r\n":
        client.send(bytes([byte]))
    client.expect(223, 223, 205)
    client.at_end()


@hybrid
def test_many_commands_in_one_record(bed):
    """More than one reading takes, and no event tells of the rest."""
    client = connect(bed, secured(bed, plain(bed)))
    client.say(*["STAT " + A] * 1000)
    client.expect(*[223] * 1000)


@hybrid
def test_posting(bed):
    be = plain(bed, posting="yes")
    whole = article("<new@x>", lines(1 << 20))
    client = connect(bed, secured(bed, be))
    assert client.greeting[:3] == "200"
    assert client.code("POST") == "340"
    client.send(stuff(whole))
    assert client.line()[:3] == "240"
    assert be.posted == [stuff(whole)]


@hybrid
def test_slow_reader(bed):
    be = plain(bed)
    be.articles["<big@x>"] = whole = article("<big@x>", lines(4 << 20))
    client = connect(bed, secured(bed, be), rcvbuf=4096)
    client.say("ARTICLE <big@x>", "STAT " + A)
    be.wait_seen(1, "ARTICLE")
    assert client.line()[:3] == "220"
    assert client.block() == stuff(whole)
    assert client.line() == "223 0 " + A


@hybrid
def test_stalled_reader(bed):
    be = plain(bed)
    be.articles["<big@x>"] = article("<big@x>", lines(16 << 20))
    proxy = secured(bed, be, proxy={"client_stall_timeout": ms(300)})
    client = connect(bed, proxy, rcvbuf=4096)
    client.say("ARTICLE <big@x>")
    proxy.wait_log("end=client-stall")


@hybrid
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_behind_a_proxy_header(bed, tls):
    """It stands in the clear before the handshake, in the same packet."""
    proxy = secured(bed, plain(bed), tls=tls, listen={
        "proxy_protocol": "require", "proxy_protocol_from": "127.0.0.1"})
    client = proxy.client(greet=False)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    client.send("PROXY TCP4 192.0.2.7 192.0.2.1 4711 563\r\n")
    if tls == "starttls":
        client.say("STARTTLS")
        client.expect(201, 382)
        client.secure(trust(bed))
    else:
        client.secure(trust(bed))
        assert client.line()[:3] == "201"
    assert client.code("STAT " + A) == "223"
    assert client.code("QUIT") == "205"
    proxy.wait_log("client=192.0.2.7:4711 .*end=quit")


# --- nothing from before survives ----------------------------------------------------

@hybrid
@pytest.mark.parametrize("injected", ["DATE\r\n", "STAT <b@x>\r\nDA",
                                      "TAKETHIS <n@x>\r\n"])
def test_injected_commands_are_never_run(bed, injected):
    """Somebody in between adds them to the STARTTLS of the client."""
    be = plain(bed)
    client = secured(bed, be, tls="starttls").client()
    client.send("STARTTLS\r\n" + injected)
    assert client.line()[:3] == "382"
    client.secure(trust(bed))
    client.say("TE", "STAT " + A)
    client.expect(500, 223)
    client.fence()
    assert be.seen == ["STAT " + A]


@hybrid
def test_injected_later_is_no_handshake(bed):
    be = plain(bed)
    proxy = secured(bed, be, tls="starttls")
    client = proxy.client()
    assert client.code("STARTTLS") == "382"
    client.send("STAT <b@x>\r\n")
    client.rest()
    proxy.wait_log("end=client-tls")
    assert be.seen == []


@hybrid
def test_name_is_forgotten(bed):
    client = secured(bed, plain(bed), tls="starttls", users=USERS,
                     listen={"require_tls": "no"}).client()
    assert client.code("AUTHINFO USER joe") == "381"
    client.starttls(trust(bed))
    assert client.code("AUTHINFO PASS secret") == "482"
    assert client.login("joe", "secret") == "281"


@hybrid
def test_group_is_lost(bed):
    be = plain(bed)
    client = secured(bed, be, tls="starttls",
                     listen={"require_tls": "no"}).client()
    assert client.code("GROUP local.test") == "211"
    assert client.code("STAT 1") == "223"
    client.starttls(trust(bed))
    assert client.code("STAT 1") == "412"
    assert client.code("GROUP local.test") == "211"
    assert client.code("STAT 1") == "223"


def test_answers_before_are_in_order(bed):
    be = plain(bed)
    client = secured(bed, be, tls="starttls",
                     listen={"require_tls": "no"}).client()
    client.say("STAT " + A, "DATE", "STARTTLS")
    client.expect(223, 111, 382)
    client.secure(trust(bed))
    assert client.code("STAT " + A) == "223"


# --- capabilities, and what is said in the clear ----------------------------------------

def capabilities(client):
    return client.fetch("CAPABILITIES")[1].decode().split("\r\n")[:-2]


@hybrid
def test_capabilities_by_starttls(bed):
    client = secured(bed, plain(bed), tls="starttls", users=USERS).client()
    before = capabilities(client)
    assert "STARTTLS" in before
    assert not [c for c in before if c.startswith(("AUTHINFO", "SASL"))]
    client.starttls(trust(bed))
    after = capabilities(client)
    assert "STARTTLS" not in after
    assert "AUTHINFO USER SASL" in after and "SASL PLAIN" in after
    assert client.login("joe", "secret") == "281"
    assert "STARTTLS" not in capabilities(client)


@hybrid
def test_capabilities_by_implicit_tls(bed):
    assert "STARTTLS" not in capabilities(connect(bed, secured(
        bed, plain(bed))))


@hybrid
def test_capabilities_when_tls_is_not_required(bed):
    client = secured(bed, plain(bed), tls="starttls", users=USERS,
                     listen={"require_tls": "no"}).client()
    assert {"STARTTLS", "AUTHINFO USER SASL", "SASL PLAIN"} <= \
        set(capabilities(client))
    assert client.login("joe", "secret") == "281"
    assert "STARTTLS" not in capabilities(client)
    assert client.code("STARTTLS") == "502"


def test_in_the_clear_483(bed):
    be = plain(bed, posting="yes")
    client = secured(bed, be, tls="starttls", users=USERS).client()
    for command in ("STAT " + A, "GROUP local.test", "DATE", "LIST", "POST",
                    "IHAVE <n@x>", "AUTHINFO USER joe",
                    "AUTHINFO PASS secret", "AUTHINFO SASL PLAIN",
                    "AUTHINFO SASL PLAIN " + SASL, "XFOO",
                    "NEWNEWS * 20240101 0000",
                    "TAKETHIS <n@x>\r\nSubject: x\r\n\r\n."):
        assert client.code(command) == "483", command
    client.fetch("HELP")
    capabilities(client)
    client.fence()
    assert be.all_lines() == []
    client.starttls(trust(bed))
    assert client.code("STAT " + A) == "480"
    assert client.login("joe", "secret") == "281"
    assert client.code("STAT " + A) == "223"
    assert client.code("QUIT") == "205"


# --- SASL ----------------------------------------------------------------------------------

@hybrid
@pytest.mark.parametrize("at_once", [True, False])
def test_sasl_by_starttls(bed, at_once):
    client = secured(bed, plain(bed), tls="starttls", users=USERS).client()
    client.starttls(trust(bed))
    if at_once:
        assert client.code("AUTHINFO SASL PLAIN " + SASL) == "281"
    else:
        assert client.ask("AUTHINFO SASL PLAIN") == "383 ="
        assert client.code(SASL) == "281"
    assert client.code("STAT " + A) == "223"
    after = capabilities(client)
    assert "SASL PLAIN" in after
    assert not [c for c in after if c.startswith(("AUTHINFO", "STARTTLS"))]


@hybrid
def test_sasl_begun_in_the_clear_is_forgotten(bed):
    """A challenge is answered by the next line, whatever it says; after the
    handshake no line is the answer to one of before."""
    client = secured(bed, plain(bed), tls="starttls", users=USERS,
                     listen={"require_tls": "no"}).client()
    client.say("AUTHINFO SASL PLAIN", "STARTTLS")
    client.expect(383, 481)
    client.send("STARTTLS\r\nAUTHINFO SASL PLAIN\r\n")
    client.expect(382)
    client.secure(trust(bed))
    assert client.code("STAT " + A) == "480"
    assert client.code(SASL) == "480"
    assert client.code("AUTHINFO SASL PLAIN " + SASL) == "281"


@hybrid
def test_quit_in_the_clear(bed):
    client = secured(bed, plain(bed), tls="starttls").client()
    assert client.code("QUIT") == "205"
    client.at_end()


# --- STARTTLS that is refused -------------------------------------------------------------

@hybrid
def test_starttls_twice(bed):
    client = secured(bed, plain(bed), tls="starttls").client()
    client.starttls(trust(bed))
    assert client.code("STARTTLS") == "502"
    assert client.code("STAT " + A) == "223"


@hybrid
def test_starttls_over_implicit_tls(bed):
    assert connect(bed, secured(bed, plain(bed))).code("STARTTLS") == "502"


@hybrid
def test_starttls_with_an_argument(bed):
    client = secured(bed, plain(bed), tls="starttls").client()
    assert client.code("STARTTLS now") == "501"
    client.starttls(trust(bed))
    client.fence()


def silent(proxy, n, listener="main"):
    """So many that connect and say nothing."""
    return [socket.create_connection(proxy.addresses[listener])
            for _ in range(n)]


@hybrid
def test_starttls_while_there_are_too_many(bed):
    """580, and then it is served after all: those who are slow give way."""
    cert = bed.authority.issue("localhost")
    proxy = secured(bed, plain(bed), tls="starttls", listeners=2,
                    proxy={"threads": 1}, sections={"listen other": {
                        "address": "127.0.0.1:0", "tls": "implicit",
                        "tls_cert": cert}})
    for _ in range(5):      # on a busy machine the first ones are slow already
        crowd = silent(proxy, 256 + 4, "other")
        client = proxy.client()     # behind all of them
        code = client.code("STARTTLS")
        if code == "580":
            break
    assert code == "580"
    assert client.code("STAT " + A) == "483"
    wait_until(lambda: client.code("STARTTLS") == "382", what="382")
    client.secure(trust(bed))
    assert client.code("STAT " + A) == "223"
    proxy.wait_log("end=tls-slow")
    for sock in crowd:
        sock.close()


# --- slow, or many --------------------------------------------------------------------------

@hybrid
def test_many_silent_ones_keep_nobody_out(bed):
    proxy = secured(bed, plain(bed), proxy={"threads": 1})
    crowd = silent(proxy, 300)
    clock = Clock()
    assert connect(bed, proxy).code("STAT " + A) == "223"
    assert clock() < scaled(4)
    proxy.wait_log("end=tls-slow", 300 - 256 + 1)
    assert "tls-busy" not in proxy.log()
    for sock in crowd:
        sock.close()


@hybrid
def test_many_at_once_wait_for_each_other(bed):
    """As after a restart: nobody is refused."""
    proxy = secured(bed, plain(bed), proxy={"threads": 1})
    crowd = [proxy.client(greet=False) for _ in range(300)]
    for client in crowd[255::-1] + crowd[256:]:
        client.secure(trust(bed))
        assert client.line()[:3] == "201"
    assert "end=tls-" not in proxy.log()


@hybrid
def test_many_that_wait_in_vain(bed):
    """Each has its time; one that is gone holds no place."""
    proxy = secured(bed, plain(bed), proxy={"threads": 1,
                                            "login_timeout": "1s"})
    crowd = silent(proxy, 300)
    for sock in crowd[256:260]:
        sock.close()
    proxy.wait_log("end=tls-(busy|timeout)", 290)
    assert connect(bed, proxy).code("STAT " + A) == "223"


def get_hello(bed):
    """What a client of TLS sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        trust(bed).wrap_bio(incoming, outgoing,
                            server_hostname="localhost").do_handshake()
    return outgoing.read()


@hybrid
def test_slow_handshakes_block_nobody(bed):
    """Half a ClientHello each, and others are served as ever."""
    proxy = secured(bed, plain(bed), proxy={"threads": 1})
    client = connect(bed, proxy)
    hello = get_hello(bed)
    crowd = silent(proxy, 50)
    for i, sock in enumerate(crowd):
        sock.sendall(hello[:i * 4])
    clock = Clock()
    for _ in range(20):
        assert client.code("STAT " + A) == "223"
    assert connect(bed, proxy).code("STAT " + A) == "223"
    assert clock() < scaled(2)
    for sock in crowd:
        sock.close()


@hybrid
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_handshake_has_its_time(bed, tls):
    proxy = secured(bed, plain(bed), tls=tls,
                    proxy={"login_timeout": ms(300)})
    client = proxy.client(greet=False)
    if tls == "starttls":
        client.line()
        assert client.code("STARTTLS") == "382"
    client.at_end()
    proxy.wait_log("end=tls-timeout")


@hybrid
def test_shutdown_inside_a_handshake(bed):
    proxy = secured(bed, plain(bed))
    crowd = silent(proxy, 3)
    connect(bed, proxy).fence()
    proxy.signal()
    assert proxy.wait_end() == 0
    assert len(re.findall("end=shutdown", proxy.log())) >= 3
    for sock in crowd:
        sock.close()


# --- ends and cuts ----------------------------------------------------------------------------

@hybrid
def test_cut_article_looks_cut_in_tls_too(bed):
    be = plain(bed)

    def cut(conn, line):
        conn.send(b"220 0 " + A.encode() + b"\r\nSubject: x\r\n")
        conn.close()

    be.on["ARTICLE"] = cut
    client = connect(bed, secured(bed, be))
    client.say("ARTICLE " + A)
    assert client.line()[:3] == "220"
    assert client.rest() == b"Subject: x\r\n"
    assert client.was_cut


@hybrid
@pytest.mark.parametrize("end", ["cut", "close-notify"])
def test_client_gone_inside_its_article(bed, end):
    be = plain(bed, posting="yes")
    proxy = secured(bed, be)
    client = connect(bed, proxy)
    assert client.code("POST") == "340"
    client.send(b"Subject: x\r\n\r\nhalf")
    if end == "close-notify":
        client.half_close()
    client.close()
    proxy.wait_log("end=client")
    wait_until(lambda: be.halves, what="half an article")
    assert be.posted == []


@hybrid
def test_half_closed_client_gets_its_answers(bed):
    be, gate = plain(bed), Gate()
    be.on["STAT"] = lambda conn, line: (gate.wait(), conn.on_STAT(line))
    client = connect(bed, secured(bed, be))
    client.say("STAT " + A, "ARTICLE " + A)
    client.half_close()
    gate.open()
    client.expect(223, 220)
    client.block()
    client.at_end()
    assert not client.was_cut


@hybrid
def test_idle_client_is_told_of_the_shutdown(bed):
    proxy = secured(bed, plain(bed))
    client = connect(bed, proxy)
    proxy.signal()
    assert client.line()[:3] == "400"
    client.at_end()
    assert not client.was_cut
    assert proxy.wait_end() == 0


# --- plain text and TLS, mixed up ---------------------------------------------------------------

@hybrid
def test_plain_text_where_tls_is_expected(bed):
    be = plain(bed)
    proxy = secured(bed, be)
    client = proxy.client(greet=False)
    client.say("STAT " + A)
    assert b"200" not in client.rest()
    proxy.wait_log("client=.* listen=main phase=tls: .* not TLS")
    proxy.wait_log("end=client-tls")
    assert be.all_lines() == []


@hybrid
@pytest.mark.parametrize("tls", ["no", "starttls"])
def test_tls_where_plain_text_is_expected(bed, tls):
    proxy = secured(bed, plain(bed), tls="starttls") if tls != "no" \
        else bed.proxy(plain(bed), listen={"tls": "no"})
    client = proxy.client()
    client.send(get_hello(bed))
    client.rest()
    proxy.wait_log("end=tls-unexpected")


@hybrid
def test_full_server_says_nothing_in_the_clear(bed):
    proxy = secured(bed, plain(bed), proxy={"max_clients": 1})
    connect(bed, proxy).fence()
    assert Client(proxy.address, greet=False).rest() == b""
    proxy.wait_log("end=server-full")


# --- our certificate, as a client sees it -----------------------------------------------------------

REFUSES = {
    "expired": (dict(since=-3, until=-1), "has expired",
                "says that our certificate has expired"),
    "not-yet-valid": (dict(since=1, until=3), "not yet valid",
                      "refuses our certificate"),
    "self-signed": (dict(self_signed=True), "self-signed",
                    "does not know the authority of our certificate"),
}


def expect_refusal(bed, tls, cert, words, logged, name="localhost"):
    """A client that looks closely ends it, and that is all that happens."""
    be = plain(bed)
    proxy = bed.proxy(be, listen={"tls": tls, "tls_cert": cert})
    client = proxy.client(greet=tls == "starttls")
    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        start_tls(client, tls, trust(bed), name)
    client.close()
    proxy.wait_log("client=.* listen=main phase=tls: it .*" + logged)
    proxy.wait_log("end=client-tls")
    assert be.all_lines() == []


@hybrid
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("what", REFUSES)
def test_our_certificate_is_refused(bed, what, tls):
    keys, words, logged = REFUSES[what]
    expect_refusal(bed, tls, bed.authority.issue("localhost", **keys), words,
                   logged)


@hybrid
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_our_certificate_is_of_an_unknown_authority(bed, tls):
    cert = Authority(bed.tmp, "somebody else").issue("localhost")
    expect_refusal(bed, tls, cert, "unable to get local issuer",
                   "does not know the authority of our certificate")


@hybrid
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("names, address, name", [
    (["other.test"], None, "localhost"), (["localhost"], None, "127.0.0.1"),
    ([], "127.0.0.1", "localhost")],
    ids=["wrong-name", "name-for-address", "address-for-name"])
def test_our_certificate_has_another_name(bed, names, address, name, tls):
    cert = bed.authority.issue(*names, address=address)
    expect_refusal(bed, tls, cert, "mismatch", "refuses our certificate",
                   name)


@hybrid
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_our_certificate_is_for_the_address(bed, tls):
    proxy = bed.proxy(plain(bed), listen={
        "tls": tls, "tls_cert": bed.authority.issue(address="127.0.0.1")})
    client = proxy.client(greet=tls == "starttls")
    start_tls(client, tls, trust(bed), "127.0.0.1")
    if tls == "implicit":
        assert client.line()[:3] == "201"
    assert client.code("STAT " + A) == "223"


@hybrid
def test_our_certificate_is_self_signed_and_known(bed):
    cert = bed.authority.issue("localhost", self_signed=True)
    proxy = bed.proxy(plain(bed), listen={"tls": "implicit",
                                          "tls_cert": cert})
    context = ssl.create_default_context(cafile=cert)
    assert proxy.client(secure=context).code("STAT " + A) == "223"


# --- certificates of clients ------------------------------------------------------------------------

@hybrid
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_client_certificate_good(bed, tls):
    proxy = secured(bed, plain(bed), tls=tls,
                    listen={"tls_client_ca": bed.authority.path})
    context = trust(bed, bed.authority.issue("joe"))
    if tls == "implicit":
        client = proxy.client(secure=context)
    else:
        client = proxy.client()
        client.starttls(context)
    assert client.code("STAT " + A) == "223"


@hybrid
def test_client_certificate_self_signed_and_known(bed):
    cert = bed.authority.issue("joe", self_signed=True)
    proxy = secured(bed, plain(bed), listen={"tls_client_ca": cert})
    client = proxy.client(secure=trust(bed, cert))
    assert client.code("STAT " + A) == "223"


WRONG = {
    "none": (lambda bed: None, "no certificate"),
    "unknown": (lambda bed: Authority(bed.tmp, "other").issue("joe"),
                "unknown authority"),
    "self-signed": (lambda bed: bed.authority.issue("joe", self_signed=True),
                    "self-signed"),
    "expired": (lambda bed: bed.authority.issue("joe", since=-3, until=-1),
                "has expired"),
    "not-yet-valid": (lambda bed: bed.authority.issue("joe", since=1, until=3),
                      "not yet valid"),
}


@hybrid
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("what", WRONG)
def test_client_certificate_refused(bed, what, tls):
    be = plain(bed)
    proxy = secured(bed, be, tls=tls,
                    listen={"tls_client_ca": bed.authority.path})
    make, words = WRONG[what]
    client = proxy.client(greet=tls == "starttls")
    with pytest.raises((OSError, AssertionError)):
        start_tls(client, tls, trust(bed, make(bed)))
        client.line()       # by TLS 1.3 it hears of it only now
    proxy.wait_log("phase=tls: .*" + words)
    assert be.all_lines() == []


# --- versions, ciphers, resumption -------------------------------------------------------------------

def weak(bed, version):
    context = trust(bed)
    context.minimum_version = version
    context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@hybrid
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_protocol(bed, version):
    proxy = secured(bed, plain(bed))
    with pytest.raises(ssl.SSLError):
        proxy.client(secure=weak(bed, ssl.TLSVersion[version]))
    proxy.wait_log("phase=tls: no TLS version")


@hybrid
def test_min_version(bed):
    proxy = secured(bed, plain(bed), listen={"tls_min_version": "1.3"})
    with pytest.raises(ssl.SSLError):
        proxy.client(secure=weak(bed, ssl.TLSVersion.TLSv1_2))
    assert connect(bed, proxy).sock.version() == "TLSv1.3"


@hybrid
def test_no_common_cipher(bed):
    proxy = secured(bed, plain(bed))
    context = weak(bed, ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        proxy.client(secure=context)
    proxy.wait_log("phase=tls: no cipher")


@hybrid
@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256",
                                    "TLS_CHACHA20_POLY1305_SHA256"])
def test_ciphers(bed, cipher):
    proxy = secured(bed, plain(bed), listen={"tls_ciphers": cipher})
    context = trust(bed)
    if not cipher.startswith("TLS_"):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert proxy.client(secure=context).sock.cipher()[0] == cipher


@hybrid
@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA"])
def test_ciphers_of_1_3_leave_those_of_1_2(bed, cipher):
    proxy = secured(bed, plain(bed), listen={
        "tls_cert": bed.authority.issue("localhost", key="rsa"
                                        if cipher[0] == "A" else "ec"),
        "tls_ciphers": "TLS_AES_256_GCM_SHA384"})
    context = weak(bed, ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(cipher + ":@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        proxy.client(secure=context)
    proxy.wait_log("phase=tls: no cipher")


@hybrid
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_resumption(bed, version):
    proxy = secured(bed, plain(bed))
    context = trust(bed)
    context.maximum_version = version
    first = proxy.client(secure=context)
    first.fence()
    again = proxy.client(greet=False)
    again.sock = context.wrap_socket(again.sock, server_hostname="localhost",
                                     session=first.sock.session)
    assert again.line()[:3] == "201"
    assert again.sock.session_reused


# --- mistakes in the configuration ------------------------------------------------------------------------

def check(bed, **keys):
    """-t with these keys in [listen main], from the 6th line on."""
    text = "[backend be]\naddress = news.example.com\n\n[listen main]\n" \
        "tls = implicit\n"
    path = bed.ini(text + "".join("%s = %s\n" % item
                                  for item in keys.items()))
    return bed.run("-t", "-c", path)


@hybrid
def test_config_good(bed):
    cert = bed.authority.issue("localhost")
    cert.chmod(0o600)
    done = check(bed, tls_cert=cert)
    assert (done.returncode, done.stderr) == (0, "")


@hybrid
def test_config_key_that_everybody_may_read(bed):
    cert = bed.authority.issue("localhost")
    cert.chmod(0o644)
    done = check(bed, tls_cert=cert)
    assert done.returncode == 0
    assert "nntpmux.ini:6: warning: tls_cert" in done.stderr
    assert "everybody may read the key" in done.stderr


@hybrid
def test_config_no_certificate(bed):
    done = check(bed)
    assert done.returncode == 78
    assert "nntpmux.ini:5: [listen main] has tls and no tls_cert" \
        in done.stderr


@hybrid
@pytest.mark.parametrize("times, words", [
    (dict(since=-3, until=-1), "has expired"),
    (dict(since=1, until=3), "is not yet valid")])
def test_config_certificate_at_another_time(bed, times, words):
    """A warning only, for the clock may be wrong."""
    done = check(bed, tls_cert=bed.authority.issue("localhost", **times))
    assert done.returncode == 0
    assert "nntpmux.ini:6: warning: tls_cert: the certificate %s" % words \
        in done.stderr


def locked_key(bed):
    from cryptography.hazmat.primitives import serialization
    return new_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"phrase"))


def fifo(bed):
    """Nobody is at its other end."""
    path = bed.tmp / "fifo"
    os.mkfifo(path)
    return path


@hybrid
@pytest.mark.parametrize("key, make, words", [
    ("tls_cert", lambda bed: "/nowhere/cert.pem", "No such file"),
    ("tls_cert", lambda bed: bed.tmp, "no regular file"),
    ("tls_key", lambda bed: fifo(bed), "no regular file"),
    ("tls_client_ca", lambda bed: "/dev/zero", "no regular file"),
    ("tls_cert", lambda bed: bed.authority.write(b"nonsense"), "no start"),
    ("tls_key", lambda bed: "/nowhere/key.pem", "No such file"),
    ("tls_key", lambda bed: bed.authority.write(pem_key(new_key())),
     "mismatch"),
    ("tls_key", lambda bed: bed.authority.write(locked_key(bed)), ""),
    ("tls_client_ca", lambda bed: "/nowhere/ca.pem", "No such file"),
    ("tls_client_ca", lambda bed: bed.authority.write(b"x"), ""),
    ("tls_ciphers", lambda bed: "NONSENSE", "no cipher match"),
])
def test_config_mistakes(bed, key, make, words):
    keys = {"tls_cert": bed.authority.issue("localhost")}
    keys[key] = make(bed)
    done = check(bed, **keys)
    assert done.returncode == 78
    line = 6 if key == "tls_cert" else 7
    assert "nntpmux.ini:%d: %s: " % (line, key) in done.stderr, done.stderr
    assert words in done.stderr
    assert "system lib" not in done.stderr


@hybrid
def test_config_unused(bed):
    path = bed.ini("[backend be]\naddress = news.example.com\n[listen main]\n"
                   "tls_cert = /etc/cert.pem\n")
    done = bed.run("-t", "-c", path)
    assert done.returncode == 0
    assert "ini:4: warning: [listen main]: tls_cert means nothing" \
        in done.stderr
