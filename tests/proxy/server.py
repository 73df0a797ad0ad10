# SPDX-License-Identifier: BSD-2-Clause
"""What a correct news server says (RFC 3977, 2980), for fake.py.

Each connection has its own selected group and current article.  By
message-id it shows the article's number if the article is in that group, as
real servers do: a number that reaches a client without a group is a leak.
"""

import fnmatch
import re

from peer import Gone, Peer
from wire import body, get_header, head, stuff, unstuff

SETUP = ("MODE", "AUTHINFO", "CAPABILITIES", "QUIT")
OVERVIEW = ("Subject", "From", "Date", "Message-ID", "References")
LISTS = {
    "DISTRIB.PATS": b"10:local.*:world\r\n", "DISTRIBUTIONS": b"world all\r\n",
    "HEADERS": b":\r\n", "MODERATORS": b"*:%s@example.com\r\n",
    "MOTD": b"good morning\r\n", "SUBSCRIPTIONS": b"local.test\r\n",
    "OVERVIEW.FMT": b"".join(name.encode() + b":\r\n" for name in OVERVIEW)
                    + b":bytes\r\n:lines\r\n"}


def verb_of(line):
    found = re.match(r"\s*(\S+)", line)
    return found.group(1).upper() if found else ""


class Refused(Exception):
    """The status line that a command gets instead of what it asked for."""


