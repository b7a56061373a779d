# SPDX-License-Identifier: Apache-2.0
"""
A hostile guest changes nothing for its neighbour: "rt" has the same worst responses, within
1 %, as beside a well-behaved guest that uses its own reservation as much.
"""
import glob
import os
import tools.lib.bounds as bounds
import tools.lib.rigs as rigs

RIGS = [("bochs", {"cpus": 1}), ("qemu-iso", {"cpus": 1})]
# These are stopped at once; then a neighbour that has left is the measure.
STOPPED = {("bochs", "triple"): "triple fault", ("qemu-iso", "triple"): "triple fault",
           ("bochs", "memory"): "does not own", ("qemu-iso", "memory"): "does not own"}
# What this CPU lets every guest do, and no exit shows: docs/emulators.md.
LAX = {"bochs": set(), "qemu-iso": {"CR0 bit 32", "CR0 bit 63", "CR8 bit 4", "CR8 bit 63",
                                      "VMXON", "VMPTRLD"}}
# Those with devices: test_j_net.py.
MODES = sorted(os.path.basename(p)[8:-2] for p in glob.glob(
    os.path.join(rigs.TOP, "configs/hostile_*.c")) if "hostile_dma" not in p)
HOSTILE = [m for m in MODES if not m.startswith("baseline")]
for mode in MODES:
    for rig, options in RIGS:
        rigs.boot_soon(rig, "hostile_" + mode, **options)


for rig, options in RIGS:
    rigs.boot_soon(rig, "blocking", **options)
    rigs.boot_soon(rig, "long_lines", **options)
    rigs.boot_soon(rig, "overrun", **options)


def boots(mode):
    for rig, options in RIGS:
        b = rigs.boot_once(rig, "hostile_" + mode, **options)
        assert b.ended_well, b.tail()
        yield rig, b


def worst(b):
    rows = {o["task"]: o for o in b.having("task", "misses", part="rt")}
    assert set(rows) == {"tau1", "tau2"}, b.tail()
    assert all(o["n"] >= 20 and o["misses"] == 0 for o in rows.values()), rows
    return {t: o["max_us"] for t, o in rows.items()}


def contained(mode):
    """Its run in each rig, after comparing its neighbour's worst responses."""
    stays, leaves = dict(boots("baseline")), dict(boots("baseline_gone"))
    for rig, b in boots(mode):
        baseline = leaves if (rig, mode) in STOPPED else stays
        expected, seen = worst(baseline[rig]), worst(b)
        for task in expected:
            assert abs(seen[task] - expected[task]) <= 0.01 * expected[task], (
                mode, rig, task, seen[task], expected[task])
        yield rig, b


def make_test(mode):
    def test():
        for rig, b in contained(mode):
            stopped = [line for line in b.lines if line.startswith("[part hostile] stopped: ")]
            reason = STOPPED.get((rig, mode))
            if reason:
                assert len(stopped) == 1 and reason in stopped[0], b.tail()
            else:
                assert not stopped, stopped
    return test


for mode in HOSTILE:
    globals()["test_%s_is_contained" % mode] = make_test(mode)


def test_there_are_all_the_ways_to_misbehave():
    assert {"spin", "triple", "memory", "msr", "ports", "calls"} <= set(HOSTILE), HOSTILE


def hostile_rows(mode, *keys):
    for rig, b in boots(mode):
        if (rig, mode) in STOPPED:
            continue
        rows = b.having(*keys, part="hostile")
        assert rows, b.tail()
        for o in rows:
            yield o


def test_no_port_answers_a_guest_that_owns_none():
    widths = set()
    for o in hostile_rows("ports", "in_answered"):
        assert o["in_answered"] == 0 and o["in"] == 65536, o
        widths.add(o["width"])
    assert widths == {1, 2, 4}


def test_msrs_are_denied_but_for_a_short_list():
    """Of 16,640 MSRs, the guest's x2APIC, its system-call and segment registers, and a few."""
    for o in hostile_rows("msr", "reads_refused"):
        assert o["reads"] == 16640 and o["writes"] == 3 * 16640, o
        assert 0 < o["reads"] - o["reads_refused"] <= 64, o
        assert 0 < o["writes"] - o["writes_refused"] <= 3 * 64, o


def test_control_registers_refuse_what_the_manual_reserves():
    for rig, b in boots("cr"):
        said = "[part hostile] hostile: not refused: "
        taken = {line[len(said):] for line in b.lines if line.startswith(said)}
        assert taken == LAX[rig], (rig, taken)
        rows = b.having("tried", "refused", part="hostile")
        assert len(rows) == 2 and all(o["tried"] > 0 for o in rows), b.tail()
        assert sum(o["tried"] - o["refused"] for o in rows) == len(taken), rows


def test_control_registers_keep_what_the_manual_lets_a_guest_set():
    for o in hostile_rows("cr", "kept"):
        assert o["kept"] == o["asked"] > 0, o


def test_a_short_period_has_room_for_exits_that_nothing_interrupts():
    for rig, options in RIGS:
        b = rigs.boot_once(rig, "blocking", **options)
        assert b.ended_well and b.late == 0, b.tail()
        assert sum(line.startswith("[part hostile]") for line in b.lines) > 50, b.tail()
        rt = rigs.one(b, "claim", partition="rt")
        assert rt["guest_tsc"] + rt["hypervisor_tsc"] > 0.55 * rt["elapsed_tsc"], rt  # less its start


def test_no_exit_for_the_console_is_longer_than_admission_counts_with():
    for rig, options in RIGS:
        b = rigs.boot_once(rig, "long_lines", **options)
        assert b.ended_well, b.tail()
        for who in ("calls", "uart"):
            lines = [line for line in b.lines if line.startswith("[part %s] " % who)]
            longest, empty = ["[part %s] %s" % (who, text) for text in ("x" * 255, "")]
            assert longest in lines and lines.count(empty) > 100, (rig, who, b.tail())
            assert any(o.startswith('@{"part":"%s","""' % who) for o in b.lines), (rig, who, b.tail())
        ticks = bounds.exit_ticks(b)
        hz = b.having("tsc_hz")[0]["tsc_hz"]
        assert len(ticks) > 1000 and max(ticks) * 10**6 / hz <= 300, (rig, max(ticks), hz)


def test_who_ends_each_budget_in_its_longest_exit_makes_nobody_late_where_the_plan_has_room():
    plan = rigs.plan_of("overrun")
    assert [c["overrun_ppm"] for c in plan["cores"]] == [0], plan["cores"]
    for rig, options in RIGS:
        b = rigs.boot_once(rig, "overrun", **options)
        assert b.ended_well and b.late == 0, b.tail()
        hz = b.having("tsc_hz")[0]["tsc_hz"]
        for i in range(1, 5):
            o = rigs.one(b, "claim", partition="greedy%d" % i)
            assert o["overrun_max_tsc"] * 10**6 / hz > 60, (rig, o)  # or it has not attacked
