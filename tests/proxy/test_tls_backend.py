# SPDX-License-Identifier: BSD-2-Clause
"""TLS to backends: whom the proxy trusts, what it says of those whom it does
not, and that the bytes are the same.

good, by TLS from the start and by STARTTLS     test_good
name, address, wildcard, authority, time        test_refused, test_accepted
versions and ciphers                            test_no_common_version,
                                                test_no_common_cipher
plain text and TLS, mixed up                    test_plain_server_…,
                                                test_tls_server_…
bytes injected before the handshake             test_injected_answer
one-byte records, large articles                test_one_byte_records, …
a cut that TLS shows                            test_cut_inside_a_block, …
sessions are resumed                            test_resumption
"""

import contextlib
import ssl

import pytest

from certs import Authority, serving
from fake import reply
from peer import Gone
from sick import silent
from wire import article, articles, body, lines, stuff

pytestmark = pytest.mark.modes("hy")

A = "<a@x>"
WORDS = r"backend=%s phase=tls reason=tls-failed \(.*\): .*%s"
SOON = {"connect_timeout": "2s"}


def secured(bed, cert, name="be", *, starttls=False, ca=None, **options):
    """A fake with this certificate, named news.test by the proxy."""
    options.setdefault("tls_name", "news.test")
    options.setdefault("tls_ca_file", bed.authority.path)
    return bed.fake(name, articles("a", "b", "c"), secure=serving(cert, ca),
                    starttls=starttls, **options)


def good(bed, **options):
    return secured(bed, bed.authority.issue("news.test"), **options)


# --- good ----------------------------------------------------------------------

@pytest.mark.parametrize("starttls", [False, True])
def test_good(bed, starttls):
    be = good(bed, starttls=starttls, login=("me", "secret"),
              username="me", password="secret")
    names = []
    be.secure.sni_callback = lambda sock, name, context: names.append(name)
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.fetch("ARTICLE " + A)[1] == stuff(be.articles[A])
    assert client.ask("STAT " + A) == "223 0 " + A
    assert names == ["news.test"]
    assert be.accepts == 1
    assert be.all_lines()[:1 + starttls] == ["STARTTLS"] * starttls \
        + ["MODE READER"]


def test_capabilities_are_asked_for_behind_the_handshake(bed):
    be = good(bed, starttls=True)
    bed.proxy(be).client().fence()
    client = bed.proxies[0][1].client()
    client.fetch("CAPABILITIES")
    asked = be.all_lines()
    assert asked.index("STARTTLS") < asked.index("CAPABILITIES")


def test_accepted_address(bed):
    be = secured(bed, bed.authority.issue(address="127.0.0.1"),
                 tls_name=None)
    names = []
    be.secure.sni_callback = lambda sock, name, context: names.append(name)
    assert bed.proxy(be).client().code("STAT " + A) == "223"
    assert names == [None]      # of an address nothing is said


def test_accepted_wildcard(bed):
    be = secured(bed, bed.authority.issue("*.news.test"),
                 tls_name="a.news.test")
    assert bed.proxy(be).client().code("STAT " + A) == "223"


def test_accepted_self_signed(bed):
    cert = bed.authority.issue("news.test", self_signed=True)
    be = secured(bed, cert, tls_ca_file=cert)
    assert bed.proxy(be).client().code("STAT " + A) == "223"


@pytest.mark.parametrize("kind", ["FILE", "DIR"])
@pytest.mark.parametrize("and_another", [False, True])
def test_accepted_system_authority(bed, kind, and_another):
    """With and without a tls_ca_file beside it, whose file is gone when the
    connection is made: all is read at the start."""
    other = Authority(bed.tmp, "other").path if and_another else None
    be = good(bed, tls_ca_file=other)
    path = bed.authority.path
    if kind == "DIR":
        (bed.tmp / "authorities").mkdir()
        path = path.rename(bed.tmp / "authorities" / "0123abcd.0").parent
    proxy = bed.proxy(be, env={"SSL_CERT_" + kind: str(path)})
    path.rename(bed.tmp / "moved")
    assert proxy.client().code("STAT " + A) == "223"


def test_host_is_the_name(bed):
    be = secured(bed, bed.authority.issue("localhost"), tls_name=None)
    be.alias = "localhost"
    assert bed.proxy(be).client().code("STAT " + A) == "223"


# --- refused ----------------------------------------------------------------------

REFUSED = {
    "expired": (dict(since=-3, until=-1), "has expired"),
    "not-yet-valid": (dict(since=1, until=3), "not yet valid"),
    "self-signed": (dict(self_signed=True), "self-signed"),
}


