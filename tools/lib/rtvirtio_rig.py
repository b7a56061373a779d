# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/rtvirtio_rig.py - guests with tasks at a rate (guests/blk, mode=tasks) in Bochs:

  disk-sim      the same scenarios in the simulator (tools/sim) and in the rig: the same percentiles?
                Into build/results/disk-sim.json
  rtvirtio-rig  some of the 24 cases of paper 000 end to end, under each scheme: rows with source "rig"
                of build/results/rtvirtio-24.json. Targets and settings are the simulator's
                (tools/rtvirtio_case.c); what is to be optimized, the image does for itself

Both count instructions at 1,000 million a second: configs/rtvirtio.h says why.
"""
import json
import os
import subprocess

import tools.lib.block as block
import tools.lib.linux_experiment as linux_experiment
import tools.lib.rigs as rigs

BOCHS = ("bochs", {"cpus": 1, "timeout": 3600, "more": ("--ips", "1000000000")})
STREAMS = 8  # of a guest: tools/sim has one for each queue that it could have


def tool(*words):
    done = subprocess.run([os.path.join(rigs.TOP, "build/tool", words[0])] + [str(w) for w in words[1:]],
                          stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit("%s: exit code %d" % (" ".join(map(str, words)), done.returncode))
    return done.stdout


def started(config):
    return rigs.boot_soon(BOCHS[0], config, **BOCHS[1])


def ended(config):
    b = rigs.boot_once(BOCHS[0], config, **BOCHS[1])
    if not b.ended_well or b.late:
        raise SystemExit(b.tail())
    return b


def tasks_of(b):
    """What the guests "vm0", "vm1", .. said of their tasks, in order."""
    rows = {(int(part[2:]), task): o for (part, task), o in block.tasks(b).items()}
    return [rows[k] for k in sorted(rows)]


def finish(name, checks, **fields):
    path = rigs.merge_json(name, **fields)
    rigs.report(checks, os.path.relpath(path, rigs.TOP))


# --- the simulator and the rig -------------------------------------------------------------------

# config, load as in tools/sim/condition.h, SI and TS in us
SCENARIOS = [("rtvirtio_one", "100:100*100+500*100+1500*100", 8000, 125000),
             ("rtvirtio_two", "100:500*100+1500*100;100:500*100+1500*100", 8000, 125000),
             ("rtvirtio_three", "100:100*100+500*100;200:100*100+500*100;400:100*100+500*100",
              8000, 125000),
             ("rtvirtio_four", "100:1500*100;100:1500*100;100:1500*100;100:1500*100", 1000, 32000)]
SECONDS, SEED = 20, 1
# configs/ssd.h; and when the device that has RTVIRTIO_DEVICE_SEED stalls first.
STALL_EVERY_NS, STALL_NS, FIRST_STALL_NS = 1997000000, 60000000, 1562746380
STEADY_NS = 100000  # configs/rtvirtio_steady.c
LEADS, LEAD_STEP_NS = 8, 250000  # so many to each side; boot takes a bit longer with more guests
TOLD = ("p50_ns", "p99_ns", "p99_99_ns", "max_ns", "p98_9_ns", "p99_1_ns")
WANTED = TOLD[:3]
DIFFERENCE = 0.05


def overhead_ns():
    """
    What the software takes for a request, in the rig, where nobody waits for anybody: the difference of
    what the guest measured and what the disk takes.
    """
    return tasks_of(ended("rtvirtio_steady"))[0]["p50_ns"] - STEADY_NS


def lead_ns():
    """
    How long the disk had been there when the tasks began, but for whole periods of its stalls. Where nobody
    waits for a guest, the first request that took as long as a stall came back when the first was over.
    """
    over_ns = min(r["over_at_ns"] for r in tasks_of(ended("rtvirtio_one")) if r["over"])
    return (FIRST_STALL_NS + STALL_NS - over_ns) % STALL_EVERY_NS


def simulated(scenario, each_way_ns, lead):
    _, load, slice_idle_us, timeout_us = scenario
    text = tool("disk_sim", "run", load, "--slice-idle-us", slice_idle_us, "--timeout-us", timeout_us,
                "--seconds", SECONDS, "--seed", SEED, "--send-ns", each_way_ns, "--return-ns", each_way_ns,
                "--lead-ns", lead)
    rows = [line.split() for line in text.split("\n")[1:] if line]
    return [dict({"guest": int(r[0]), "task": int(r[1]), "requests": int(r[3])},
                 **{k: round(float(v) * 1000) for k, v in zip(TOLD, r[4:])}) for r in rows]


def by_rank(rows, load):
    """
    Guests of the same tasks and weight are the same: which of them is the last of its round when the disk
    stalls, and waits longest, is decided by the last microsecond. So of what each percentile is, the
    least is the first one's, and so on.
    """
    kinds = load.split(";")
    for kind in set(kinds):
        alike = [g for g, text in enumerate(kinds) if text == kind]
        for task in {r["task"] for r in rows}:
            mine = [r for g in alike for r in rows if (r["guest"], r["task"]) == (g, task)]
            for k in [k for k in TOLD if mine and k in mine[0]]:
                for r, value in zip(mine, sorted(r[k] for r in mine)):
                    r[k] = value
    return rows


def compare(scenario, each_way_ns, lead):
    """
    Rows, one for each task. In the simulator, stalls are some ms earlier or later, too: by how much a
    percentile depends on that tells how well it is determined.
    """
    many = [by_rank(simulated(scenario, each_way_ns, lead + n * LEAD_STEP_NS), scenario[1])
            for n in range(-LEADS, LEADS + 1)]
    rig = [dict(r, guest=int(r["part"][2:])) for r in tasks_of(ended(scenario[0]))]
    rows = []
    for i, r in enumerate(by_rank(rig, scenario[1])):
        row = dict({k: many[LEADS][i][k] for k in ("guest", "task")}, scenario=scenario[0], iops=r["iops"],
                   requests=[many[LEADS][i]["requests"], r["requests"]])
        for k in WANTED:
            values = sorted(m[i][k] for m in many)
            near = [m[i][n] for m in many for n in ((k,) if k != "p99_ns" else ("p98_9_ns", "p99_1_ns"))]
            row[k] = [values[LEADS], r[k]]
            row[k.replace("_ns", "_range_ns")] = [min(near), max(near)]
            row[k.replace("_ns", "_difference")] = round(r[k] / values[LEADS] - 1, 4)
        rows.append(row)
    return rows


def plot_comparison(rows):
    data = os.path.join(rigs.RESULTS, "disk-sim.csv")
    with open(data, "w") as f:
        f.write("scenario,guest,task,iops,percentile,sim_us,rig_us\n")
        for k in WANTED:
            for r in rows:
                f.write("%s,%d,%d,%d,%s,%g,%g\n" % (r["scenario"], r["guest"], r["task"], r["iops"],
                                                    k[:-3], r[k][0] / 1e3, r[k][1] / 1e3))
            f.write("\n\n")
    linux_experiment.gnuplot("disk-sim", "760,560", [
        "set datafile separator ','", "set logscale xy", "set key top left", "set size ratio -1",
        "set xlabel 'simulator (us)'", "set ylabel 'Bochs (us)'",
        "set title 'Latencies of all tasks of %d scenarios; lines: 5 %% apart'" % len(SCENARIOS),
        "plot x lc rgb '#888888' notitle, x*1.05 dt 2 lc rgb '#888888' notitle, "
        "x*0.95 dt 2 lc rgb '#888888' notitle, " + ", ".join(
            "'%s' index %d using 6:7 skip %d pt %d title '%s'" % (data, i, i == 0, 5 + 2 * i, k[:-3])
            for i, k in enumerate(WANTED))])


def comparison_check(r, k):
    """Within 5 %, or not told better by the simulator itself: the value lies in its own range."""
    d, (least, most) = r[k.replace("_ns", "_difference")], r[k.replace("_ns", "_range_ns")]
    is_loose = abs(d) > DIFFERENCE and most > least * (1 + DIFFERENCE) and least <= r[k][1] <= most
    return ("%s, guest %d, %d IOPS: %s %.1f us, rig %.1f us" % (
        r["scenario"], r["guest"], r["iops"], k[:-3], r[k][0] / 1e3, r[k][1] / 1e3),
        "%+.2f %%" % (100 * d), "<= 5 %" if not is_loose else "in range",
        abs(d) <= DIFFERENCE or is_loose)


def simulator():
    """tasks on a disk in the simulator and in the rig: p50, p99 and p99.99 within 5 % of each other"""
    make("build/tool/disk_sim")
    for config in ["rtvirtio_steady"] + [s[0] for s in SCENARIOS]:
        started(config)
    each_way_ns = overhead_ns() // 2
    lead = lead_ns()
    rows = [row for s in SCENARIOS for row in compare(s, each_way_ns, lead)]
    plot_comparison(rows)
    finish("disk-sim", [comparison_check(r, k) for r in rows for k in WANTED], rows=rows,
           each_way_ns=each_way_ns, lead_ns=lead, seconds=SECONDS, seed=SEED)


# --- the benchmark, end to end -------------------------------------------------------------------

# Guests and their tasks: some of each number, most of them where the paper's schemes differ.
CASES = [(1, "L+M+H"), (2, "L+M"), (2, "M+H"), (3, "M"), (3, "L+M"), (4, "L+M")]
SCHEMES = ["bfq", "ionice", "rtxen", "analytical", "mlp"]
TUNINGS = {"analytical": "DISK_TUNE_ANALYTIC", "mlp": "DISK_TUNE_MLP"}
RUNS, RUN_SECONDS = 1, 10
COUNTED = ("qemu-iso", {"cpus": 1, "icount": 0, "timeout": 3600})
GENERATED = os.path.join(rigs.TOP, "build/rtvirtio")


def guest_text(g, guest, case, scheme):
    """What the image optimizes for itself is not told: only tasks and targets are."""
    tasks = guest["tasks"]
    if scheme in TUNINGS:
        share = ".TASKS(%s)" % ", ".join(
            "{ .iops = %d, .target_ns = %d }" % (t["iops"], t["target_ns"]) for t in tasks)
    else:
        share = ".queue_count = %d, .weight = %d, .priority = %d" % (
            len(tasks), guest["weight"], guest["priority"])
    if guest["budget_bytes"]:
        share += ", .budget_bytes = %d, .budget_period_ns = %d" % (
            guest["budget_bytes"], guest["budget_period_ns"])
    return 'RTVIRTIO_GUEST("vm%d", %d, RTVIRTIO_TASKS("%s", "%d", "%d", "%d"), %s),\n' % (
        g, g, ",".join(str(t["iops"]) for t in tasks), case["seed"], g * STREAMS, RUN_SECONDS, share)


def config_text(name, case, scheme):
    disk = [".scheduler = %s" % case["scheduler"]]
    if scheme in TUNINGS:
        disk.append(".tuning = %s" % TUNINGS[scheme])
    else:
        disk += [".slice_idle_ns = %d" % case["slice_idle_ns"],
                 ".timeout_sync_ns = %d" % case["timeout_ns"]]
    return ('#include "configs/rtvirtio.h"\nstatic const struct partition_config partitions[] = {\n%s};\n'
            'RTVIRTIO_SYSTEM("%s", %d, SSD_TIMES(.seed = %d), %s);\n' % (
                "".join(guest_text(g, guest, case, scheme) for g, guest in enumerate(case["guests"])),
                name, RUN_SECONDS, case["seed"] % (1 << 63), ", ".join(disk)))


def planned():
    """Every run: (guests, tasks, scheme, run), its configuration's name, and what it is."""
    for guests, tasks in CASES:
        for scheme in SCHEMES:
            for run in range(RUNS):
                name = "rv-%d-%s-%s-%d" % (guests, tasks.lower().replace("+", ""), scheme, run)
                yield (guests, tasks, scheme, run), name, json.loads(
                    tool("rtvirtio_case", guests, tasks, scheme, run))


