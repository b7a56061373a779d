# SPDX-License-Identifier: Apache-2.0
"""
Guests that share a disk: our own driver's data come back as they were written; throughput follows the
weights; one that breaks every rule harms nobody; a request costs what it may. Memory disk, both rigs.
"""
import tools.lib.block as block
import tools.lib.bounds as bounds
import tools.lib.rigs as rigs

ONE_CPU = {"cpus": 1}
BOTH = [("bochs", ONE_CPU), ("qemu-iso", ONE_CPU)]
OWN = ("bochs", {"cpus": 2})
ATTACK = ("bochs", {"cpus": 4})
COSTS = [("bochs", ONE_CPU, "shared", 1), ("bochs", ONE_CPU, "shared", 32),
         (*OWN, "own", 32), (*OWN, "sidecore", 32)]
ISOLATION = ("bochs", {"cpus": 3}, "blk_isolation_short")
CORES = ("bochs", {"cpus": 4})

for rig, options in BOTH:
    rigs.boot_soon(rig, "blk_verify", **options)
    rigs.boot_soon(rig, "blk_abandon", **options)
rigs.boot_soon("qemu-iso", "blk_fair_short", **ONE_CPU)
rigs.boot_soon(ATTACK[0], "blk_hostile", **ATTACK[1])
for rig, options in BOTH:
    for config in ("blk_hostile_one", "blk_hostile_one_baseline"):
        rigs.boot_soon(rig, config, **options)
for rig, options, mode, depth in COSTS:
    for base in ("", "_base"):
        rigs.boot_soon(rig, "blk_cost_%s_%d%s" % (mode, depth, base), **options)
rigs.boot_soon(ISOLATION[0], ISOLATION[2], **ISOLATION[1])
rigs.boot_soon("bochs", "blk_isolation_one", **ONE_CPU)
for config in ("blk_isolation_cores", "blk_isolation_cores_quiet"):
    rigs.boot_soon(CORES[0], config, **CORES[1])


def boot(rig, options, config):
    b = rigs.boot_once(rig, config, **options)
    assert b.ended_well, b.tail()
    return b


def test_what_is_read_is_what_was_written():
    for rig, options in BOTH:
        b = boot(rig, options, "blk_verify")
        for part in ("split", "packed", "plain"):
            o = block.said(b, "verify", part=part)
            assert o["errors"] == o["mismatches"] == 0 < o["checked"], (rig, o)
            assert o["interrupts"] > 10, (rig, o)
        for part in ("probe", "reader"):
            assert block.said(b, "probe", part=part)["wrong"] == 0, (rig, part)
        assert block.one(b, "disk_ticks")["disk_errors"] == 0


def test_no_exit_is_longer_than_admission_counts_with_whatever_is_asked_for():
    for rig, options in BOTH:
        b = boot(rig, options, "blk_abandon")
        for part in ("abandon", "packed"):
            o = block.said(b, "abandon", part=part)
            assert o["sent"] == 4 * 256 and o["status"] == 0, (rig, o)
        ticks = bounds.exit_ticks(b)
        hz = b.having("tsc_hz")[0]["tsc_hz"]
        assert len(ticks) > 500 and max(ticks) * 10**6 / hz <= 300, (rig, max(ticks), hz)


def test_a_share_is_what_its_guest_sees_and_no_more():
    b = boot(*BOTH[1], "blk_verify")
    for part in ("probe", "reader"):
        facts = block.said(b, "facts", part=part)
        assert facts["sectors"] == (8 << 20) // 512, facts
        assert facts["read_only"] == (part == "reader"), facts
    assert block.said(b, "device", part="packed")["queues"] == 4
    assert int(block.said(b, "device", part="packed")["features"], 16) >> 34 & 1


def test_throughput_follows_the_weights_and_lags_no_more_than_the_bound():
    row = block.fairness(boot("qemu-iso", ONE_CPU, "blk_fair_short"), [1, 2, 3, 4])
    assert row["wrong"] is None, row
    assert block.worst_share_error(row) <= 0.02, row
    assert row["max_lag_bytes"] <= row["bound_bytes"], row