@pytest.mark.parametrize("starttls", [False, True])
@pytest.mark.parametrize("what", REFUSED)
def test_refused(bed, what, starttls):
    keys, words = REFUSED[what]
    expect_refusal(bed, bed.authority.issue("news.test", **keys), words,
                   starttls=starttls)


def expect_refusal(bed, cert, words, **options):
    """The client gets its 400, and the server no password."""
    be = secured(bed, cert, username="me", password="secret", **options)
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("STAT " + A) == "400"
    client.at_end()
    proxy.wait_log(WORDS % ("be", words))
    assert set(be.all_lines()) <= {"STARTTLS"}


@pytest.mark.parametrize("starttls", [False, True])
def test_refused_name(bed, starttls):
    expect_refusal(bed, bed.authority.issue("other.test"), "another name",
                   starttls=starttls)


def test_refused_partial_wildcard(bed):
    expect_refusal(bed, bed.authority.issue("n*.example.test"),
                   "another name", tls_name="news.example.test")


def test_refused_address_instead_of_a_name(bed):
    expect_refusal(bed, bed.authority.issue("news.test"),
                   "not for this address", tls_name=None)


def test_refused_name_instead_of_an_address(bed):
    expect_refusal(bed, bed.authority.issue(address="127.0.0.1"),
                   "another name")


@pytest.mark.parametrize("starttls", [False, True])
def test_refused_unknown_authority(bed, starttls):
    other = Authority(bed.tmp, "somebody else")
    expect_refusal(bed, other.issue("news.test"), "unknown authority",
                   starttls=starttls)


def test_refused_without_our_certificate(bed):
    """TLS 1.3 tells only when the handshake is over for us."""
    be = secured(bed, bed.authority.issue("news.test"), ca=bed.authority)
    be.secure.maximum_version = ssl.TLSVersion.TLSv1_2
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log(WORDS % ("be", "refused the handshake"))


def test_breaker_hears_of_it(bed):
    be = secured(bed, bed.authority.issue("other.test"))
    other = bed.fake("other", articles("a"))
    proxy = bed.proxy(be, other, sections={"health": {
        "unhealthy_threshold": 1}})
    for _ in range(4):
        assert proxy.client().code("STAT " + A) == "223"
    proxy.wait_log("backend=be breaker=open phase=tls reason=tls-failed")


@pytest.mark.parametrize("starttls", [False, True])
def test_no_verification(bed, starttls):
    be = secured(bed, Authority(bed.tmp, "somebody").issue(
        "other.test", until=-0.5), starttls=starttls, tls_verify="no")
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "223"
    assert proxy.log_contains(r"nntpmux.ini:\d+: warning: \[backend be\] has"
                              " tls_verify = no")


# --- versions and ciphers ------------------------------------------------------------

def weakened(be, ciphers="ALL:@SECLEVEL=0"):
    be.secure.minimum_version = ssl.TLSVersion.TLSv1
    be.secure.set_ciphers(ciphers)
    return be.secure


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_common_version(bed):
    be = good(bed)
    weakened(be).maximum_version = ssl.TLSVersion.TLSv1_1
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log(WORDS % ("be", "no TLS version"))


def test_min_version(bed):
    be = good(bed, tls_min_version="1.3")
    be.secure.maximum_version = ssl.TLSVersion.TLSv1_2
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log(WORDS % ("be", "no TLS version"))


def test_no_common_cipher(bed):
    be = good(bed, tls_ciphers="ECDHE-ECDSA-AES256-GCM-SHA384")
    be.secure.maximum_version = ssl.TLSVersion.TLSv1_2
    be.secure.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log(WORDS % ("be", "no common cipher"))