def make(*words):
    subprocess.run(["make", "-s", "--no-print-directory"] + list(words), cwd=rigs.TOP, check=True)


def images(runs):
    os.makedirs(GENERATED, exist_ok=True)
    paths = []
    for (_, _, scheme, _), name, case in runs:
        paths.append(os.path.join("build/rtvirtio", name + ".c"))
        text = config_text(name, case, scheme)
        path = os.path.join(rigs.TOP, paths[-1])
        if not os.path.exists(path) or open(path).read() != text:
            with open(path, "w") as f:
                f.write(text)
    make("CONFIG=" + " ".join(paths), *["build/config/%s/bulkhead.iso" % name for _, name, _ in runs])


def differences(b, case):
    """Where the image's own choice is not the simulator's: a list, which is to be empty."""
    disk = block.one(b, "tuned_disk", "slice_idle_us", "timeout_us")
    found = [] if (disk["slice_idle_us"] * 1000, disk["timeout_us"] * 1000) == (
        case["slice_idle_ns"], case["timeout_ns"]) else [disk]
    for g, guest in enumerate(case["guests"]):
        o = block.one(b, "tuned_disk", share_of="vm%d" % g)
        if (o["weight"], o["queue_weights"]) != (guest["weight"], [t["weight"] for t in guest["tasks"]]):
            found.append(o)
    return found


