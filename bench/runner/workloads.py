# SPDX-License-Identifier: BSD-2-Clause
"""What the clients do. Each is a row of the table for each variant."""

import dataclasses

BULK, STAT, IDLE, FAIR = "bulk", "stat", "idle", "fair"
TLS_BACKEND, TLS_CLIENT = "tls-backend", "tls-client"


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    kind: str           # which variants make sense, which unit counts
    words: str
    clients: int
    options: tuple = ()         # of bench/load
    connections: int = 0        # of a proxy that shares them; 0: as clients

    def backend_connections(self):
        return self.connections or self.clients


WHO_HAS_TLS = {BULK: "", TLS_BACKEND: "; the server has TLS",
               TLS_CLIENT: "; the clients have TLS"}


def bulk(clients, kind=BULK):
    words = "BODY of 700 KiB, %d client%s%s" % (
        clients, "s" if clients > 1 else "", WHO_HAS_TLS[kind])
    return Workload("%s-%d" % (kind, clients), kind, words, clients)


ALL = (
    bulk(1), bulk(4), bulk(20), bulk(100),
    bulk(20, TLS_BACKEND), bulk(20, TLS_CLIENT),
    Workload("stat-50", STAT, "STAT, one at a time, 50 clients", 50,
             ("--commands", "STAT")),
    Workload("stat-1000", STAT,
             "STAT, one at a time, 1000 clients; 200 connections if shared",
             1000, ("--commands", "STAT"), 200),
    Workload("stat-deep", STAT, "STAT, 50 in flight, 4 clients", 4,
             ("--commands", "STAT", "--depth", "50")),
    Workload("fair-100", FAIR,
             "BODY of 64 KiB, 100 clients, 10 connections", 100,
             ("--sizes", "64K"), 10),
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
    Workload("stat-20", STAT, "STAT, 20 clients, 10 connections", 20,
             ("--commands", "STAT"), 10),
    Workload("stat-deep", STAT, "STAT, 50 in flight, 2 clients", 2,
             ("--commands", "STAT", "--depth", "50")),
    Workload("fair-10", FAIR, "BODY of 64 KiB, 10 clients, 2 connections",
             10, ("--sizes", "64K", "--verify"), 2),
    Workload("idle-100", IDLE, "100 clients that ask nothing", 100,
             ("--idle",), 10),
)
