# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/bounds.py - what a plan promises against what a run did: every bound of `plan --json`, "bounds".

rigs.boot() hands each run to judge(), which writes build/results/bounds/CONFIG.RUN.json and raises Exceeded
where a promise was broken: an experiment ends then. collect() puts all of them together: build/results/bounds.json, a list of
  {name, kind, bound, worst, unit, runs, ratio, configs}
one for each promise of each configuration; of a task's response, one for each analysis (tasks, reservation,
supply), which is what the number depends on. worst null, runs 0: no run could have shown it. ratio: bound
by worst. A "prediction" is an estimate: it is compared, and is no promise.

Times are of virtual time; where a rig has none (QEMU with several CPUs, KVM), they are not looked at.
"""
import json
import os
import re

FOLDER = "bounds"
TRACE_EXIT = 9  # core/trace.h
HARD = {"response", "budget", "late", "switch", "exit", "utilization", "request", "rate", "console"}


class Exceeded(AssertionError):
    """A run broke a promise of its plan."""


# --- what one run shows ---------------------------------------------------------------------------

class Run:
    def __init__(self, boot, plan):
        self.boot, self.plan = boot, plan
        self.hz = next((o["tsc_hz"] for o in boot.having("tsc_hz")), 0)
        self.args = {p["name"]: dict(word.partition("=")[::2] for word in p["args"].split())
                     for p in plan["partitions"]}
        self.vcpus = {(o["partition"], o.get("vcpu", 0)): o for o in boot.having("partition", "claim")}
        self.cores = {o["core"]: o for o in boot.having("core", "switch_max_tsc")}

    def ns(self, tsc):
        return tsc * 1000000000 // self.hz

    def elapsed_ns(self):
        return max([self.ns(o["elapsed_tsc"]) for o in self.cores.values()], default=0)


def is_slowed(run):
    """
    In Bochs beside a core that copies frames by string instructions all others are slow, by its clock: how long an
    exit or a switch takes there says nothing (docs/bounds.md).
    """
    return run.boot.rig.startswith("bochs") and any(f["driver"] == "memory" for f in run.plan["pfs"])


def budget(run, b):
    """Only of a server that has used one up: nobody knows what others have left over."""
    o = run.vcpus.get((b["partition"], b["vcpu"]))
    return b["budget_ns"] + run.ns(o["overrun_max_tsc"]) if o and o["overrun_max_tsc"] and not is_slowed(run) else None


def late(run, b):
    o = run.vcpus.get((b["partition"], b["vcpu"]))
    return o["late"] if o else None


def switch(run, b):
    o = run.cores.get(b["core"])
    return run.ns(o["switch_max_tsc"]) if o and o["switch_max_tsc"] and not is_slowed(run) else None


def exit_ticks(boot, **core):
    """Of each exit that the trace still has: until the guest could go on. trace=N: of one core."""
    return [r[3] >> 8 for o in boot.having("trace", "records", **core) for r in o["records"] if r[1] == TRACE_EXIT]


def longest_exit(run, b):
    ticks = exit_ticks(run.boot, trace=b["core"])
    return run.ns(max(ticks)) if ticks and not is_slowed(run) else None


def utilization(run, b):
    """Servers begin with a period: a time T touches at most T / P + 1 of them. With the longest P for all."""
    o = run.cores.get(b["core"])
    if not o or not o["elapsed_tsc"]:
        return None
    used = o["scheduler_tsc"] + sum(v["guest_tsc"] + v["hypervisor_tsc"] for v in run.vcpus.values()
                                    if v["core"] == b["core"] and v["claim"].endswith(" us"))
    return used * 1000000 // (o["elapsed_tsc"] + b["longest_ns"] * run.hz // 1000000000)


def response(run, b):
    if run.args.get(b["partition"], {}).get("clock") == "rounds":
        return None  # measured in another unit
    rows = run.boot.having("max_us", "period_us", part=b["partition"], task=b["task"])
    return max([round(o["max_us"] * 1000) for o in rows], default=None)


def keeps_to_its_share(run, b, worst):
    """Asks at a rate, and never had more under way than the promise is for."""
    args = run.args.get(b["partition"], {})
    if args.get("mode") == "tasks":
        return len(args.get("tasks", "").split(",")) <= b["outstanding"]
    rate = int(args.get("rate", 0))
    return args.get("mode") == "load" and rate > 0 and (
        int(args.get("depth", 1)) <= b["outstanding"] or worst * rate <= b["outstanding"] * 1000000000)


def request(run, b):
    rows = run.boot.having("max_ns", disk=b["disk"], partition=b["partition"], when="end")
    worst = max([o["max_ns"] for o in rows], default=0)
    return worst if worst and keeps_to_its_share(run, b, worst) else None


def prediction(run, b):
    rows = run.boot.having("p99_99_ns", blk="times", part=b["partition"], task=b["task"])
    return max([o["p99_99_ns"] for o in rows], default=None)


def rate(run, b):
    """Between two looks, a second or more apart, or in all of the run; less one burst, if there is one."""
    key = "delivered" if b["what"] == "interrupts" else b["what"]
    looks = [(o["t_ns"], o[key]) for o in run.boot.having("t_ns", key, vf=b["vf"], partition=b["partition"])]
    ends = run.boot.having(key, vf_of=b["partition"])
    seen = [max(0, n2 - n1 - b.get("burst", 0)) * 10**9 / (t2 - t1) for i, (t1, n1) in enumerate(looks) for t2, n2 in looks[i + 1:]
            if t2 - t1 >= 10**9]
    seen += [max(0, o[key] - b.get("burst", 0)) * 10**9 / run.elapsed_ns() for o in ends if run.elapsed_ns() >= 10**9]
    return int(max(seen)) if seen else None


def console(run, b):
    told = sum(len(line) + 1 for line in run.boot.lines if re.match(r'\[part |@\{"part":', line))
    return told * 10**9 // run.elapsed_ns() if run.elapsed_ns() >= 10**9 else None


WITNESS = {"budget": budget, "late": late, "switch": switch, "exit": longest_exit, "utilization": utilization, "response": response,
           "request": request, "prediction": prediction, "rate": rate, "console": console}


# --- one run --------------------------------------------------------------------------------------

def rows_of(boot, plan):
    """[{name, kind, bound, worst, unit}]; nothing of a run that did not come to its end."""
    run = Run(boot, plan)
    if not run.hz or not run.cores:
        return []
    rows = []
    for b in plan.get("bounds", []):
        worst = WITNESS[b["kind"]](run, b)
        rows.append({k: b[k] for k in ("name", "kind", "bound", "unit", "analysis", "index", "target_ns") if k in b})
        rows[-1]["worst"] = worst
    return rows


def is_exceeded(row):
    return row["kind"] in HARD and row["worst"] is not None and row["worst"] > row["bound"]


def sentence(config, rig, row):
    return "bound exceeded: %s in %s: %s: %s %s seen, the plan promises at most %s" % (
        config, rig, row["name"], row["worst"], row["unit"], row["bound"])


def judge(boot, plan, results, run):
    """Of a run with virtual time. `run`: a name for it, among those of its configuration."""
    rows = rows_of(boot, plan) if plan.get("accepted") else []
    if rows:
        folder = os.path.join(results, FOLDER)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "%s.%s.json" % (boot.config, run)), "w") as f:
            json.dump({"config": boot.config, "rig": boot.rig, "rows": rows}, f, indent=1)
    broken = [sentence(boot.config, boot.rig, r) for r in rows if is_exceeded(r)]
    if broken:
        raise Exceeded("\n".join(broken))
    return rows


# --- all of them ----------------------------------------------------------------------------------

def in_ms(analysis):
    return re.sub(r"\d+", lambda m: "%g" % (int(m.group()) / 1e6), analysis)


def name_of(config, row):
    if "analysis" in row:
        return "task %d of %s" % (row["index"], in_ms(row["analysis"]))
    return "%s: %s" % (config, row["name"])


def merge(runs):
    """[{config, rig, rows}] -> the rows of bounds.json."""
    merged = {}
    for run in runs:
        for row in run["rows"]:
            name = name_of(run["config"], row)
            m = merged.setdefault((name, row["bound"]), {
                "name": name, "kind": row["kind"], "bound": row["bound"], "worst": None,
                "unit": row["unit"], "runs": 0, "ratio": None, "configs": []})
            if run["config"] not in m["configs"]:
                m["configs"].append(run["config"])
            if row["worst"] is None:
                continue
            m["runs"] += 1
            m["worst"] = row["worst"] if m["worst"] is None else max(m["worst"], row["worst"])
            m["ratio"] = round(m["bound"] / m["worst"], 4) if m["worst"] else None
    return [merged[key] for key in sorted(merged, key=lambda k: (merged[k]["kind"], k))]


def collect(results):
    """What all experiments have left, into bounds.json. Returns its rows."""
    folder, runs = os.path.join(results, FOLDER), []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name)) as f:
            runs.append(json.load(f))
    rows = merge(runs)
    with open(os.path.join(results, "bounds.json"), "w") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    return rows


def table(rows):
    """Lines for people: of each kind, how many, and which came nearest."""
    lines = ["%-12s %6s %6s %8s %8s  %s" % ("bounds", "listed", "seen", "exceeded", "nearest", "by")]
    for kind in sorted({r["kind"] for r in rows}):
        some = [r for r in rows if r["kind"] == kind]
        seen = [r for r in some if r["runs"]]
        near = max((r for r in seen if r["bound"]), key=lambda r: r["worst"] / r["bound"], default=None)
        lines.append("%-12s %6d %6d %8d %8s  %s" % (
            kind, len(some), len(seen), sum(r["worst"] > r["bound"] for r in seen),
            "%.3f" % (near["worst"] / near["bound"]) if near else "-",
            near["name"] if near else ""))
    return lines
