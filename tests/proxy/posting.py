# SPDX-License-Identifier: BSD-2-Clause
"""An article, a backend that takes it, a client that posts it."""

from wire import article, articles, stuff

WHOLE = stuff(article("<new@x>", b".\r\n..\r\n.dot\r\nlast\r\n"))


def poster(bed, **options):
    """A backend that takes articles."""
    return bed.fake(articles=articles("a"), posting="yes", **options)


def post(client, whole=WHOLE, command="POST"):
    """The code of the last answer."""
    status = client.ask(command)
    if status[:3] not in ("340", "335"):
        return status[:3]
    client.send(whole)
    return client.line()[:3]


def posted(*fakes):
    """All articles that arrived, and no half one did."""
    assert all(be.halves == [] for be in fakes)
    return [raw for be in fakes for raw in be.posted]
