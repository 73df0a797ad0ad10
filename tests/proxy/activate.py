# SPDX-License-Identifier: BSD-2-Clause
"""Becomes a program that is handed sockets, as a service manager does it.

activate.py NAME:FD,... PROGRAM ARGUMENT...
"""

import fcntl
import os
import sys

FIRST = 3


def main(sockets, *command):
    pairs = [pair.rpartition(":") for pair in sockets.split(",")]
    # Out of the way of the numbers that they get.
    held = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for _, _, fd in pairs]
    for number, fd in enumerate(held, FIRST):
        os.dup2(fd, number, inheritable=True)
        os.close(fd)
    env = dict(os.environ, LISTEN_PID=str(os.getpid()),
               LISTEN_FDS=str(len(held)),
               LISTEN_FDNAMES=":".join(name for name, _, _ in pairs))
    os.execve(command[0], command, env)


if __name__ == "__main__":
    main(*sys.argv[1:])
