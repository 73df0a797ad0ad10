# SPDX-License-Identifier: BSD-2-Clause
"""What goes wrong in a soak is decided by its seed; what its clients may be told."""

import collections
import pathlib
import sys
import types

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "proxy")]

import clients          # noqa: E402
import lane             # noqa: E402
import link             # noqa: E402
import news             # noqa: E402
import storm            # noqa: E402

BACKENDS = list(news.HOLDERS)


def test_plan_is_of_the_seed():
    assert storm.plan("a", BACKENDS, 60) == storm.plan("a", BACKENDS, 60)
    assert storm.plan("a", BACKENDS, 60) != storm.plan("b", BACKENDS, 60)


def test_plan_is_in_order_and_ends():
    steps = storm.plan("a", BACKENDS, 60)
    assert [s.at for s in steps] == sorted(s.at for s in steps)
    assert all(0 <= s.at and s.at + s.seconds <= 60 for s in steps)


def test_plan_has_one_thing_at_a_time_for_each():
    for name in BACKENDS:
        mine = [s for s in storm.plan("a", BACKENDS, 300)
                if s.backend == name]
        assert all(a.at + a.seconds <= b.at for a, b in zip(mine, mine[1:]))


def test_plan_has_everything():
    assert {s.event for s in storm.plan("a", BACKENDS, 600)} \
        == set(storm.EVENTS)


def test_clients_are_of_all_kinds():
    assert {clients.kind_of(n) for n in range(60)} \
        == {kind for kind, _ in clients.KINDS}
    assert sum(share for _, share in clients.KINDS) == 100


def test_what_is_where():
    """Some articles are at one server only, some at all, some nowhere; one
    that is cut can be continued, by the same or by another one."""
    held = [news.holders(seed) for seed in range(8)]
    assert set() in held and set(BACKENDS) in held
    assert min(len(h) for h in held if h) <= 2
    assert {news.count_variants(seed) for seed in range(8)} == {0, 2}


def some_link(way):
    world = types.SimpleNamespace(counts=collections.Counter())
    one = link.Link(world, way)
    one.name = lane.REFUSED
    way.links.add(one)
    lane.Lane.claim(way, one)
    return one


def test_refusal_is_of_its_time():
    """The other one may have left before 481 is read."""
    way = types.SimpleNamespace(claims=collections.Counter(), links=set(),
                                places=lambda name: 1)
    first, second = some_link(way), some_link(way)
    way.claims[lane.REFUSED] -= 1       # the first one has left
    second.check_refusal(was_settled=True)
    way.claims[lane.REFUSED] -= 1
    third = some_link(way)
    third.check_refusal(was_settled=False)
    with pytest.raises(link.Wrong):
        third.check_refusal(was_settled=True)
    assert first.most_claims == 2
