# SPDX-License-Identifier: BSD-2-Clause
"""Authorities and certificates for the tests, made when they are wanted.

    ca = Authority(tmp)
    cert = ca.issue("news.test")            # or address="127.0.0.1"
    context = serving(cert)                 # for a fake
    ca.path                                 # for tls_ca_file

A certificate is one PEM file with its key in front; times are in days from now.
"""

import datetime
import ipaddress
import itertools
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
numbers = itertools.count(1)


def subject(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def builder(name, issuer, key, since, until):
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(subject(name))
            .issuer_name(subject(issuer)).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + since * DAY)
            .not_valid_after(now + until * DAY))


def pem_key(key):
    return key.private_bytes(serialization.Encoding.PEM,
                             serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


def new_key(kind="ec"):
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


class Authority:
    """Signs certificates; path is its own one."""

    def __init__(self, tmp, name="test authority"):
        self.tmp = tmp
        self.name = name
        self.key = new_key()
        self.cert = builder(name, name, self.key, -400, 400).add_extension(
            x509.BasicConstraints(ca=True, path_length=None),
            critical=True).sign(self.key, hashes.SHA256())
        self.path = self.write(pem(self.cert))

    def write(self, *parts):
        path = self.tmp / ("cert%d.pem" % next(numbers))
        path.write_bytes(b"".join(parts))
        return path

    def issue(self, *names, address=None, since=-1, until=1, key="ec",
              self_signed=False):
        """The path of a certificate for these names, or this address."""
        key = new_key(key)
        alternatives = [x509.DNSName(name) for name in names]
        if address:
            alternatives.append(x509.IPAddress(
                ipaddress.ip_address(address)))
        title = names[0] if names else address
        cert = builder(title, title if self_signed else self.name, key, since,
                       until).add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False).sign(
            key if self_signed else self.key, hashes.SHA256())
        return self.write(pem_key(key), pem(cert))


def serving(path, ca=None):
    """For a fake: this certificate; with ca, a client needs one, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if ca:
        context.load_verify_locations(ca.path)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def trusting(ca, cert=None):
    """For a client: this authority; with cert, it shows that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF    # a cut is seen
    context.load_verify_locations(ca.path)
    if cert:
        context.load_cert_chain(cert)
    return context
