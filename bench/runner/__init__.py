# SPDX-License-Identifier: BSD-2-Clause
"""What bench/run is made of.

space      a network of our own           workloads  what the clients do
processes  start, pin, read, end          variants   what is between them
measure    one run                        report     medians, the table, JSON
plot       the same as a picture          settings   the files of bench/others
about      what the numbers are of
"""
