# SPDX-License-Identifier: Apache-2.0
"""
A guest with a virtual function restarts again and again, its rings full and answers under way, beside
two others' traffic. `make experiment NAME=passthrough-restart` does it a thousand times.
"""
import tools.lib.rigs as rigs

RIG = "qemu-iso"
OPTIONS = {"cpus": 1, "more": ("--devices",)}
RESTART, BASELINE = "net_restart", "net_restart_baseline"

for config in (RESTART, BASELINE):
    rigs.boot_soon(RIG, config, **OPTIONS)


def boot(config):
    b = rigs.boot_once(RIG, config, **OPTIONS)
    assert b.ended_well, b.tail()
    return b


def restarts(b):
    return b.having("vcpu", "restarts", partition="life")[0]["restarts"]


def said(b, text):
    return sum(text in line for line in b.lines)


def test_each_life_gets_the_device_as_if_it_were_the_first():
    b = boot(RESTART)
    assert restarts(b) >= 10, b.tail()
    assert said(b, "was not answered") == said(b, "does not come back") == 0, b.tail()
    # Its driver came up in every life but perhaps the last, which the end of the run cut off.
    assert said(b, "VF 3 ready") in (restarts(b), restarts(b) + 1), b.tail()
    assert b.having("blocked") == [], b.tail()


def test_others_traffic_does_not_notice():
    expected, seen = (boot(c).having(net="ping")[0] for c in (BASELINE, RESTART))
    assert restarts(boot(BASELINE)) == 0
    for o in (expected, seen):
        assert (o["sent"], o["received"], o["lost"], o["corrupt"]) == (1500, 1500, 0, 0), o
    assert abs(seen["rtt_p50"] - expected["rtt_p50"]) <= 0.01 * expected["rtt_p50"], (expected, seen)


def test_a_restart_is_no_server_switch():
    b = boot(RESTART)
    assert said(b, "a server switch took") == 0, b.tail()
