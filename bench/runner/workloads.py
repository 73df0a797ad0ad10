# SPDX-License-Identifier: BSD-2-Clause
"""What the clients do. Each is a row of the table for each variant."""

import dataclasses

BULK, STAT, DEEP, IDLE, FAIR = "bulk", "stat", "deep", "idle", "fair"
MANY, SLOW, SMALL = "many", "slow", "small"
TLS_BACKEND, TLS_CLIENT = "tls-backend", "tls-client"


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    kind: str           # which variants make sense, which unit counts
    words: str
    clients: int
    options: tuple = ()         # of bench/load
    connections: int = 0        # of a proxy that shares them; 0: as clients
    idle_beside: int = 0        # more clients, which the numbers are not of:
    slow_beside: int = 0        # ... that ask nothing, that read slowly

    def all_clients(self):
        return self.clients + self.idle_beside + self.slow_beside

    def backend_connections(self):
        return self.connections or self.all_clients()

    def load_options(self):
        return ["--connections", self.clients,
                "--idle-beside", self.idle_beside,
                "--slow-beside", self.slow_beside, *self.options]


WHO_HAS_TLS = {BULK: "", TLS_BACKEND: "; the server has TLS",
               TLS_CLIENT: "; the clients have TLS"}


def bulk(clients, kind=BULK):
    words = "BODY of 700 KiB, %d client%s%s" % (
        clients, "s" if clients > 1 else "", WHO_HAS_TLS[kind])
    return Workload("%s-%d" % (kind, clients), kind, words, clients)


ALL = (
    bulk(1), bulk(4), bulk(20), bulk(100),
    bulk(20, TLS_BACKEND), bulk(20, TLS_CLIENT),
    Workload("small-20", SMALL, "BODY of 20 KiB, 20 clients", 20,
             ("--sizes", "20K")),
    Workload("stat-50", STAT, "STAT, one at a time, 50 clients", 50,
             ("--commands", "STAT")),
    Workload("stat-1000", STAT,
             "STAT, one at a time, 1000 clients; 200 connections if shared",
             1000, ("--commands", "STAT"), 200),
    Workload("stat-deep", DEEP, "STAT, 50 in flight, 4 clients", 4,
             ("--commands", "STAT", "--depth", "50")),
    Workload("fair-100", FAIR,
             "BODY of 64 KiB, 100 clients, 10 connections", 100,
             ("--sizes", "64K"), 10),
    Workload("many", MANY,
             "as stat-1000, and 10000 clients beside them that ask nothing",
             1000, ("--commands", "STAT"), 200, idle_beside=10000),
    Workload("bulk-20-slow", SLOW,
             "as bulk-20, and 10 clients beside them that read 16 KiB in 10 "
             "ms", 20, ("--slow-read", "16K"), slow_beside=10),
    Workload("idle-1000", IDLE, "1000 clients that ask nothing", 1000,
             ("--idle",), 10),
    Workload("idle-10000", IDLE, "10000 clients that ask nothing", 10000,
             ("--idle",), 10),
)

# Not for numbers: does everything work? Every byte is checked.
SMOKE = (
    Workload("bulk-4", BULK, "BODY of 700 KiB, 4 clients", 4, ("--verify",)),
    Workload("tls-backend-4", TLS_BACKEND, "the same, the server has TLS", 4,
             ("--verify",)),
    Workload("tls-client-4", TLS_CLIENT, "the same, the clients have TLS", 4,
             ("--verify",)),
    Workload("small-4", SMALL, "BODY of 20 KiB, 4 clients", 4,
             ("--sizes", "20K", "--verify")),
    Workload("stat-20", STAT, "STAT, 20 clients, 10 connections", 20,
             ("--commands", "STAT"), 10),
    Workload("stat-deep", DEEP, "STAT, 50 in flight, 2 clients", 2,
             ("--commands", "STAT", "--depth", "50")),
    Workload("fair-10", FAIR, "BODY of 64 KiB, 10 clients, 2 connections",
             10, ("--sizes", "64K", "--verify"), 2),
    Workload("many-20", MANY, "the same as stat-20, and 100 that ask nothing",
             20, ("--commands", "STAT"), 10, idle_beside=100),
    Workload("bulk-4-slow", SLOW,
             "BODY of 64 KiB, 4 clients, and 2 that read 16 KiB in 10 ms", 4,
             ("--sizes", "64K", "--slow-read", "16K", "--verify"),
             slow_beside=2),
    Workload("idle-100", IDLE, "100 clients that ask nothing", 100,
             ("--idle",), 10),
)
