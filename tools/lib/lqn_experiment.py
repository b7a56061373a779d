# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/lqn_experiment.py - experiment "lqn": layered queueing networks against the rig, and paper 004's figures.

build/results/lqn.json: {"cells": [{config, partition, predicted, mean_values, measured, error, mean_values_error,
utilization: {station: [busy, of]}, saturation, most, source}], "costs": {..}, "figures": {..}, "summary": {..}}

predicted: by discrete events, as the paper's (parasrvn); mean_values: by analysis. Costs come from runs at low load,
tools/lib/lqn_cells.py; none of the cells that are predicted is among them.
"""
import tools.lib.block as block
import tools.lib.linux_experiment as linux_experiment
import tools.lib.lqn_cells as cells
import tools.lib.lqn_figures as figures
import tools.lib.queueing as queueing
import tools.lib.rate_cases as cases
import tools.lib.rate_experiment as rate
import tools.lib.rigs as rigs
from tools.lib.rigs import one

SECONDS = 20.0       # of the simulation
BAR, LEAST_GOOD = 0.10, 6


# --- costs -------------------------------------------------------------------------------------

def charged(b, part):
    o = one(b, "guest_tsc", partition=part)
    return o["guest_tsc"] + o["hypervisor_tsc"]


def grown(few, many, count, get):
    return (get(many) - get(few)) / count


def disk_costs():
    """
    Ticks that guest and service are charged with for a request: alone, and of eight at a time. What is charged and does
    not make the one request's cycle longer is what it takes to fall asleep: while the disk works already.
    """
    per, cycle = {}, None
    for depth, few, many in cells.DISK_COSTS:
        a, b = (cases.ended(cells.disk_cost(depth, n)) for n in (few, many))
        for part in ("load", "service"):
            per[depth, part] = grown(a, b, many - few, lambda x: charged(x, part))
        if depth == 1:
            cycle = grown(a, b, many - few, lambda x: block.said(x, "load", part="load")["ns"]) * cells.HZ / 1e9
    found = {}
    for part, kind in (("load", "disk guest"), ("service", "disk service")):
        one_by_one, batch = per[1, part], per[cells.BATCH, part]
        each = (cells.BATCH * batch - one_by_one) / (cells.BATCH - 1)
        found[kind] = {"each": each, "wake": one_by_one - each}
    hidden = per[1, "load"] + per[1, "service"] - (cycle - cells.SLOW_US * cells.HZ / 1e6)
    wakes = sum(c["wake"] for c in found.values())
    for c in found.values():  # in proportion
        c["sleep"] = max(0.0, hidden) * c["wake"] / wakes
        c["wake"] -= c["sleep"]
    return found


def nic_ticks(b):
    o = one(b, "busy_tsc", "polls")
    return o["busy_tsc"], o["frames"]


def sink_costs():
    """Ticks of a frame that finds the guest asleep, and of one of many."""
    b1, b2 = (cases.ended(cells.sink_cost(k)) for k in ("one", "burst"))
    w1, w2 = (cases.window(b, "vm1") for b in (b1, b2))
    alone, burst = (w["busy_tsc"] / w["received"] for w in (w1, w2))
    each = (cells.BURST * burst - alone) / (cells.BURST - 1)
    ticks, frames = nic_ticks(b1)
    return {"sink work_insns=%d" % rate.IRMOS_WORK: {"each": each, "wake": alone - each},
            "nic": {"each": ticks / frames}}


def serve_costs(kind, work_ns, wake, nic_each=None):
    """Of a request of ten frames to a server that sleeps; the controller's for a frame; what is left of the answer's time."""
    few, many = (cases.ended(cells.serve_cost(kind, n)) for n in (cells.FEW, cells.MANY))
    count = cells.MANY - cells.FEW
    alone = grown(few, many, count, lambda b: one(b, net="serve", part="vm1")["busy_tsc"])
    frames = grown(few, many, 1, lambda b: nic_ticks(b)[1])
    nic = grown(few, many, 1, lambda b: nic_ticks(b)[0]) / frames
    time = one(many, net="completion", part="client1")["p50"] * cells.HZ / 1e7
    on_wire = (queueing.REQUEST_BYTES + 10 * 1514 + 11 * queueing.WIRE_BYTES) * cells.HZ
    link = rigs.plan_of(many.config)["pfs"][0]["link_bytes_per_s"]
    return {queueing.serve_kind({"work_ns": str(work_ns)}, 10): {
                "each": alone - wake, "wake": wake,
                "turnaround": max(0.0, time - alone - 11 * nic - on_wire / link)},
            "nic": {"each": nic}}


# --- cells -------------------------------------------------------------------------------------

def disk_measured(b, part):
    o = block.said(b, "load", part=part)
    return o["requests"] * 1e9 / o["ns"]


def sink_measured(b, part):
    w = cases.window(b, part)
    return w["received"] * 1e6 / w["us"]


def serve_measured(b, part):
    """Whole slices of 100 ms, or of qos-nic's 10."""
    done = cases.series(b, part.replace("vm", "client"), "done", "count")
    words = queueing.words_of([p for p in rigs.plan_of(b.config)["partitions"]
                               if p["name"] == part.replace("vm", "client")][0])
    return sum(done) * 1000 / (len(done) * int(words["slice_ms"]))


