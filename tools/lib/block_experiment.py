# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/block_experiment.py - the experiments "disk-..": guests that share a disk. All of them write into
build/results/block.json:

  fairness    [{rig, depth, weights, shares, max_lag_bytes, bound_bytes, ..}]: four guests that always want
              more, and the same with one of them idle; lags and rules by tools/lib/disk_audit.py
  cost        [{rig, depth, mode, insn_per_request, bfq_insn, exits_per_request, ..}]: of 4 KiB
  latency     [{scenario, p50, p99, p99_99, predicted_bound, ..}]: ns; a guest that reads 100 times a second
  durability  {kills, lost, ..}: tools/lib/power_cut.py
  linux       [{rig, guests, writes, reads, errors, ..}]: ext4 and fio on 1, 2 and 4 Linux guests
  hostile     {runs: [{rig, sent, restarts, works, ..}], ..}: requests that break rules, and neighbours
"""
import concurrent.futures
import os

import tools.lib.block as block
import tools.lib.linux_experiment as linux_experiment
import tools.lib.power_cut as power_cut
import tools.lib.rigs as rigs

COUNTED = ("qemu-iso", {"cpus": 1, "timeout": 900})
BOCHS1 = ("bochs", {"cpus": 1, "timeout": 900})
BOCHS2 = ("bochs", {"cpus": 2, "timeout": 900})


def soon(rig, options, config):
    return rigs.boot_soon(rig, config, **options)


def ended(rig, options, config):
    b = rigs.boot_once(rig, config, **options)
    if not b.ended_well:
        raise SystemExit(b.tail())
    return b


def finish(checks, **fields):
    path = rigs.merge_json("block", **fields)
    rigs.report(checks, os.path.relpath(path, rigs.TOP))


# --- fairness ------------------------------------------------------------------------------------

DEPTHS = [1, 4, 32]
ALL, BUT_ONE = [1, 2, 3, 4], [1, 2, 3, 0]
SHARE_ERROR = 0.02


def fairness_runs():
    for rig, options in (BOCHS1, COUNTED):
        for depth in DEPTHS:
            yield rig, options, depth, ALL, "blk_fair_%d" % depth
            yield rig, options, depth, BUT_ONE, "blk_fair_idle_%d" % depth


def plot_fairness(rows):
    data = os.path.join(rigs.RESULTS, "disk-fairness.csv")
    with open(data, "w") as f:
        f.write("run,one,two,three,four\n")
        for r in rows:
            f.write("%s %d%s,%s\n" % (r["rig"].split("-")[0], r["depth"],
                                      "" if r["weights"][3] else " idle",
                                      ",".join("%g" % s for s in r["shares"])))
    linux_experiment.gnuplot("disk-fairness", "900,420", [
        "set datafile separator ','", "set style data histograms", "set style histogram rowstacked",
        "set style fill solid 0.8", "set boxwidth 0.7", "set yrange [0:1]", "set key outside right",
        "set xtics rotate by -35", "set ylabel 'share of the bytes served'",
        "set title 'Weights 1:2:3:4, by rig and depth; idle: without the fourth'",
        "plot '%s' skip 1 using 2:xtic(1) title 'weight 1', '' skip 1 using 3 title 'weight 2', "
        "'' skip 1 using 4 title 'weight 3', '' skip 1 using 5 title 'weight 4'" % data])


def fairness():
    """four guests with weights 1:2:3:4 on one disk, at depths 1, 4 and 32; and with one of them idle"""
    for rig, options, _, _, config in fairness_runs():
        soon(rig, options, config)
    rows, checks = [], []
    for rig, options, depth, weights, config in fairness_runs():
        row = dict(block.fairness(ended(rig, options, config), weights), depth=depth, config=config)
        error = block.worst_share_error(row)
        rows.append(dict(row, worst_share_error=round(error, 5)))
        name = "%s, depth %d%s: " % (rig, depth, "" if weights[3] else ", one idle")
        checks += [(name + "share, relative", "%.4f" % error, "<= 0.02", error <= SHARE_ERROR),
                   (name + "lag in bytes", row["max_lag_bytes"], "<= %d" % row["bound_bytes"],
                    row["wrong"] is None and row["max_lag_bytes"] <= row["bound_bytes"])]
    plot_fairness(rows)
    finish(checks, fairness=rows)


# --- cost ----------------------------------------------------------------------------------------

INSN_MAX, BFQ_MAX, EXITS_MAX = 2500, 400, 0.2


def cost_row(rig, options, mode, depth):
    config = "blk_cost_%s_%d" % (mode, depth)
    row = block.cost(ended(rig, options, config), ended(rig, options, config + "_base"))
    return dict(row, rig=rig, depth=depth, mode=mode, config=config)


def plot_cost(rows):
    """Of the runs whose clock counts instructions: where they go."""
    data = os.path.join(rigs.RESULTS, "disk-cost.csv")
    with open(data, "w") as f:
        f.write("run,kick,service,bfq\n")
        for r in rows:
            if r["mode"] == "shared":
                # BFQ is in both of the others; the device's own work is in neither.
                rest = r["insn_per_request"] - r["bfq_insn"]
                kick = round(rest * r["kick_insn"] / (r["kick_insn"] + r["service_insn"]))
                f.write("%s depth %d,%d,%d,%d\n" % (r["rig"].split("-")[0], r["depth"], kick,
                                                    rest - kick, r["bfq_insn"]))
    linux_experiment.gnuplot("disk-cost", "760,420", [
        "set datafile separator ','", "set style data histograms", "set style histogram rowstacked",
        "set style fill solid 0.8", "set boxwidth 0.6", "set yrange [0:3000]",
        "set key outside right", "set ylabel 'instructions'",
        "set arrow from graph 0,first %d to graph 1,first %d nohead dashtype 2" % (INSN_MAX, INSN_MAX),
        "set title 'The hypervisor, for a request of 4 KiB'", "set xtics rotate by -35",
        "plot '%s' skip 1 using 2:xtic(1) title 'kick', '' skip 1 using 3 title 'completion', "
        "'' skip 1 using 4 title 'BFQ'" % data])


def cost():
    """instructions and exits for a request of 4 KiB, served in a reservation and by a side core"""
    runs = [(rig, options, mode, depth) for depth in (1, 32) for rig, options, mode in (
        (*BOCHS1, "shared"), ("qemu-iso", dict(COUNTED[1], icount=0, tag="counted"), "shared"),
        (*BOCHS2, "own"), (*BOCHS2, "sidecore"))]
    for rig, options, mode, depth in runs:
        for base in ("", "_base"):
            soon(rig, options, "blk_cost_%s_%d%s" % (mode, depth, base))
    rows, checks = [], []
    for rig, options, mode, depth in runs:
        row = cost_row(rig, options, mode, depth)
        rows.append(row)
        name = "%s, %s, depth %d: " % (rig, mode, depth)
        if mode == "shared":  # the only ones whose clock counts instructions
            checks += [(name + "instructions", row["insn_per_request"], "<= %d" % INSN_MAX,
                        row["insn_per_request"] <= INSN_MAX),
                       (name + ".. of BFQ", row["bfq_insn"], "<= %d" % BFQ_MAX,
                        row["bfq_insn"] <= BFQ_MAX)]
        elif depth == 32:
            limit = 0 if mode == "sidecore" else EXITS_MAX
            checks.append((name + "exits", row["exits_per_request"], "<= %g" % limit,
                           row["exits_per_request"] <= limit))
    plot_cost(rows)
    finish(checks, cost=rows)


# --- latency -------------------------------------------------------------------------------------

ISOLATION = ("bochs", {"cpus": 3, "timeout": 1800})
# With one CPU, whose clock counts instructions: with the flood, and without.
ISOLATION_ONE = [(run, config) for run in (BOCHS1, COUNTED)
                 for config in ("blk_isolation_one", "blk_isolation_one_quiet")]
# On cores of their own, in rounds: guests/rt/work.h.
ISOLATION_CORES = [(("bochs", {"cpus": 4, "timeout": 900}), config)
                   for config in ("blk_isolation_cores", "blk_isolation_cores_quiet")]
DRIFT_MAX_PERCENT = 1.0


def drifts(pairs):
    """{rig: percent} of the worst responses of "rt": [(run, config)], disturbed and not, by turns."""
    found = {}
    for (run, disturbed), (_, quiet) in zip(pairs[::2], pairs[1::2]):
        found[run[0]] = round(block.largest_drift_percent(
            block.worst_responses(ended(*run, disturbed)),
            block.worst_responses(ended(*run, quiet))), 4)
    return found


def drift_checks(found):
    return [(rig + ": the guest with deadlines, drift in %", value, "<= 1", value <= DRIFT_MAX_PERCENT)
            for rig, value in found.items()]


def latency_row(scenario, b):
    o, bound = block.said(b, "latency", part="reader"), block.bound_ns(b.config, "reader")
    return {"scenario": scenario, "rig": b.rig, "n": o["n"], "p50": o["p50_ns"], "p99": o["p99_ns"],
            "p99_99": o["p99_99_ns"], "max": o["max_ns"], "predicted_bound": bound,
            "bytes_beside": block.one(b, "when", partition="flood")["write_bytes"]}


def plot_latency(rows):
    data = os.path.join(rigs.RESULTS, "disk-isolation.csv")
    with open(data, "w") as f:
        f.write("scenario,p50_ms,p99_ms,p99_99_ms,max_ms,bound_ms\n")
        for r in rows:
            f.write("%s,%s\n" % (r["scenario"], ",".join("%g" % (r[k] / 1e6) for k in (
                "p50", "p99", "p99_99", "max", "predicted_bound"))))
    linux_experiment.gnuplot("disk-isolation", "760,420", [
        "set datafile separator ','", "set style data histograms", "set style fill solid 0.8",
        "set logscale y", "set yrange [0.1:*]", "set key outside right", "set ylabel 'ms'",
        "set title 'A read of 4 KiB, 100 a second, beside writes of 1 MiB, and alone'",
        "plot '%s' skip 1 using 2:xtic(1) title 'p50', '' skip 1 using 3 title 'p99', "
        "'' skip 1 using 4 title 'p99.99', '' skip 1 using 5 title 'longest', "
        "'' skip 1 using 6 title 'bound of the plan'" % data])


def isolation():
    """a guest that reads 100 times a second beside one that floods the disk; and one with deadlines"""
    for config in ("blk_isolation", "blk_isolation_alone"):
        soon(*ISOLATION, config)
    for run, config in ISOLATION_ONE + ISOLATION_CORES:
        soon(*run, config)
    flooded = latency_row("flood", ended(*ISOLATION, "blk_isolation"))
    alone = latency_row("alone", ended(*ISOLATION, "blk_isolation_alone"))
    found = drifts(ISOLATION_ONE)
    found["bochs, other cores"] = drifts(ISOLATION_CORES)["bochs"]
    exits = [block.interruptions(ended(*run, config)) for run, config in ISOLATION_CORES]
    plot_latency([flooded, alone])
    finish([("reads beside a flood: p99.99 in ns", flooded["p99_99"],
             "<= %d" % flooded["predicted_bound"],
             flooded["p99_99"] <= flooded["predicted_bound"]),
            ("alone: p99.99 in ns", alone["p99_99"], "", True),
            ("reads that were made", flooded["n"], ">= 10000", flooded["n"] >= 10000)]
           + drift_checks(found)
           + [("its exits on another core", sum(exits[0][0].values()), "the same",
               exits[0] == exits[1])],
           latency=[flooded, alone], latency_rt_drift_percent=found)


# --- Linux ---------------------------------------------------------------------------------------

GUESTS = [1, 2, 4]


def linux_run(rig, guests):
    options = {"cpus": guests + 1, "memory": 1280, "timeout": 3000}
    if rig == "bochs":
        return rig, options, "blk_linux_%d" % guests
    disk = os.path.join(rigs.TOP, "build/rig/linux-%d.img" % guests)
    if os.path.exists(disk):
        os.remove(disk)
    os.makedirs(os.path.dirname(disk), exist_ok=True)
    return rig, dict(options, more=("--disk", disk + ",256")), "blk_linux_nvme_%d" % guests


def linux():
    """Linux guests: mkfs.ext4, mount, fio with checks, unmount, fsck; 1, 2 and 4 on a disk"""
    runs = [(n, linux_run(rig, n)) for n in GUESTS for rig in ("qemu-iso", "bochs")]
    for _, run in reversed(runs):  # the longest first
        soon(*run)
    rows, checks = [], []
    for n, run in runs:
        b, parts = ended(*run), ["linux%d" % i for i in range(n)]
        troubles = block.linux_troubles(b, parts)
        totals = [block.fio_totals(b, p) for p in parts]
        rows.append(dict({k: sum(t[k] for t in totals) for k in totals[0]}, rig=b.rig, guests=n,
                         config=b.config, troubles=troubles))
        checks.append(("%s, %d guests: %d writes, %d reads checked" % (
            b.rig, n, rows[-1]["writes"], rows[-1]["reads"]), len(troubles), "0", not troubles))
    finish(checks, linux=rows)


# --- power cuts ----------------------------------------------------------------------------------

KILLS, SEED = 200, 5
FIRST_SECTOR, SECTORS, DISK_MIB = 2048, (32 << 20) // 512, 64  # configs/blk_fsync.c


def cut(number):
    return power_cut.cut(number, SEED, power_cut.boot_options("blk_fsync"), FIRST_SECTOR, SECTORS,
                         DISK_MIB)


def power_cuts(kills=KILLS):
    """QEMU is killed 200 times under load: what was acknowledged must be on the disk"""
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        results = []
        for r in pool.map(cut, range(kills)):
            results.append({k: r[k] for k in ("acked", "lost", "strays", "entries", "flushes")})
            if len(results) % 20 == 0 or r["lost"]:
                print("  %d kills, %d lost" % (len(results), sum(x["lost"] for x in results)),
                      flush=True)
    total = {k: sum(r[k] for r in results) for k in results[0]}
    began = sum(r["acked"] > 0 for r in results)
    finish([("kills under load", began, "= %d" % kills, began == kills),
            ("acknowledged records", total["acked"], "", True),
            (".. that are lost", total["lost"], "0", total["lost"] == 0),
            ("writes outside of the share", total["strays"], "0", total["strays"] == 0)],
           durability=dict(total, kills=kills, began=began))


# --- hostile -------------------------------------------------------------------------------------

ATTACKS = [("bochs", {"cpus": 4, "timeout": 3000}, "blk_hostile_long"),
           ("qemu-iso", {"cpus": 1, "timeout": 3000}, "blk_hostile_one_long")]
# Beside a guest with deadlines, on one core: attacked for some seconds, and not.
PAIRS = [(run, config) for run in (BOCHS1, COUNTED)
         for config in ("blk_hostile_one", "blk_hostile_one_baseline")]
SENT_LEAST = 1000000


def attack_row(run):
    b = ended(*run)
    end, works = block.one(b, "restarts", blk="hostile"), block.one(b, "works", blk="hostile")
    verify = block.said(b, "verify", part="verify")
    return {"rig": b.rig, "config": b.config, "sent": end["sent"], "restarts": end["restarts"],
            "unanswered": end["unanswered"], "works": works["works"],
            "neighbour_errors": verify["errors"] + verify["mismatches"],
            "neighbour_checked": verify["checked"],
            "kinds": {o["kind"]: [o["sent"], o["answered"], o["needs_reset"], o["ignored"]]
                      for o in b.having("kind", blk="blow")}}


def hostile():
    """a million requests that break rules, in both rigs; a neighbour on the disk, one with deadlines"""
    for run in ATTACKS:
        soon(*run)
    for run, config in PAIRS:
        soon(*run, config)
    rows, checks = [attack_row(run) for run in ATTACKS], []
    for row in rows:
        checks += [(row["rig"] + ": requests", row["sent"], ">= 10^6", row["sent"] >= SENT_LEAST),
                   (row["rig"] + ": serves an honest one afterwards", row["works"], "", row["works"]),
                   (row["rig"] + ": the neighbour's errors", row["neighbour_errors"], "0",
                    row["neighbour_errors"] == 0 < row["neighbour_checked"])]
    found = drifts(PAIRS)
    finish(checks + drift_checks(found), hostile={"runs": rows, "rt_drift_percent": found})


EXPERIMENTS = {"disk-fairness": fairness, "disk-cost": cost, "disk-isolation": isolation,
               "disk-linux": linux, "disk-power-cut": power_cuts, "disk-hostile": hostile}
