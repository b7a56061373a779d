# SPDX-License-Identifier: Apache-2.0
"""Resource tuples: shrunk by `make plan`, and the guests have what was granted (configs/tuples.c)."""
import tools.lib.rigs as rigs

CONFIG = "tuples"
BOARD_MIB = 256  # as the configuration has it: there is not enough for all
MIB = 1 << 20


def boot():
    b = rigs.boot_once("bochs", CONFIG, cpus=2, memory=BOARD_MIB)
    assert b.ended_well, b.tail()
    return b


def grants():
    """{(partition, resource): grant} of the plan that was made before the build."""
    return {(p["name"], g["resource"]): g
            for p in rigs.plan_of(CONFIG)["partitions"] for g in p["grants"]}


def planned_at_boot(name, what):
    """The number before `what` in the line of the log's plan that begins with the partition's name."""
    lines = [line.split() for line in boot().lines if line.startswith("[plan]   " + name + " ")]
    words = next(w for w in lines if what in w)
    return float(words[words.index(what) - 1])


def test_the_plan_shrinks_the_least_critical_first_and_says_so():
    g = grants()
    assert g["control", "budget_ns"]["is"] == g["control", "memory_bytes"]["is"] == "usual"
    assert g["log", "budget_ns"]["given"] == g["log", "budget_ns"]["min"] == 5000000
    assert g["log", "memory_bytes"]["given"] == g["log", "memory_bytes"]["min"] == 8 * MIB
    # 50 ms less three switches of 0.1 ms, 16 of control and 5 of log; 240 MiB less the others'.
    assert g["vision", "budget_ns"]["given"] == 28700000
    assert g["vision", "memory_bytes"]["given"] == (240 - 112 - 8 - 2 * 16) * MIB
    assert g["calc", "budget_ns"]["given"] == g["calc", "budget_ns"]["max"] == 30000000
    assert g["idle", "budget_ns"]["given"] == 19800000
    assert "shrunk from 15 ms (at least 5 ms): there is no more of core 0" in boot().text


def test_the_guests_have_the_budgets_that_were_granted():
    for name in ("log", "calc", "idle"):  # they always want more
        granted = grants()[name, "budget_ns"]["given"] / 50e6
        o = rigs.one(boot(), "claim", partition=name)
        had = (o["guest_tsc"] + o["hypervisor_tsc"]) / o["elapsed_tsc"]
        assert granted * 0.99 < had < granted * 1.005, (name, had, granted)
    for name in ("control", "vision"):
        assert rigs.one(boot(), "claim", partition=name)["misses"] == 0


def test_the_guest_sees_the_memory_that_was_granted():
    seen = {o["bytes"] for o in boot().having("watch", part="log")}
    granted = planned_at_boot("log", "MiB") * MIB
    assert granted == grants()["log", "memory_bytes"]["given"]
    assert len(seen) == 1 and granted - 2 * MIB < seen.pop() < granted
    # The rest is vision's, on the real board, too: it is planned again there, and says so.
    assert 48 <= planned_at_boot("vision", "MiB") < 96
    assert "shrunk from 96 MiB (at least 48 MiB)" in boot().text