def row_of(case, part, mean, events, measured, source):
    flow, analytic = (next(f for f in how["flows"] if f["entry"] == part) for how in (events, mean))
    busy = {p["name"]: [p["busy"], p["of"]] for p in events["processors"] if p["name"] != "wait"}
    return {"config": case.name, "partition": part, "predicted": flow["throughput"],
            "mean_values": analytic["throughput"], "measured": measured,
            "error": round(flow["throughput"] / measured - 1, 4),
            "mean_values_error": round(analytic["throughput"] / measured - 1, 4),
            "utilization": busy, "full": [n for n, (b, of) in busy.items() if b > 0.98 * of],
            "saturation": analytic.get("full_first"), "most": analytic.get("most"), "source": source}


def predict(case, costs):
    """Without its run: the text, and what is made of it."""
    text, left_out = queueing.describe(rigs.plan_of(case.name), costs, cells.HZ)
    if left_out:
        raise SystemExit("%s: %s" % (case.name, left_out))
    with open(rigs.config_dir(case.name) + "/model.lqn", "w") as f:
        f.write(text)
    return queueing.solve(text, SECONDS)


def run_cell(case, costs, parts, measure, source):
    mean, events = predict(case, costs)
    b = cases.ended(case)
    rows = [row_of(case, part, mean, events, measure(b, part), source) for part in parts]
    for r in rows:
        print("  %-24s %-8s %9.1f predicted, %9.1f by mean values, %9.1f measured: %+.1f %%, %+.1f %%; full: %s" % (
            r["config"], r["partition"], r["predicted"], r["mean_values"], r["measured"], 100 * r["error"],
            100 * r["mean_values_error"], ", ".join(r["full"]) or "-"), flush=True)
    return rows


def all_cells(costs):
    cases.start(list(cells.disk_cells()) + list(cells.sink_cells()) + list(cells.serve_cells())
                + [c for _, c in cells.qos_cells()])
    rows = []
    for case in cells.disk_cells():
        names = [p for p in ("load", "one", "two", "three", "four") if '"%s"' % p in case.text]
        rows += run_cell(case, costs["disk"], names, disk_measured, "bochs, 1 CPU")
    for case in cells.sink_cells():
        names = ["vm1"] + (["vm2"] if '"vm2"' in case.text else [])
        rows += run_cell(case, costs["sink"], names, sink_measured, "bochs, 3 CPUs")
    for case in cells.serve_cells():
        pair = case.name.endswith("pair")
        rows += run_cell(case, costs["pair" if pair else "one"], ["vm1", "vm2"] if pair else ["vm1"],
                         serve_measured, "bochs, %d CPUs" % case.cores)
    for _, case in cells.qos_cells():
        rows += run_cell(case, costs["qos"], ["vm1", "vm2"], serve_measured, "bochs, 4 CPUs")
    return rows


def measure_costs():
    cases.start(list(cells.cost_cases()))
    costs = {"disk": disk_costs(), "sink": sink_costs()}
    wake = costs["sink"]["sink work_insns=%d" % rate.IRMOS_WORK]["wake"]
    for kind, work_ns in (("one", cells.WORK_NS), ("pair", cells.WORK_NS), ("qos", 0)):
        costs[kind] = serve_costs(kind, work_ns, wake)
    return costs


def checks_of(rows):
    configs = {}
    for r in rows:
        configs.setdefault(r["config"], []).append(r)
    good = sorted(c for c, some in configs.items() if all(abs(r["error"]) <= BAR for r in some))
    analytic = sorted(c for c, some in configs.items() if all(abs(r["mean_values_error"]) <= BAR for r in some))
    kinds = {"disk": "lqn_disk", "network": ("irmos", "lqn_serve", "qosnic")}
    found = [("configurations within 10 %", len(good), ">= %d" % LEAST_GOOD, len(good) >= LEAST_GOOD),
             (".. of %d, by mean values" % len(configs), len(analytic), ">= %d" % LEAST_GOOD,
              len(analytic) >= LEAST_GOOD)]
    found += [(".. of a kind: " + kind, sum(c.startswith(prefix) for c in good), ">= 2",
               sum(c.startswith(prefix) for c in good) >= 2) for kind, prefix in kinds.items()]
    return found, good, analytic


def plot(rows):
    data = rate.write_csv("lqn", ["cell", "measured", "predicted", "mean_values"], [
        ("%s %s" % (r["config"].replace("lqn_", ""), r["partition"]), r["measured"], r["predicted"], r["mean_values"])
        for r in rows])
    linux_experiment.gnuplot("lqn", "1100,560", [
        "set datafile separator ','", "set style data histograms", "set style fill solid 0.8",
        "set logscale y", "set yrange [20:*]", "set xtics rotate by -40 font ',9'", "set key top right",
        "set ylabel 'requests or frames a second'", "set bmargin 9",
        "set title 'Predicted by layered queueing networks, and measured'",
        "plot '%s' skip 1 using 2:xtic(1) title 'measured', '' skip 1 using 3 title 'predicted, by events', "
        "'' skip 1 using 4 title 'predicted, by mean values'" % data])


def lqn():
    """layered queueing networks against the rig, and paper 004's figures 8 to 10"""
    costs = measure_costs()
    rows = all_cells(costs)
    found, good, analytic = checks_of(rows)
    pair = [r["measured"] for r in rows if r["config"] == "lqn_serve_pair"]
    drawn, more = figures.draw(costs, sum(pair) / len(pair))
    plot(rows)
    path = rigs.merge_json("lqn", cells=rows, costs=costs, figures=drawn)
    checks = found + more
    rigs.merge_json("lqn", summary={
        "within_10_percent": good, "within_10_percent_by_mean_values": analytic,
        "bars": [{"what": w, "value": v, "bar": b, "holds": h} for w, v, b, h in checks]})
    rigs.report(checks, path[len(rigs.TOP) + 1:])


EXPERIMENTS = {"lqn": lqn}