def judged(what, name, case):
    """A row for each run: passed, if no task's tail is above its target."""
    guests, tasks, scheme, run = what
    b = rigs.boot_once(COUNTED[0], name, **COUNTED[1])
    if not b.ended_well:
        raise SystemExit(b.tail())
    wanted = [(g, t, task) for g, guest in enumerate(case["guests"])
              for t, task in enumerate(guest["tasks"])]
    rows = [dict({"guest": g, "iops": task["iops"], "target_ns": task["target_ns"]},
                 **{k: o[k] for k in ("requests", "missed") + WANTED})
            for (g, t, task), o in zip(wanted, tasks_of(b))]
    if len(rows) != len(wanted):
        raise SystemExit(b.tail())
    return {"case": "%d x %s" % (guests, tasks), "scheme": scheme, "run": run, "tasks": rows,
            "passed": all(r["p99_99_ns"] <= r["target_ns"] for r in rows),
            "differs": differences(b, case) if scheme in TUNINGS else []}


def summed(rows):
    """As build/results/rtvirtio-24.json has them."""
    cases = {}
    for r in rows:
        c = cases.setdefault((r["case"], r["scheme"]), {
            "case": r["case"], "scheme": r["scheme"], "runs": 0, "passes": 0, "source": "rig"})
        c["runs"] += 1
        c["passes"] += r["passed"]
    return list(cases.values())


