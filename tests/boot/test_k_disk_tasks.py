# SPDX-License-Identifier: Apache-2.0
"""
Tasks at a rate with one request under way each (guests/blk, mode=tasks), in both rigs: they send what they
say, as often as they say, and tell the times that the hypervisor saw.
"""
import tools.lib.block as block
import tools.lib.rigs as rigs

# configs/rtvirtio_short.c
SECONDS, SEED = 3, 7
KEPT, LATE = {0: 20, 1: 100, 2: 300}, {0: 5000}
STREAMS = {"kept": 0, "late": 8}
SERVICE_NS = 500000
AROUND_NS = 250000  # what a request takes in the guest and on the way, in the slower rig

RUNS = [("bochs", {"cpus": 1}), ("qemu-iso", {"cpus": 1})]
for rig, options in RUNS:
    rigs.boot_soon(rig, "rtvirtio_short", **options)


def boots():
    for rig, options in RUNS:
        b = rigs.boot_once(rig, "rtvirtio_short", **options)
        assert b.ended_well, b.tail()
        yield b


def tasks(b, part):
    return {task: o for (p, task), o in block.tasks(b).items() if p == part}


def counted(b, part):
    return block.one(b, "when", partition=part, when="end")


def draw(state):
    """SplitMix64: the next number, and the state after it."""
    state = (state + 0x9e3779b97f4a7c15) % (1 << 64)
    z = ((state ^ state >> 30) * 0xbf58476d1ce4e5b9) % (1 << 64)
    z = ((z ^ z >> 27) * 0x94d049bb133111eb) % (1 << 64)
    return z ^ z >> 31, state


def writes(stream, requests):
    """Of so many requests of that stream: the phase comes first; half of the numbers are writes."""
    state = draw(draw(SEED)[0] ^ stream)[0]
    state = draw(state)[1]
    found = 0
    for _ in range(requests):
        value, state = draw(state)
        found += value >> 63
    return found


def test_rates_are_kept_and_who_is_late_says_so():
    for b in boots():
        assert {t: o["iops"] for t, o in tasks(b, "kept").items()} == KEPT, b.tail()
        for o in tasks(b, "kept").values():
            # The last is due just before the end: there may be no time left for it.
            assert o["requests"] + o["missed"] == o["iops"] * SECONDS and o["errors"] == 0, o
            assert o["missed"] <= 1, o
        assert {t: o["iops"] for t, o in tasks(b, "late").items()} == LATE, b.tail()
        o = tasks(b, "late")[0]
        assert o["requests"] + o["missed"] == LATE[0] * SECONDS and o["errors"] == 0, o
        # One request at a time: each takes what the disk takes, and at most as long again on its way.
        assert 0.5 < o["requests"] * SERVICE_NS / (SECONDS * 1e9) < 1, o


def test_the_hypervisor_counted_the_same_requests():
    for b in boots():
        for part in ("kept", "late"):
            rows, seen = tasks(b, part).values(), counted(b, part)
            assert sum(o["writes"] for o in rows) == seen["writes"], (seen, rows)
            assert sum(o["requests"] - o["writes"] for o in rows) == seen["reads"], (seen, rows)


def test_the_requests_are_those_of_their_streams():
    for b in boots():
        for task, o in tasks(b, "kept").items():
            assert o["writes"] == writes(STREAMS["kept"] + task, o["requests"]), o
        assert tasks(b, "late")[0]["writes"] == tasks(b, "late")[0]["requests"]


def test_times_are_those_that_the_hypervisor_saw_and_the_way():
    for b in boots():
        for part in ("kept", "late"):
            rows, seen = tasks(b, part).values(), counted(b, part)
            for o in rows:
                assert o["min_ns"] >= SERVICE_NS, o
                assert o["min_ns"] <= o["p50_ns"] <= o["p90_ns"] <= o["p99_ns"] \
                    <= o["p99_9_ns"] <= o["p99_99_ns"] <= o["max_ns"], o
            assert min(o["min_ns"] for o in rows) <= SERVICE_NS + AROUND_NS, rows
            longest = max(o["max_ns"] for o in rows)
            assert seen["max_ns"] <= longest <= seen["max_ns"] + AROUND_NS, (seen, rows)
        # A histogram's bucket is an eighth wide at most.
        o, seen = tasks(b, "late")[0], counted(b, "late")
        for q in ("p50_ns", "p99_ns"):
            assert seen[q] * 7 / 8 <= o[q] <= seen[q] * 9 / 8 + AROUND_NS, (q, o, seen)