def reads_what_it_wrote(b):
    verify = block.said(b, "verify", part="verify")
    assert verify["errors"] == verify["mismatches"] == 0 < verify["checked"], (b.rig, verify)


def test_a_guest_that_breaks_every_rule_is_contained():
    b = boot(*ATTACK, "blk_hostile")
    end = block.one(b, "restarts", blk="hostile")
    assert end["sent"] >= 20000 and end["restarts"] > 1000 and end["unanswered"] == 0, end
    assert block.one(b, "works", blk="hostile")["works"] is True
    assert block.one(b, "tampers", blk="hostile")["tampers"] is True
    kinds = {o["kind"]: o for o in b.having("kind", blk="blow")}
    assert len(kinds) == 40, sorted(kinds)
    for kind in ("loop-of-one", "out-of-ram", "huge", "status-is-read", "table-in-a-table"):
        assert kinds[kind]["needs_reset"] == kinds[kind]["sent"] > 0, kinds[kind]
    reads_what_it_wrote(b)


def test_its_neighbours_have_their_data_and_their_deadlines_as_if_it_were_honest():
    for rig, options in BOTH:
        attacked, honest = (boot(rig, options, c) for c in
                            ("blk_hostile_one", "blk_hostile_one_baseline"))
        reads_what_it_wrote(attacked)
        # The last that it said before the end of the run, which it does not reach.
        assert attacked.having("so_far", blk="hostile")[-1]["so_far"] > 5000, attacked.tail()
        seen, expected = block.worst_responses(attacked), block.worst_responses(honest)
        assert set(expected) == {"tau1", "tau2"}, honest.tail()
        assert block.largest_drift_percent(seen, expected) <= 1.0, (rig, seen, expected)


def cost(rig, options, mode, depth):
    return block.cost(*[boot(rig, options, "blk_cost_%s_%d%s" % (mode, depth, base))
                        for base in ("", "_base")])


def test_a_request_takes_the_hypervisor_what_it_may():
    for rig, options, mode, depth in COSTS:
        row = cost(rig, options, mode, depth)
        if mode == "shared":
            assert row["insn_per_request"] <= 2500 and row["bfq_insn"] <= 400, (depth, row)
        elif mode == "own":
            assert row["exits_per_request"] <= 0.2, row
        else:
            assert row["exits_per_request"] == 0, row


def test_a_flood_keeps_nobody_waiting_longer_than_planned():
    rig, options, config = ISOLATION
    b = boot(rig, options, config)
    o, flood = block.said(b, "latency", part="reader"), block.one(b, "when", partition="flood")
    assert o["n"] >= 500 and flood["writes"] > 50, (o, flood)
    assert o["max_ns"] <= block.bound_ns(config, "reader"), o


def test_a_flood_changes_nothing_for_a_guest_with_deadlines_on_another_core():
    flooded, quiet = (boot(*CORES, c) for c in ("blk_isolation_cores", "blk_isolation_cores_quiet"))
    assert block.one(flooded, "when", partition="flood")["writes"] > 50, flooded.tail()
    seen, expected = block.worst_responses(flooded), block.worst_responses(quiet)  # in rounds
    assert set(expected) == {"tau1", "tau2"}, quiet.tail()
    assert block.largest_drift_percent(seen, expected) <= 1.0, (seen, expected)
    assert block.interruptions(flooded) == block.interruptions(quiet) != []
    ticks = [block.one(b, "hypervisor_tsc", partition="rt", vcpu=0)["hypervisor_tsc"] for b in (flooded, quiet)]
    assert abs(ticks[0] - ticks[1]) < 0.05 * ticks[1], ticks


def test_a_flood_of_the_longest_requests_keeps_to_its_budget():
    """rigs.boot() compares each run with its bounds; these kicks are the longest that there are."""
    b = boot("bochs", ONE_CPU, "blk_isolation_one")
    used = rigs.one(b, "overrun_max_tsc", partition="flood")
    assert used["overrun_max_tsc"] > 0, used  # it used its budget up
