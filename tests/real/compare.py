# SPDX-License-Identifier: BSD-2-Clause
"""Is this the article that was put in?"""

# A news server writes these anew, or adds them.
REWRITTEN = (b"path:", b"xref:", b"lines:")


def with_lf(text):
    return text.replace(b"\r\n", b"\n")


def header_lines(head):
    """Without those that are the servers'; in the order of the alphabet,
    because some clients have one of their own."""
    return sorted(line for line in head.split(b"\n")
                  if line and not line.lower().startswith(REWRITTEN))


def same(article, text):
    """text: head, blank line, body as a client has stored it, with either
    kind of line ends."""
    head, blank, body = with_lf(text).partition(b"\n\n")
    return blank and body == with_lf(article.body) and \
        header_lines(head) == header_lines(with_lf(article.head()))


def check(article, text):
    assert same(article, text), "%s came as\n%r" % (
        article.msgid, text[:3000])


def check_all(articles, texts):
    """Each of the articles is one of the texts, and there are no others."""
    by_id = {message_id(text): text for text in texts}
    assert len(by_id) == len(texts), "some came twice"
    assert sorted(by_id) == sorted(a.msgid for a in articles)
    for article in articles:
        check(article, by_id[article.msgid])


def message_id(text):
    head = with_lf(text).partition(b"\n\n")[0]
    for line in head.split(b"\n"):
        if line.lower().startswith(b"message-id:"):
            return line.split(b":", 1)[1].strip().decode()
    raise AssertionError("no message-id: %r" % head)