@pytest.mark.parametrize("version, cipher", [
    ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256")])
def test_ciphers(bed, version, cipher):
    be = good(bed, tls_ciphers=cipher, )
    be.secure.maximum_version = ssl.TLSVersion.TLSv1_2 \
        if version == "TLSv1.2" else ssl.TLSVersion.TLSv1_3
    assert bed.proxy(be).client().code("STAT " + A) == "223"
    assert be.conns[0].sock.cipher()[0] == cipher


# --- plain text and TLS, mixed up -------------------------------------------------------

def test_plain_server_where_tls_is_expected(bed):
    be = bed.fake("be", articles("a"), tls="implicit")
    be.script = lambda conn: (conn.greet(), conn.hang())
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log(WORDS % ("be", "not TLS"))


def test_tls_server_where_plain_text_is_expected(bed):
    be = good(bed, tls="no", tls_name=None, tls_ca_file=None,
              connect_timeout="1s")
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log("backend=be phase=greeting reason=setup-timeout .*"
                   "is TLS spoken there")


def test_tls_server_that_answers_where_plain_text_is_expected(bed):
    be = bed.fake("be", tls="no")
    be.script = lambda conn: (conn.send(b"\x15\x03\x01\0\x02\x02\x0a\n"),
                              conn.hang())
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log("backend=be phase=greeting reason=garbage .*: TLS at")


def test_silent_in_the_handshake(bed):
    be = bed.fake("be", tls="implicit", **SOON)
    be.script = silent
    other = bed.fake("other", articles("a"), tier=1)
    proxy = bed.proxy(be, other, routing={"tier_down": "spill"})
    assert proxy.client().code("STAT " + A) in ("223", "400")
    proxy.wait_log("backend=be phase=tls reason=setup-timeout .*handshake")


def test_closed_in_the_handshake(bed):
    be = bed.fake("be", tls="implicit")
    be.script = lambda conn: conn.read_some()
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log(WORDS % ("be", "closed the connection"))


# --- STARTTLS -------------------------------------------------------------------------

@pytest.mark.parametrize("code", ["500", "580", "483"])
def test_starttls_refused(bed, code):
    be = good(bed, starttls=True, login=("me", "secret"), username="me",
              password="secret")
    be.on["STARTTLS"] = reply(code + " not here")
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log("backend=be phase=tls reason=refused .*: %s not" % code)
    assert set(be.all_lines()) == {"STARTTLS"}


def test_injected_answer(bed):
    """Somebody in between adds an answer behind the 382."""
    be = good(bed, starttls=True)

    def inject(conn, line):
        conn.send(b"382 go on\r\n200 posting allowed\r\n")
        conn.secure(be.secure)

    be.on["STARTTLS"] = inject
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT " + A) == "400"
    proxy.wait_log("backend=be phase=tls reason=unsolicited")
    assert set(be.all_lines()) == {"STARTTLS"}


# --- bytes ------------------------------------------------------------------------------

@pytest.mark.parametrize("starttls", [False, True])
def test_one_byte_records(bed, starttls):
    be = good(bed, starttls=starttls)

    def drip(conn, line):
        for byte in b"220 0 " + A.encode() + b"\r\n" + stuff(
                be.articles[A]):
            conn.send(bytes([byte]))

    be.on["ARTICLE"] = drip
    client = bed.proxy(be).client()
    assert client.fetch("ARTICLE " + A)[1] == stuff(be.articles[A])
    assert client.code("STAT " + A) == "223"


@pytest.mark.parametrize("starttls", [False, True])
def test_large_articles(bed, starttls):
    be = good(bed, starttls=starttls, max_connections=2)
    texts = {"<%d@x>" % i: article("<%d@x>" % i, lines(3 << 20, i))
             for i in range(4)}
    be.articles.update(texts)
    client = bed.proxy(be).client()
    client.say(*("BODY " + msgid for msgid in texts))
    for msgid, whole in texts.items():
        assert client.line()[:3] == "222"
        assert client.block() == stuff(body(whole)), msgid


def test_slow_client(bed):
    """What TLS has read ahead waits as well as what the kernel has."""
    be = good(bed)
    be.articles["<big@x>"] = whole = article("<big@x>", lines(4 << 20))
    client = bed.proxy(be).client(rcvbuf=4096)
    client.say("ARTICLE <big@x>", "STAT " + A)
    assert client.line()[:3] == "220"
    be.wait_seen(1, "ARTICLE")
    assert client.block() == stuff(whole)
    assert client.line() == "223 0 " + A


def test_posting(bed):
    be = good(bed, posting="yes")
    whole = article("<new@x>", lines(1 << 20))
    client = bed.proxy(be).client()
    assert client.code("POST") == "340"
    client.send(stuff(whole))
    assert client.line()[:3] == "240"
    assert be.posted == [stuff(whole)]


def test_groups_and_keepalive(bed):
    be = good(bed, keepalive="200ms")
    proxy = bed.proxy(be)
    reader = proxy.reader()
    be.wait_seen(2, "DATE")
    assert reader.code("ARTICLE 1") == "220"


# --- ends -------------------------------------------------------------------------------

def cut_in_a_block(end):
    def play(conn, line):
        conn.send(b"220 0 " + A.encode() + b"\r\nSubject: x\r\n")
        end(conn)
        raise Gone
    return play


@pytest.mark.parametrize("starttls", [False, True])
def test_cut_inside_a_block(bed, starttls):
    be = good(bed, starttls=starttls)
    be.on["ARTICLE"] = cut_in_a_block(lambda conn: conn.cut())
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("ARTICLE " + A)
    assert client.line()[:3] == "220"
    assert client.rest() == b"Subject: x\r\n"
    proxy.wait_log("backend=be fd=.* phase=block reason=tls-cut")


def test_end_inside_a_block(bed):
    be = good(bed)
    be.on["ARTICLE"] = cut_in_a_block(lambda conn: conn.close())
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("ARTICLE " + A)
    assert client.line()[:3] == "220"
    assert client.rest() == b"Subject: x\r\n"
    proxy.wait_log("backend=be fd=.* phase=block reason=backend-eof")


def test_cut_is_mended(bed):
    be, other = good(bed), good(bed, name="other")
    whole = stuff(body(be.articles[A]))

    def half(conn, line):
        conn.send(b"222 0 " + A.encode() + b"\r\n" + whole[:6])
        conn.cut()
        raise Gone

    be.on["BODY"] = half
    proxy = bed.proxy(be, other, routing={"strategy": "round-robin"})
    client = proxy.client()
    for _ in range(2):
        assert client.fetch("BODY " + A)[1] == whole
    proxy.wait_log("mended .* backend=other after=be")


@pytest.mark.parametrize("end", ["cut", "close"])
def test_end_of_an_idle_connection(bed, end):
    be = good(bed)
    client = bed.proxy(be).client()
    assert client.code("STAT " + A) == "223"
    conn = be.conns[0]
    with contextlib.suppress(Gone):
        getattr(conn, end)()
    assert client.code("STAT " + A) == "223"
    assert be.accepts == 2
    assert "failed" not in bed.proxies[0][1].log()


def test_unsolicited_behind_an_answer(bed):
    """In the same record, so that no event tells of it."""
    be = good(bed, max_connections=1)
    be.on["STAT"] = reply("223 0 " + A, b"223 0 <stale@x>\r\n")
    client = bed.proxy(be).client()
    assert client.ask("STAT " + A) == "223 0 " + A
    assert client.ask("DATE") == "111 20240101000000"
    assert be.accepts == 2


def test_connection_is_kept_though_tickets_come(bed):
    """TLS 1.3 has them behind the handshake: they are no answer to anybody."""
    be = good(bed)
    be.secure.num_tickets = 6
    client = bed.proxy(be).client()
    for _ in range(5):
        assert client.code("STAT " + A) == "223"
    assert be.accepts == 1


# --- resumption ---------------------------------------------------------------------------

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_resumption(bed, version):
    be = good(bed)
    be.secure.maximum_version = version
    be.on["STAT"] = lambda conn, line: (
        resumed.append(conn.sock.session_reused), conn.say("223 0 " + A))
    resumed = []
    client = bed.proxy(be).client()
    for n in range(3):
        assert client.code("STAT " + A) == "223"
        be.conns[n].cut()
        be.wait_held(0)
    assert resumed == [False, True, True]


# --- configuration --------------------------------------------------------------------------

def check(bed, text, strict=False):
    path = bed.ini("[proxy]\nstrict = %s\n[backend be]\naddress = "
                   "news.example.com\n%s" % (("no", "yes")[strict], text))
    return bed.run("-t", "-c", path)


def test_config_strict(bed):
    text = "tls = implicit\ntls_verify = no\n"
    assert check(bed, text).returncode == 0
    done = check(bed, text, strict=True)
    assert done.returncode == 78
    assert "nntpmux.ini:6: [backend be] has tls_verify = no" in done.stderr


@pytest.mark.parametrize("key, value, words", [
    ("tls_ca_file", "/nowhere/ca.pem", "No such file"),
    ("tls_ca_file", "/dev/zero", "no regular file"),
    ("tls_ciphers", "NONSENSE", "no cipher match"),
    ("tls_ciphers", "TLS_NONSENSE", "no cipher match"),
    ("tls_min_version", "1.1", "1.2 | 1.3"),
    ("tls_name", ".", "not a host name"),
    ("tls_name", ".example.com", "not a host name"),
    ("tls_name", "news.example.com:563", "not a host name"),
    ("tls_name", "*.example.com", "not a host name"),
])
def test_config_mistakes(bed, key, value, words):
    done = check(bed, "tls = starttls\n%s = %s\n" % (key, value))
    assert done.returncode == 78
    assert "nntpmux.ini:6: " + key in done.stderr
    assert words in done.stderr


def test_config_unused(bed):
    done = check(bed, "tls_name = other.example.com\n")
    assert done.returncode == 0
    assert "ini:5: warning: [backend be]: tls_name means nothing" \
        in done.stderr


def test_url(bed):
    done = bed.run("-T", "-b", "nntps://news.example.com?tls_min_version=1.3")
    assert done.returncode == 0
    assert "\ntls = implicit" in done.stdout
    assert "\ntls_min_version = 1.3" in done.stdout
    done = bed.run("-T", "-b", "nntps://news.example.com?tls=no")
    assert done.returncode == 2
    assert "tls is given twice" in done.stderr
