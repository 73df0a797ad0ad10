# SPDX-License-Identifier: BSD-2-Clause
"""Real clients by TLS, with INN's nnrpd by TLS behind nntpmux; and what a
scanner finds at the listener."""

import json
import ssl
import subprocess
import xml.etree.ElementTree as xml

import pytest

from test_nntplib import TIMEOUT_S, check, nntplib
from test_nzbget import check_download

LIMIT_S = 120


class Authority:
    """Made by openssl(1); what it issues is good for localhost."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        self.path = directory / "ca.pem"
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "2", "-subj", "/CN=test authority", "-keyout",
                     directory / "ca.key", "-out", self.path)

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True,
                       timeout=LIMIT_S, capture_output=True)

    def issue(self, name):
        """The paths of a certificate and its key."""
        cert, key = (self.directory / (name + end)
                     for end in (".pem", ".key"))
        request = self.directory / (name + ".csr")
        names = self.directory / (name + ".ext")
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj",
                     "/CN=" + name, "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.path,
                     "-CAkey", self.directory / "ca.key", "-days", "2",
                     "-extfile", names, "-out", cert)
        return cert, key

    def trust(self):
        return ssl.create_default_context(cafile=str(self.path))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def proxies(authority, start, inn, newsd):
    """How clients come to TLS, to the Service; nntpmux comes to INN's TLS in
    the same way."""
    cert, key = authority.issue("nntpmux")
    ports = inn.speak_tls(*authority.issue("inn"))
    services = {}
    for tls in ports:
        backends = {"inn": {**inn.backend(), "tls": tls, "address":
                            "localhost:%d" % ports[tls],
                            "tls_ca_file": authority.path},
                    "newsd": newsd.backend()}
        services[tls] = start(
            "tls-" + tls, "hybrid", backends, "downloader", "pass-word",
            {"listen main": {"tls": tls, "tls_cert": cert,
                             "tls_key": key}}).service(
                ("inn", "newsd"))
    return services


def connect(tls, service, authority):
    if tls == "implicit":
        client = nntplib.NNTP_SSL(
            "localhost", service.port, ssl_context=authority.trust(),
            timeout=TIMEOUT_S)
    else:
        client = nntplib.NNTP("localhost", service.port, timeout=TIMEOUT_S)
        with pytest.raises(nntplib.NNTPError, match="^483"):
            client.login(service.user, service.password)
        client.starttls(authority.trust())
    client.login(service.user, service.password)
    return client


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_nntplib(tls, proxies, authority, articles):
    """NNTP_SSL, and NNTP with starttls(): every article of INN."""
    service = proxies[tls]
    everything = articles.at(*service.homes)[::3]
    with connect(tls, service, authority) as client:
        for article in everything:
            check(client, article)
        assert client.group("local.talk")[0].startswith("211")
        assert "STARTTLS" not in client.getcapabilities()


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_s_client(tls, proxies, authority):
    """openssl s_client, with and without -starttls nntp."""
    words = ["-starttls", "nntp"] if tls == "starttls" else []
    done = subprocess.run(
        ["openssl", "s_client", "-quiet", "-connect",
         "localhost:%d" % proxies[tls].port, "-verify_hostname", "localhost",
         "-verify_return_error", "-CAfile", str(authority.path), *words],
        input=b"CAPABILITIES\r\nQUIT\r\n", timeout=LIMIT_S, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split(b"\r\n")
    assert b"AUTHINFO USER SASL" in lines and b"STARTTLS" not in lines
    assert lines[-2].startswith(b"205")


def test_nzbget(tmp_path, articles, proxies):
    check_download(tmp_path, articles, proxies["implicit"],
                   Encryption="yes", Host="localhost")


def scan_implicit(service):
    done = subprocess.run(
        ["sslscan", "--no-colour", "--show-times", "--xml=-",
         "127.0.0.1:%d" % service.port], timeout=LIMIT_S, check=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return xml.fromstring(done.stdout).find("ssltest")


def test_sslscan_finds_nothing_weak(proxies):
    found = scan_implicit(proxies["implicit"])
    enabled = {(p.get("type"), p.get("version"))
               for p in found.findall("protocol") if p.get("enabled") == "1"}
    assert enabled == {("tls", "1.2"), ("tls", "1.3")}
    assert all(c.get("supported") == "0"
               for c in found.findall("compression"))
    renegotiation = found.find("renegotiation")
    assert renegotiation.get("supported") == "0" \
        or renegotiation.get("secure") == "1"
    assert all(h.get("vulnerable") == "0" for h in found.findall("heartbleed"))
    groups = found.findall("group")
    assert groups and all(int(g.get("bits")) >= 128 for g in groups)
    ciphers = found.findall("cipher")
    assert len(ciphers) >= 4
    for cipher in ciphers:
        name = cipher.get("cipher")
        assert int(cipher.get("bits")) >= 128, name
        assert cipher.get("strength") in ("strong", "acceptable"), name
        assert "GCM" in name or "CHACHA20" in name, name
        assert cipher.get("sslversion") == "TLSv1.3" \
            or name.startswith("ECDHE-"), name


# testssl.sh must have a program that looks names up, though here are none.
RESOLVER = "#!/bin/sh\nexit 1\n"
# Its verdicts that are no weakness.
HARMLESS = {"OK", "INFO", "DEBUG"}
# What must have been looked at: a scan that found nobody is no good one.
LOOKED_AT = {"SSLv2": "not offered", "SSLv3": "not offered",
             "TLS1": "not offered", "TLS1_1": "not offered",
             "TLS1_2": "offered", "TLS1_3": "offered with final",
             "cipherlist_NULL": "not offered",
             "cipherlist_aNULL": "not offered",
             "cipherlist_AVERAGE": "not offered",
             "cipherlist_STRONG": "offered", "PFS": "offered",
             "secure_renego": "supported",
             "secure_client_renego": "not vulnerable"}


def scan_starttls(service, parts, directory):
    """Protocols, ciphers, forward secrecy, known weaknesses, by STARTTLS of
    NNTP, which sslscan does not know."""
    host, found = directory / "host", directory / "found.json"
    host.write_text(RESOLVER)
    host.chmod(0o755)
    done = subprocess.run(
        ["bash", parts + "/usr/bin/testssl", "--warnings", "off", "--color",
         "0", "--nodns", "none", "-t", "nntp", "-p", "-s", "-f", "-U",
         "--jsonfile", str(found), "127.0.0.1:%d" % service.port],
        timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={"PATH": "%s:/usr/bin:/bin" % directory, "LANG": "C.UTF-8",
             "HOME": str(directory), "TERM": "dumb",
             "TESTSSL_INSTALL_DIR": parts + "/etc/testssl"})
    assert found.exists(), done.stdout.decode("utf-8", "replace")
    return json.loads(found.read_text())


def test_testssl_finds_nothing_weak_behind_starttls(tmp_path, proxies, parts):
    found = {row["id"]: row
             for row in scan_starttls(proxies["starttls"], parts,
                                      tmp_path)}
    # About the openssl(1) of this machine, not about the listener.
    found.pop("engine_problem", None)
    weak = {name: (row["severity"], row["finding"])
            for name, row in found.items() if row["severity"] not in HARMLESS}
    assert not weak
    assert {name: found[name]["finding"] for name in LOOKED_AT} == LOOKED_AT
    assert found["service"]["finding"] == "nntp"
