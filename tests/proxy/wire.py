# SPDX-License-Identifier: BSD-2-Clause
"""Articles and what they look like on the wire (RFC 3977, 3.1.1, 3.6)."""

import random

END = b".\r\n"


def article(msgid, body=b"hello\r\n", **headers):
    """A whole article: headers, an empty line, the body (CRLF lines)."""
    lines = ["Message-ID: " + msgid, "From: a@example.com",
             "Newsgroups: local.test", "Date: 1 Jan 2024 00:00:00 +0000",
             "Subject: about " + msgid]
    lines += ["%s: %s" % (k.replace("_", "-"), v) for k, v in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def head(whole):
    return whole.partition(b"\r\n\r\n")[0] + b"\r\n"


def body(whole):
    return whole.partition(b"\r\n\r\n")[2]


def stuff(text):
    """text, dot-stuffed, with the terminator behind it."""
    if text.startswith(b"."):
        text = b"." + text
    return text.replace(b"\r\n.", b"\r\n..") + END


def unstuff(raw):
    """The text of a block as it came, terminator included."""
    text = raw[:-3].replace(b"\r\n..", b"\r\n.")
    return text[1:] if text.startswith(b"..") else text


def get_header(whole, name):
    """The value of a header of a whole article, or b""."""
    for row in head(whole).split(b"\r\n"):
        key, _, value = row.partition(b": ")
        if key.lower() == name.lower().encode():
            return value
    return b""


def noise(n, seed=0):
    """n bytes of any value but CR and LF, always the same for a seed."""
    table = bytes(c if c not in (10, 13) else 65 for c in range(256))
    return random.Random(seed).randbytes(n).translate(table)


def lines(n, seed=0, width=128):
    """About n bytes of CRLF lines of noise; many start with a dot."""
    rest = noise(n, seed)
    out = bytearray()
    for i in range(0, len(rest), width):
        if i // width % 7 == 0:
            out += b"."
        out += rest[i:i + width] + b"\r\n"
    return bytes(out)


def articles(*ids, size=None):
    """A dictionary of articles, one for each name: {"<name@x>": bytes}."""
    out = {}
    for i, name in enumerate(ids):
        msgid = "<%s@x>" % name
        text = b"this is " + name.encode() + b"\r\n"
        if size:
            text += lines(size, i)
        out[msgid] = article(msgid, text)
    return out
