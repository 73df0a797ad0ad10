#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the seeds of fuzz_session: session_seeds.py FOLDER.

Each is a script in the octets of fuzz_session.c, whose enums the names below
follow.
"""
import os
import sys

STEPS = """turn turn_one time connect say raw read post half_close close door
    accept news_read answer send news_raw news_close news_half_close work
    settle reload check""".split()
VERBS = """article body head stat over group listgroup next stat_bare body_bare
    over_range list date help capabilities mode_reader unknown post ihave
    takethis quit empty long user pass wrong_pass sasl sasl_ask""".split()
ANSWERS = """good other miss off limit unknown unable not_now login stale
    garbage cut syntax""".split()
TIMES = [1, 10, 50, 130, 300, 600, 1100, 2100, 5100, 10000, 60000, 1000000]
SIZES = [1, 2, 3, 5, 16, 100, 1000, 5000, 40000, None]
DOORS = ["open", "silent", "shut"]

HYBRID, PER_COMMAND, STATEFUL, USERS = 0, 1, 2, 3
TWO_BACKENDS, TWO_CONNECTIONS, DEEP = 0x04, 0x08, 0x10
TIERS, WARM, TWO_THREADS = 0x20, 0x40, 0x80
SMALL_BUFFERS, HELPFUL, DOOR_SILENT = 0x01, 0x02, 0x04
PATIENT_END, RESTLESS_END = 0x08, 0x10
SPILLS, PROBES, NO_RESERVE = 0x20, 0x40, 0x80
NOBODY, ONE_PLACE, RATE, QUOTA, USER_B, BLOCK = 4, 8, 0x10, 0x20, 0x40, 0x80
A, B, STRANGER, GIVEN_UP = range(4)     # who logs in


class Script:
    """One seed; every step gives the script back."""

    def __init__(self, conf, run=HELPFUL | PATIENT_END, users=None):
        self.octets = bytearray([conf, run])
        if users is not None:
            self.octets[0] |= USERS
            self.octets.append(users)

    def add(self, step, *more):
        self.octets += bytes([STEPS.index(step), *more])
        return self

    def turn(self, n=1):
        for _ in range(n):
            self.add("turn")
        return self

    def time(self, ms):
        return self.add("time", TIMES.index(ms)).turn()

    def connect(self, who=0):
        return self.add("connect", who).turn(3)

    def reach(self):
        """Until what was said has come to a helpful backend."""
        return self.turn(9)

    def say(self, verb, size=1, who=0):
        return self.add("say", who, VERBS.index(verb) + 32 * size)

    def raw(self, text, who=0):
        return self.add("raw", who, len(text), *text)

    def read(self, n=None, who=0):
        return self.add("read", who, SIZES.index(n))

    def post(self, lines_n, is_end=True, who=0):
        return self.add("post", who, lines_n + 0x80 * is_end)

    def close(self, who=0):
        return self.add("close", who)

    def half_close(self, who=0):
        return self.add("half_close", who)

    def door(self, backend, how):
        return self.add("door", backend, DOORS.index(how))

    def answer(self, how="good", wire=0):
        self.add("news_read", wire)
        return self.add("answer", wire, ANSWERS.index(how))

    def send(self, n=None, wire=0):
        return self.add("send", wire, SIZES.index(n)).turn(2)

    def answer_all(self, how="good", wire=0):
        return self.answer(how, wire).send(None, wire)

    def news_raw(self, text, wire=0):
        return self.add("news_raw", wire, len(text), *text).turn(2)

    def news_close(self, wire=0):
        return self.add("news_close", wire).turn(2)

    def reload(self, conf, *users):
        return self.add("reload", conf, *users).turn(3)

    def login(self, name=A, who=0):
        return self.say("user", name, who).say("pass", name, who).turn()

    def settle(self, n=1):
        for _ in range(n):
            self.add("settle")
        return self


def make_seeds():
    """Name and script of each."""
    for name, mode in (("hybrid", HYBRID), ("per-command", PER_COMMAND),
                       ("stateful", STATEFUL)):
        s = Script(mode | TWO_BACKENDS | TWO_CONNECTIONS)
        s.connect()
        for verb in VERBS[:17]:
            s.say(verb).settle()
        yield "all-" + name, s.say("quit").settle()
        s = Script(mode | TWO_BACKENDS | TWO_CONNECTIONS | DEEP |
                   TWO_THREADS)
        s.connect(0).connect(1)
        for verb in ("body", "stat", "article", "help", "capabilities"):
            s.say(verb, 2, 0).say(verb, 1, 1)
        yield "pipelined-" + name, s.settle(6)
    yield "pin", (Script(HYBRID | TWO_CONNECTIONS).connect().say("group")
                  .settle().say("over_range").say("next").settle()
                  .time(2100).time(600).settle().say("body").settle())
    yield "pin-moved", (Script(HYBRID | TWO_BACKENDS | TWO_CONNECTIONS)
                        .connect().say("group").settle()
                        .say("group").reach().answer_all("miss")
                        .reach().settle(2).say("next").settle())
    yield "pin-lost", (Script(HYBRID | TWO_CONNECTIONS).connect()
                       .say("group").settle().say("next").reach()
                       .news_close().reach().read())
    yield "post", (Script(HYBRID | TWO_CONNECTIONS).connect().say("post")
                   .settle().post(5, False).turn().post(20).settle(2)
                   .say("date").settle())
    yield "post-left", (Script(HYBRID | TWO_CONNECTIONS).connect()
                        .say("post").settle().post(9, False).turn().close()
                        .turn().settle())
    yield "post-refused", (Script(STATEFUL).connect().say("ihave").reach()
                           .answer_all("miss").reach().read().settle())
    yield "post-early", (Script(HYBRID | TWO_CONNECTIONS).connect()
                         .say("post").settle().post(3, False).reach()
                         .answer_all("not_now").reach().read())
    yield "takethis", (Script(HYBRID).connect().say("takethis").post(4)
                       .reach().say("date").settle())
    yield "cut", (Script(HYBRID | TWO_BACKENDS | DEEP).connect()
                  .say("body", 2).reach().answer_all("cut").reach().read()
                  .settle(2))
    yield "cut-article", (Script(HYBRID | TWO_BACKENDS | DEEP).connect()
                          .say("article", 3).reach().answer_all("cut")
                          .read().reach().settle(4))
    yield "cut-other", (Script(HYBRID | TWO_BACKENDS | DEEP).connect()
                        .say("body", 2).reach().answer_all("cut").read()
                        .reach().answer_all("other").reach().read())
    yield "stall", (Script(PER_COMMAND | TWO_BACKENDS).connect()
                    .say("body", 2).reach().answer().send(1000).read()
                    .time(1100).time(1100).settle(3))
    yield "miss", (Script(PER_COMMAND | TWO_BACKENDS).connect().say("body")
                   .reach().answer_all("miss", 0).reach()
                   .answer_all("miss", 1).reach().read())
    yield "miss-tiers", (Script(HYBRID | TWO_BACKENDS | TIERS).connect()
                         .say("body").say("stat").reach()
                         .answer_all("miss").reach().settle(3))
    yield "trouble", (Script(HYBRID | TWO_BACKENDS | DEEP).connect()
                      .say("body").say("body").reach()
                      .answer_all("limit").reach().settle(3).time(600)
                      .settle())
    yield "stale", (Script(PER_COMMAND | TWO_BACKENDS).connect()
                    .say("article").reach().answer_all("stale").reach()
                    .settle(2))
    yield "wait", (Script(HYBRID).connect(0).connect(1).say("body", 2, 0)
                   .reach().say("body", 1, 1).reach().answer_all()
                   .read(None, 0).reach().settle(2))
    yield "wait-left", (Script(HYBRID | TWO_THREADS).connect(0).connect(1)
                        .say("body", 2, 0).reach().say("body", 1, 1)
                        .reach().add("close", 1).answer_all()
                        .add("turn_one", 0).reach().settle(2))
    yield "wait-too-long", (Script(HYBRID).connect(0).connect(1)
                            .say("body", 2, 0).reach().say("body", 1, 1)
                            .turn(2).time(1100).time(1100).settle())
    yield "slow-reader", (Script(HYBRID | DEEP, HELPFUL | SMALL_BUFFERS |
                                 PATIENT_END).connect().say("body", 3)
                          .say("stat").reach().answer().send(40000)
                          .send(40000).read(5000).time(600).send(40000)
                          .time(1100).settle(9))
    yield "reader-left", (Script(HYBRID | DEEP, HELPFUL | RESTLESS_END)
                          .connect(0).connect(1).say("body", 3, 0).reach()
                          .answer().send(5000).close(0).turn()
                          .say("body", 1, 1).settle(4))
    yield "half-close", (Script(HYBRID | DEEP).connect().say("body")
                         .say("stat").half_close().settle(3))
    yield "down", (Script(HYBRID | TWO_BACKENDS).door(0, "shut")
                   .door(1, "shut").connect().say("body").turn(4)
                   .time(2100).read())
    yield "silent", (Script(HYBRID | TWO_BACKENDS, HELPFUL | DOOR_SILENT |
                            PATIENT_END).connect().say("body").turn(3)
                     .time(1100).reach().settle(3))
    yield "setup-by-hand", (Script(STATEFUL, PATIENT_END).connect()
                            .say("stat").reach().answer_all().answer_all()
                            .answer_all().answer_all().read())
    yield "breaker", (Script(HYBRID | TWO_BACKENDS, HELPFUL | PROBES |
                             PATIENT_END).door(0, "shut").connect()
                      .say("body").reach().time(600).say("body").reach()
                      .time(600).say("body").reach().settle(2)
                      .door(0, "open").time(5100).turn(3).settle()
                      .say("body").settle(3))
    yield "probe-fails", (Script(PER_COMMAND | TWO_CONNECTIONS, HELPFUL |
                                 PROBES | PATIENT_END).connect()
                          .say("stat").settle(3).time(5100).reach()
                          .answer_all("unknown").time(5100).reach()
                          .answer_all("off").time(1100).reach().settle(3))
    yield "limit", (Script(HYBRID | TWO_CONNECTIONS | DEEP, HELPFUL | PROBES |
                           PATIENT_END).connect(0).connect(1)
                    .say("body", 1, 0).reach().say("body", 1, 1).reach()
                    .answer_all("limit", 1).settle(2).time(600).settle(3)
                    .time(10000).settle(2))
    yield "spill", (Script(HYBRID | TWO_BACKENDS | TIERS, HELPFUL | SPILLS |
                           PATIENT_END).connect(0).connect(1)
                    .say("body", 1, 0).reach().say("body", 1, 1).reach()
                    .settle(3).door(0, "shut").add("news_close", 0).reach()
                    .say("body").reach().settle(3))
    yield "no-reserve", (Script(HYBRID, HELPFUL | NO_RESERVE | PATIENT_END)
                         .connect(0).connect(1).say("group", 1, 0).settle(3)
                         .say("body", 1, 1).reach().say("quit", 1, 0)
                         .settle(3))
    yield "raw", (Script(HYBRID | DEEP).connect()
                  .raw(b"STAT <a>\r\nDA").turn(3).news_raw(b"223 0 <a>\r\n")
                  .raw(b"TE\n").turn(2).news_raw(b"111 1\r\n222").settle())
    yield "warm", (Script(HYBRID | TWO_CONNECTIONS | WARM).turn(3)
                   .time(1100).turn(3).time(5100).settle().connect()
                   .say("date").settle())
    yield "reload-more", (Script(HYBRID).connect(0).connect(1)
                          .say("body", 2, 0).reach().say("body", 1, 1).reach()
                          .reload(TWO_BACKENDS | TWO_CONNECTIONS).settle(3))
    yield "reload-less", (Script(PER_COMMAND | TWO_BACKENDS | TWO_CONNECTIONS)
                          .connect(0).connect(1).say("body", 2, 0)
                          .say("body", 2, 1).reach().answer(wire=1)
                          .reload(0).settle(3).time(2100).settle())
    yield "reload-and-back", (Script(PER_COMMAND | TWO_BACKENDS |
                                     TWO_THREADS).connect(0).connect(1)
                              .say("stat", 1, 0).say("body", 2, 1).reach()
                              .answer("miss").reload(0)
                              .reload(TWO_BACKENDS | TIERS).settle(4))
    yield "reload-pinned", (Script(STATEFUL | TWO_BACKENDS | TWO_CONNECTIONS)
                            .connect(0).connect(1).say("group", 1, 0)
                            .say("group", 1, 1).settle(2)
                            .say("over_range", 1, 1).reach().reload(0)
                            .settle(3))
    yield "reload-cut", (Script(HYBRID | TWO_BACKENDS | DEEP).connect()
                         .say("body", 2).reach().answer_all("cut").read()
                         .reload(DEEP).reach().reload(TWO_BACKENDS)
                         .settle(3))
    yield "reload-post", (Script(HYBRID | TWO_CONNECTIONS).connect()
                          .say("post").settle().post(9, False)
                          .reload(TWO_BACKENDS | TWO_CONNECTIONS | WARM)
                          .turn().post(3).settle(3))
    yield "stopped", (Script(STATEFUL | TWO_CONNECTIONS | DEEP,
                             HELPFUL | RESTLESS_END).connect(0).connect(1)
                      .say("group").settle().say("body", 3).reach()
                      .answer().send(5000).say("list", 1, 1).turn())
    yield from make_user_seeds()


def make_user_seeds():
    """Those with users."""
    for name, mode in (("hybrid", HYBRID), ("per-command", PER_COMMAND),
                       ("stateful", STATEFUL)):
        s = Script(TWO_BACKENDS | TWO_CONNECTIONS, users=mode | USER_B)
        s.connect().say("body").settle().login().settle()
        for verb in VERBS[:16]:
            s.say(verb).settle()
        yield "user-" + name, s.say("user").say("sasl").say("quit").settle()
    yield "user-sasl", (Script(0, users=USER_B).connect(0).connect(1)
                        .say("sasl", B, 0).say("sasl_ask", A, 1).settle(2)
                        .say("body", 1, 0).say("post", 1, 0)
                        .say("body", 1, 1).settle(3))
    yield "user-wrong", (Script(0, users=0).connect().say("user", A)
                         .say("wrong_pass").settle(2).login().settle()
                         .time(10).settle().say("sasl", GIVEN_UP)
                         .say("sasl_ask", GIVEN_UP).login(STRANGER)
                         .settle(2).time(50).say("body").settle(3))
    yield "user-pipelined", (Script(DEEP, users=0).connect().login()
                             .say("body", 2).say("stat").say("group")
                             .add("check").reach().settle(3))
    yield "user-places", (Script(TWO_THREADS, users=ONE_PLACE).connect(0)
                          .connect(1).login(A, 0).settle().login(A, 1)
                          .settle().say("quit", 1, 0).settle(2)
                          .say("body", 1, 1).settle(3))
    yield "user-place-too-late", (Script(0, users=ONE_PLACE).connect(0)
                                  .connect(1).login(A, 0).settle()
                                  .login(A, 1).settle().time(2100)
                                  .time(2100).settle(2))
    yield "user-place-left", (Script(TWO_THREADS, users=ONE_PLACE).connect(0)
                              .connect(1).login(A, 0).settle().login(A, 1)
                              .settle().close(0).add("turn_one", 0).close(1)
                              .turn(2).settle().connect(0).login(A, 0)
                              .settle(2))
    yield "user-place-refused", (Script(0, users=USER_B).connect(0)
                                 .connect(1).login(B, 0).login(B, 1)
                                 .settle(2).say("quit", 1, 0).settle()
                                 .login(B, 1).settle(2))
    yield "user-check-left", (Script(TWO_THREADS, users=0).connect(0)
                              .connect(1).login(A, 0).login(A, 1).close(0)
                              .turn().add("check").half_close(1).settle(3))
    yield "user-rate", (Script(DEEP | TWO_CONNECTIONS, users=RATE).connect(0)
                        .connect(1).login(A, 0).login(A, 1).settle(2)
                        .say("body", 3, 0).say("body", 3, 1).settle(3)
                        .reload(DEEP, 0).settle(2))
    yield "user-rate-posts", (Script(TWO_CONNECTIONS, users=RATE).connect()
                              .login().settle().say("post").settle(2)
                              .post(60, False).turn(2).time(130).post(60)
                              .settle(4))
    yield "user-quota", (Script(DEEP, users=QUOTA).connect(0).login()
                         .settle().say("body", 2).settle(2).say("stat")
                         .settle(2).connect(0).login().settle(2)
                         .reload(DEEP, 0).login().settle(2))
    yield "user-block", (Script(TWO_BACKENDS | TIERS, users=BLOCK).connect()
                         .login().settle().say("body", 3).settle(3)
                         .time(1100).say("body", 1).settle(3))
    yield "user-expires", (Script(0, users=USER_B).connect().login(B)
                           .settle().say("stat").settle().time(10000)
                           .say("stat").settle(2))
    yield "user-removed", (Script(TWO_THREADS, users=USER_B | ONE_PLACE)
                           .connect(0).connect(1).login(B, 0).settle()
                           .login(B, 1).reload(0, 0).settle(3))
    yield "user-removed-queued", (Script(TWO_THREADS, users=ONE_PLACE)
                                  .connect(0).connect(1).login(A, 0)
                                  .settle().login(A, 1).settle()
                                  .say("body", 2, 0).reach()
                                  .reload(0, NOBODY).settle(3)
                                  .reload(0, USER_B).settle(2))
    yield "user-stopped", (Script(0, HELPFUL | RESTLESS_END, ONE_PLACE)
                           .connect(0).connect(1).login(A, 0).settle()
                           .say("body", 3, 0).reach().login(A, 1))
    yield "user-none-then-some", (Script(0, users=NOBODY).connect()
                                  .say("body", 2).reach().reload(0, USER_B)
                                  .settle().say("stat").login(B).settle(2)
                                  .say("stat").settle(2))


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name, script in make_seeds():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(script.octets)


if __name__ == "__main__":
    main()