def keep_simulated(cases):
    path = os.path.join(rigs.RESULTS, "rtvirtio-24.json")
    if not os.path.exists(path):
        return cases
    with open(path) as f:
        return [c for c in json.load(f).get("cases", []) if c["source"] != "rig"] + cases


def plot_end_to_end(rows):
    """Of each run the task that is worst off: tail / target."""
    data = os.path.join(rigs.RESULTS, "rtvirtio-rig.csv")
    names = ["%d x %s" % c for c in CASES]
    with open(data, "w") as f:
        f.write("case,%s\n" % ",".join(SCHEMES))
        for name in names:
            worst = [max(t["p99_99_ns"] / t["target_ns"] for r in rows for t in r["tasks"]
                         if (r["case"], r["scheme"]) == (name, s)) for s in SCHEMES]
            f.write("%s,%s\n" % (name, ",".join("%.4f" % w for w in worst)))
    linux_experiment.gnuplot("rtvirtio-rig", "860,460", [
        "set datafile separator ','", "set key outside right", "set logscale y", "set yrange [0.2:*]",
        "set xrange [-0.5:%g]" % (len(names) - 0.5), "set ylabel 'p99.99 / target'", "set xtics rotate by -35",
        "set title 'Paper 000 in the rig: the worst of all tasks; below 1: passed'",
        "plot 1 lc rgb '#888888' dt 2 notitle, " + ", ".join(
            "'%s' skip 1 using ($0+%g):%d%s pt %d ps 1.4 title '%s'" % (
                data, 0.12 * (i - 2), i + 2, ":xtic(1)" if i == 2 else "", 5 + i, scheme)
            for i, scheme in enumerate(SCHEMES))])


def end_to_end():
    """some of the 24 cases of paper 000 in the rig, guests and all, under each scheme"""
    make("build/tool/rtvirtio_case", "build/tool/disk_sim")
    runs = list(planned())
    images(runs)
    for _, name, _ in runs:
        rigs.boot_soon(COUNTED[0], name, **COUNTED[1])
    rows = []
    for what, name, case in runs:
        r = judged(what, name, case)
        rows.append(r)
        print("  %-8s %-11s run %d: %s   %s" % (
            r["case"], r["scheme"], r["run"], "passed" if r["passed"] else "failed", "  ".join(
                "%d: %.1f/%.1f" % (t["iops"], t["p99_99_ns"] / 1e6, t["target_ns"] / 1e6)
                for t in r["tasks"])), flush=True)
    cases = summed(rows)
    plot_end_to_end(rows)
    rigs.write_json("rtvirtio-rig", {"seconds": RUN_SECONDS, "rig": COUNTED[0], "runs": rows})
    checks = [("%s, %s: choices that are not the simulator's" % (r["case"], r["scheme"]),
               len(r["differs"]), "0", not r["differs"]) for r in rows if r["scheme"] in TUNINGS]
    finish("rtvirtio-24", checks, cases=keep_simulated(cases))


EXPERIMENTS = {"disk-sim": simulator, "rtvirtio-rig": end_to_end}
