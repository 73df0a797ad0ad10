# SPDX-License-Identifier: BSD-2-Clause
"""Writes an NZB file: which articles, in which order, make which file."""

import xml.sax.saxutils as sax

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE nzb PUBLIC "-//newzBin//DTD NZB 1.1//EN" \
"http://www.newzbin.com/DTD/nzb/nzb-1.1.dtd">
<nzb xmlns="http://www.newzbin.com/DTD/2003/nzb">
"""


def write(path, posts):
    """posts: one list of articles for each file, in the order of parts."""
    with open(path, "w", encoding="utf-8") as out:
        out.write(HEAD)
        for articles in posts:
            write_file(out, articles)
        out.write("</nzb>\n")


def write_file(out, articles):
    first = articles[0]
    out.write(' <file poster=%s date="1704067200" subject=%s>\n' % (
        sax.quoteattr(first.headers["From"]),
        sax.quoteattr(first.headers["Subject"])))
    out.write("  <groups>%s</groups>\n  <segments>\n" % "".join(
        "<group>%s</group>" % group for group in first.groups))
    for number, article in enumerate(articles, 1):
        out.write('   <segment bytes="%d" number="%d">%s</segment>\n' % (
            len(article.body), number, sax.escape(article.msgid[1:-1])))
    out.write("  </segments>\n </file>\n")
