# SPDX-License-Identifier: BSD-2-Clause
"""yEnc for files in several parts (the yEnc draft, version 1.3)."""

import zlib

WIDTH = 128
SHIFT = bytes((c + 42) % 256 for c in range(256))
SHIFT_BACK = bytes((c - 42) % 256 for c in range(256))


def parts_of(name, data, part_bytes):
    """The bodies of the articles that carry data, CRLF lines, in order.

    A dot at the start of a line is left alone, which the draft allows: the
    transport must double it.
    """
    total = (len(data) + part_bytes - 1) // part_bytes
    whole_crc = zlib.crc32(data)
    for number in range(1, total + 1):
        begin = (number - 1) * part_bytes
        piece = data[begin:begin + part_bytes]
        yield b"".join([
            b"=ybegin part=%d total=%d line=%d size=%d name=%s\r\n" % (
                number, total, WIDTH, len(data), name.encode()),
            b"=ypart begin=%d end=%d\r\n" % (begin + 1, begin + len(piece)),
            encode(piece),
            b"=yend size=%d part=%d pcrc32=%08x crc32=%08x\r\n" % (
                len(piece), number, zlib.crc32(piece), whole_crc)])


def encode(piece):
    """piece as yEnc lines. Escaped: NUL, LF, CR and the sign itself."""
    text = piece.translate(SHIFT).replace(b"=", b"=}")
    for critical in (0, 10, 13):
        text = text.replace(bytes([critical]), bytes([61, critical + 64]))
    lines = []
    at = 0
    while at < len(text):
        end = at + WIDTH
        if text[end - 1:end] == b"=":
            end += 1            # an escaped pair stays on its line
        lines.append(text[at:end])
        at = end
    return b"\r\n".join(lines) + b"\r\n"


def decoded(bodies):
    """The file in these bodies, or whole articles, which are in order."""
    return b"".join(piece_of(body) for body in bodies)


def piece_of(body):
    data = body[body.index(b"=ybegin "):].split(b"\r\n=yend ")[0]
    lines = [line for line in data.split(b"\r\n")
             if not line.startswith((b"=ybegin ", b"=ypart "))]
    first, *escaped = b"".join(lines).split(b"=")
    piece = bytearray(first.translate(SHIFT_BACK))
    for text in escaped:
        piece.append((text[0] - 64 - 42) % 256)
        piece += text[1:].translate(SHIFT_BACK)
    return bytes(piece)