class Conn(Peer):
    """The conversation.  on_VERB(line) plays the answer to a command."""

    def __init__(self, fake, sock, n):
        super().__init__(fake, sock, n)
        self.user = None
        self.logged_in = False
        self.quit = False           # the peer said QUIT
        self.group = None           # name of the selected one
        self.number = None          # of the current article

    def serve(self):
        """The whole conversation of a correct server."""
        self.greet()
        self.serve_commands()

    def greet(self):
        self.send(self.fake.greeting)

    def serve_login(self):
        """Greet and answer what a proxy says before it works; gives the
        first line that is a real command."""
        self.greet()
        while True:
            line = self.read_line()
            if verb_of(line) not in self.fake.setup:
                return line
            self.answer(line)

    def serve_commands(self, n=None):
        """Answer n commands, or all."""
        while n is None or n > 0:
            self.answer(self.read_line())
            n = n and n - 1

    def answer(self, line):
        verb = verb_of(line)
        if self.fake.login and not self.logged_in \
                and verb not in self.fake.setup:
            self.say("480 log in")
            return
        handler = getattr(self, "on_" + verb, None)
        try:
            if verb in self.fake.on:
                self.fake.on[verb](self, line)
            elif handler is None:
                self.say("500 what")
            else:
                handler(line)
        except Refused as refused:
            self.say(str(refused))

    # --- the session

    def on_QUIT(self, line):
        self.quit = True
        self.say("205 bye")
        raise Gone

    def on_MODE(self, line):
        self.say("200 posting allowed")

    def on_CAPABILITIES(self, line):
        self.send(b"101 list\r\n" + "".join(
            word + "\r\n" for word in self.fake.capabilities).encode()
            + b".\r\n")

    def on_STARTTLS(self, line):
        if not self.fake.starttls:
            raise Refused("500 what")
        self.say("382 go on")
        self.secure(self.fake.secure)

    def on_AUTHINFO(self, line):
        word = line.split(" ", 2)
        if self.fake.login is None:
            self.say("502 no need")
        elif word[1].upper() == "USER":
            self.user = word[2]
            if self.fake.login[1] is None and self.user == self.fake.login[0]:
                self.logged_in = True
                self.say("281 welcome")
            else:
                self.say("381 password?")
        elif (self.user, word[2]) == self.fake.login:
            self.logged_in = True
            self.say("281 welcome")
        else:
            self.say("481 wrong")

    def on_DATE(self, line):
        self.say("111 20240101000000")

    def on_HELP(self, line):
        self.send(b"100 the backend's help\r\nnone\r\n.\r\n")

    # --- groups

    def selected(self):
        """Numbers and message-ids of the selected group."""
        if self.group is None:
            raise Refused("412 no group")
        return self.fake.groups[self.group]

    def select(self, name):
        """Gives what 211 says of the group."""
        numbers = self.fake.groups.get(name)
        if numbers is None:
            raise Refused("411 no such group")
        self.group = name
        self.number = min(numbers, default=None)
        return "211 %s %s" % (self.fake.count(name), name)

    def on_GROUP(self, line):
        self.say(self.select(line.split()[1]))

    def on_LISTGROUP(self, line):
        word = line.split()
        self.selected() if len(word) == 1 else None
        status = self.select(word[1] if len(word) > 1 else self.group)
        low, high = parse_range(word[2] if len(word) > 2 else "1-")
        rows = [b"%d\r\n" % n for n in sorted(self.selected())
                if low <= n <= high]
        self.send(status.encode() + b" list follows\r\n" + b"".join(rows)
                  + b".\r\n")

    def current(self):
        self.selected()
        if self.number is None:
            raise Refused("420 no current article")
        return self.number

    def step(self, numbers, refusal):
        if not numbers:
            raise Refused(refusal)
        self.number = numbers[0]
        self.say("223 %d %s" % (self.number, self.selected()[self.number]))

    def on_NEXT(self, line):
        at = self.current()
        self.step(sorted(n for n in self.selected() if n > at),
                  "421 no next article")

    def on_LAST(self, line):
        at = self.current()
        self.step(sorted((n for n in self.selected() if n < at),
                         reverse=True), "422 no previous article")

    # --- articles

    def number_of(self, msgid):
        """In the selected group, else 0 (RFC 3977, 6.2.1.2)."""
        for n, name in self.fake.groups.get(self.group, {}).items():
            if name == msgid:
                return n
        return 0

    def find(self, what):
        """(number, message-id) by "<id>", a number or nothing."""
        if what and what.startswith("<"):
            if what not in self.fake.articles:
                raise Refused("430 no such article")
            return self.number_of(what), what
        numbers = self.selected()
        n = int(what) if what else self.current()
        if n not in numbers:
            raise Refused("423 no such number" if what
                          else "420 no current article")
        self.number = n
        return n, numbers[n]

    def on_article(self, code, line, part):
        """ARTICLE, HEAD, BODY, STAT: part makes the block, or is None."""
        n, msgid = self.find("".join(line.split()[1:2]))
        status = b"%d %d %s\r\n" % (code, n, msgid.encode("latin-1"))
        whole = self.fake.articles[msgid]
        self.send(status + stuff(part(whole)) if part else status)

    def on_ARTICLE(self, line):
        self.on_article(220, line, lambda whole: whole)

    def on_HEAD(self, line):
        self.on_article(221, line, head)

    def on_BODY(self, line):
        self.on_article(222, line, body)

    def on_STAT(self, line):
        self.on_article(223, line, None)

    # --- overview and headers

    def find_many(self, what, nobody):
        """[(number, message-id)] by "<id>", a range or nothing."""
        if not what or what.startswith("<"):
            return [self.find(what)]
        numbers = self.selected()
        low, high = parse_range(what)
        found = [(n, numbers[n]) for n in sorted(numbers) if low <= n <= high]
        if not found:
            raise Refused(nobody)
        return found

    def rows(self, code, found, row):
        self.send(b"%d rows follow\r\n" % code + b"".join(
            b"%d%s\r\n" % (n, row(self.fake.articles[msgid]))
            for n, msgid in found) + b".\r\n")

    def on_over(self, line, nobody):
        found = self.find_many("".join(line.split()[1:2]), nobody)
        self.rows(224, found, lambda whole: b"\t" + b"\t".join(
            [get_header(whole, name) for name in OVERVIEW]
            + [b"%d" % len(whole), b"%d" % body(whole).count(b"\n")]))

    def on_OVER(self, line):
        self.on_over(line, "423 no articles in that range")

    def on_XOVER(self, line):
        self.on_over(line, "420 no articles in that range")

    def on_header(self, code, line, nobody):
        word = line.split()
        found = self.find_many("".join(word[2:3]), nobody)
        self.rows(code, found, lambda whole: b" " + get_header(whole,
                                                               word[1]))

    def on_HDR(self, line):
        self.on_header(225, line, "423 no articles in that range")

    def on_XHDR(self, line):
        self.on_header(221, line, "420 no articles in that range")

    def on_XPAT(self, line):
        _, field, what, *patterns = line.split()
        found = [(n, msgid) for n, msgid in self.find_many(what, "420 none")
                 if any(fnmatch.fnmatchcase(
                     get_header(self.fake.articles[msgid], field).decode(), p)
                     for p in patterns)]
        self.rows(221, found, lambda whole: b" " + get_header(whole, field))

    # --- lists

    def on_LIST(self, line):
        word = line.upper().split()[1:2] or ["ACTIVE"]
        match = line.split()[2] if len(line.split()) > 2 else "*"
        groups = [name for name in sorted(self.fake.groups)
                  if fnmatch.fnmatchcase(name, match)]
        row = {"ACTIVE": lambda g: "%s %s y" % (g, self.fake.span(g)),
               "COUNTS": lambda g: "%s %s y" % (
                   g, " ".join(swapped(self.fake.count(g)))),
               "NEWSGROUPS": lambda g: "%s\tabout %s" % (g, g),
               "ACTIVE.TIMES": lambda g: "%s 1700000000 root" % g}
        if word[0] in LISTS:
            rows = LISTS[word[0]]
        elif word[0] in row:
            rows = "".join(row[word[0]](g) + "\r\n" for g in groups).encode()
        else:
            raise Refused("501 no such list")
        self.send(b"215 list follows\r\n" + rows + b".\r\n")

    def on_NEWGROUPS(self, line):
        self.send(b"231 new groups\r\n" + "".join(
            "%s %s y\r\n" % (g, self.fake.span(g))
            for g in sorted(self.fake.groups)).encode() + b".\r\n")

    def on_NEWNEWS(self, line):
        self.send(b"230 new articles\r\n" + "".join(
            msgid + "\r\n" for msgid in self.fake.articles).encode()
            + b".\r\n")

    # --- posting

    def take_article(self):
        """The article behind 340 or 335, as it came, terminator included; it
        is kept in fake.posted, or in fake.halves if it breaks off."""
        try:
            raw = self.read_block()
        except Gone:
            with self.fake.lock:
                self.fake.halves.append(self.buf)
            raise
        with self.fake.lock:
            self.fake.posted.append(raw)
        return raw

    def file_article(self, raw):
        """It can be read from now on."""
        whole = unstuff(raw)
        msgid = get_header(whole, "Message-ID").decode("latin-1")
        if not msgid:
            return
        self.fake.articles[msgid] = whole
        for name in get_header(whole, "Newsgroups").decode().split(","):
            numbers = self.fake.groups.get(name.strip())
            if numbers is not None:
                numbers[max(numbers, default=0) + 1] = msgid

    def on_POST(self, line):
        self.say("340 send it")
        self.file_article(self.take_article())
        self.say("240 thank you")

    def on_IHAVE(self, line):
        if line.split()[1] in self.fake.articles:
            raise Refused("435 have it")
        self.say("335 send it")
        self.file_article(self.take_article())
        self.say("235 thank you")


def parse_range(text):
    low, dash, high = text.partition("-")
    return int(low), int(high or 1 << 62) if dash else int(low)


def swapped(count):
    """LIST COUNTS names the highest number first (RFC 6048, 2.2)."""
    n, low, high = count.split()
    return high, low, n
