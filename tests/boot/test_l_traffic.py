# SPDX-License-Identifier: Apache-2.0
"""
Guests that generate load and measure it (guests/net), in QEMU, whose clock counts instructions: rates are what
was asked for, bursts are bursts, requests are answered. In Bochs: two shares of a core.
"""
import tools.lib.rigs as rigs
from tools.lib.rigs import one

RIG, OPTIONS = "qemu-iso", {"cpus": 1, "more": ("--devices",)}
LOAD, REQUEST = "traffic_load", "traffic_request"

for config in (LOAD, REQUEST):
    rigs.boot_soon(RIG, config, **OPTIONS)
rigs.boot_soon("bochs", "traffic_share", cpus=3)


def boot(config):
    b = rigs.boot_once(RIG, config, **OPTIONS)
    assert b.ended_well and b.late == 0, b.tail()
    return b


def slices(b, part):
    rows = sorted(b.having("first", net="slices", part=part), key=lambda o: o["first"])
    return [n for o in rows for n in o["frames"]]


def test_a_rate_is_kept_and_does_not_drift():
    b = boot(LOAD)
    o = one(b, net="sink", part="steady")
    assert (o["received"], o["lost"], o["late"], o["corrupt"]) == (3000, 0, 0, 0), o
    assert slices(b, "steady") == [300] * 10, slices(b, "steady")
    assert one(b, net="generate", part="gen0")["sent"] == 3600


def test_bursts_come_in_their_time():
    b = boot(LOAD)
    o, frames = one(b, net="sink", part="bursty"), slices(b, "bursty")
    assert (o["received"], o["lost"], o["corrupt"]) == (1000, 0, 0), o
    # 25 ms of 100 at 4,000 a second; the window begins with a burst, and its guest runs in each 10 ms.
    assert all(sum(frames[i:i + 10]) == 100 for i in range(5, 85, 10)), frames
    assert sum(n > 0 for n in frames) <= 45, frames


def test_who_waits_for_answers_overruns_nobody():
    b = boot(LOAD)
    o, sent = one(b, net="sink", part="closed"), one(b, net="generate", part="gen2")
    assert o["received"] > 1000 and (o["lost"], o["late"], o["corrupt"]) == (0, 0, 0), o
    assert sent["sent"] > o["received"], sent


def test_requests_are_answered_in_full():
    b = boot(REQUEST)
    o, served = one(b, net="request", part="client"), one(b, net="serve", part="server")
    assert (o["sent"], o["done"], o["lost"], o["stray"]) == (50, 50, 0, 0), o
    assert (served["requests"], served["frames"]) == (50, 50 * 68), served
    times = [t for row in b.having("first", net="times", part="client") for t in row["tenth_us"]]
    assert len(times) == 50 and max(times) == one(b, net="completion", part="client")["max"], times


def test_a_neighbour_that_answers_all_it_can_does_not_take_the_servers_time():
    b = boot(REQUEST)
    busy = one(b, net="serve", part="loaded")
    assert busy["frames"] > one(b, net="serve", part="server")["frames"], busy
    assert one(b, net="completion", part="client")["max"] < 200000, b.tail()  # 20 ms


def test_throughput_follows_the_share_of_the_core():
    b = rigs.boot_once("bochs", "traffic_share", cpus=3)
    assert b.ended_well and b.late == 0, b.tail()
    rows = [dict(one(b, net="sink", part=p), **one(b, net="sink_cost", part=p)) for p in ("one", "two")]
    for o, share in zip(rows, (0.2, 0.4)):
        assert o["lost"] > o["received"] / 10, o  # it had to drop some
        assert abs(o["busy_tsc"] / o["elapsed_tsc"] - share) <= 0.01, o
    assert abs(rows[1]["received"] / rows[0]["received"] - 2) <= 0.1, rows
