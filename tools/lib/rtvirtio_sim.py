# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/rtvirtio_sim.py - the experiment "rtvirtio-24": the 24 cases of paper 000 in the simulator.

tools/sim/rtvirtio.h has cases, targets and schemes; tools/sim/rtvirtio_runs.h the runs, which lie in
build/models/rtvirtio-*.jsonl and go on where they were stopped. A run passes if the 99.99th percentile of
each task is not above its target. Into build/results/rtvirtio-24.json:

  rule, uncontended_ns   how targets are made, in words, and of what
  cases        [{case, scheme, runs, passes, source: "sim"}]; rows of the rig stay
  average      {scheme: percent of all runs}
  sensitivity  {scale: {scheme: percent}}: targets times `scale`
  predicted    {scheme: {tasks, tasks_missed, runs, runs_missed, ..}}: predicted to be met, at all scales, and
               how many were not
  changes      {scheme: {mode: percent}}: runs in which the load changes half-way; both halves must pass
"""
import collections
import json
import os
import subprocess

import tools.lib.linux_experiment as linux_experiment
import tools.lib.rigs as rigs

NAME = "rtvirtio-24"
TOOL = os.path.join(rigs.TOP, "build/tool/disk_sim")
MODELS = os.path.join(rigs.TOP, "build/models")
COMPARED = ["bfq", "ionice", "rtxen"]
OPTIMIZED = ["analytical", "mlp"]
MORE = ["analytical-paper", "mlp-paper", "rtxen-all", "none", "bfq-not-strict", "ionice-no-idle"]
WITH_TARGETS = ["rtxen"] + OPTIMIZED + MORE[:3]
SCHEMES = COMPARED + OPTIMIZED + MORE
SETS = ["L", "M", "H", "L+M", "M+H", "L+M+H"]
TITLES = {"bfq": "bfq", "ionice": "ionice", "rtxen": "RT-Xen mimic", "analytical": "RT-VirtIO, analytical",
          "mlp": "RT-VirtIO, MLP"}
COLOURS = {"bfq": "#7f8c8d", "ionice": "#c0392b", "rtxen": "#e59866", "analytical": "#5dade2",
           "mlp": "#1a5276", "analytical-paper": "#a9cce3", "mlp-paper": "#7d3c98", "none": "#27ae60", "rtxen-all": "#f5cba7"}
EXAMPLE = (3, "L+M")  # of Fig. 7
GAIN, BELOW, MISSED = 30, 5, 2  # percentage points, points, percent: what is to be shown
RUNS, CHANGE_RUNS = 20, 5
RULE = ("the target of a task is its uncontended tail (99.99th percentile of this task alone on the disk, "
        "scheduler none, 1,000 s) x (3 + g) / 2 x (3 + n) / 4: g, its guest's number from 0, the most critical "
        "first; n, the number of guests. No scheme's result is in it")


# --- runs ----------------------------------------------------------------------------------------


def simulate(part, runs):
    """(header, [run, ..]) of that file, which is made or completed; a run for each scale."""
    path = os.path.join(MODELS, "rtvirtio-%s.jsonl" % part)
    os.makedirs(MODELS, exist_ok=True)
    if subprocess.run([TOOL, "rtvirtio", part, "--out", path, "--runs", str(runs)]).returncode:
        raise SystemExit("%s is not made" % path)
    with open(path) as f:
        header, *lines = [json.loads(line) for line in f]
    return header, [dict(r, **s) for r in lines for s in r.get("scales", [{}])]


def passes(tasks):
    return all(t[3] <= t[2] for t in tasks)


def case_of(run):
    return run["guests"], run["set"]


def case_name(case):
    return "%d x %s" % case


def percent(count, of):
    return round(100.0 * count / of, 2) if of else 0.0


def pass_rates(runs, key):
    """{key(run): (runs, passes)}"""
    found = collections.defaultdict(lambda: [0, 0])
    for r in runs:
        found[key(r)][0] += 1
        found[key(r)][1] += passes(r["tasks"])
    return found


def averages(runs):
    rates = pass_rates(runs, lambda r: r["scheme"])
    return {s: percent(rates[s][1], rates[s][0]) for s in SCHEMES if s in rates}


def at_scale(runs, scale):
    """Runs of schemes that do not look at targets serve all scales: only the targets are others."""
    for r in runs:
        if r["scale"] == scale:
            yield r
        elif r["scale"] == 100 and r["scheme"] not in WITH_TARGETS:
            yield dict(r, tasks=[[t[0], t[1], t[2] * scale // 100] + t[3:] for t in r["tasks"]])


def missed(runs):
    """{scheme: ..}: of what was predicted to be met, at all scales."""
    found = {}
    for scheme in OPTIMIZED + [s + "-paper" for s in OPTIMIZED]:
        mine = [r for r in runs if r["scheme"] == scheme]
        tasks = [t for r in mine for t in r["tasks"] if t[4] <= t[2]]
        met = [r for r in mine if r["met"]]
        late, failed = sum(t[3] > t[2] for t in tasks), sum(not passes(r["tasks"]) for r in met)
        found[scheme] = {
            "tasks": len(tasks), "tasks_missed": late, "tasks_percent": percent(late, len(tasks)),
            "runs": len(met), "runs_missed": failed, "runs_percent": percent(failed, len(met)),
            "above_prediction_percent": percent(sum(t[3] > t[4] for r in mine for t in r["tasks"]),
                                                sum(len(r["tasks"]) for r in mine))}
    return found


def change_rates(runs):
    found = collections.defaultdict(dict)
    for scheme, mode in sorted({(r["scheme"], r["mode"]) for r in runs}):
        mine = [r for r in runs if (r["scheme"], r["mode"]) == (scheme, mode)]
        found[scheme][mode] = percent(sum(passes(r["before"]) and passes(r["tasks"]) for r in mine), len(mine))
        found[scheme]["after_" + mode] = percent(sum(passes(r["tasks"]) for r in mine), len(mine))
    return dict(found)


# --- plots ---------------------------------------------------------------------------------------


def plot_cases(rates):
    """As Fig. 8: pass rates of the five schemes in each case."""
    data = os.path.join(rigs.RESULTS, NAME + ".csv")
    shown = COMPARED + OPTIMIZED
    with open(data, "w") as f:
        f.write("case,%s\n" % ",".join(SCHEMES))
        for n in range(1, 5):
            for s in SETS:
                f.write("%s,%s\n" % (case_name((n, s)), ",".join(
                    "%g" % percent(rates[n, s, scheme][1], rates[n, s, scheme][0]) for scheme in SCHEMES)))
    linux_experiment.gnuplot(NAME, "1300,460", [
        "set datafile separator ','", "set style data histograms", "set style fill solid 0.9",
        "set yrange [0:105]", "set key outside top center horizontal", "set xtics rotate by -45",
        "set ylabel 'runs that pass (%)'", "set boxwidth 0.9",
        "set title 'Paper 000, Fig. 8: guests x tasks (L, M, H: 100, 500, 1500 requests a second)'",
        "plot " + ", ".join("'%s' skip 1 using %d%s lc rgb '%s' title '%s'" % (
            data, SCHEMES.index(s) + 2, ":xtic(1)" if s == shown[0] else "", COLOURS[s], TITLES[s])
            for s in shown)])


def plot_example(runs):
    """As Fig. 7: tails and targets of each task of one case, a panel a scheme."""
    name = NAME + "-example"
    script, shown = [], COMPARED + OPTIMIZED
    mine = {s: [r for r in runs if case_of(r) == EXAMPLE and r["scheme"] == s] for s in shown}
    for i, s in enumerate(shown):
        rows = []
        for k, task in enumerate(mine[s][0]["tasks"]):
            tails = sorted(r["tasks"][k][3] / 1e6 for r in mine[s])
            rows.append("%d %g %g %g %g" % (k, task[2] / 1e6, tails[len(tails) // 2], tails[0], tails[-1]))
        script += ["$d%d << EOD" % i] + rows + ["EOD"]
    tasks = mine["bfq"][0]["tasks"]
    script += ["set multiplot layout 1,%d title 'Paper 000, Fig. 7: %s. Dashed: targets. Dots: median of the "
               "runs, from the least to the most'" % (len(shown), case_name(EXAMPLE)), "set logscale y", "set yrange [30:200000]",
               "set xrange [-0.7:%g]" % (len(tasks) - 0.3), "unset key",
               "set xtics rotate by -60 (%s)" % ", ".join(
                   "'VM%d %d' %d" % (t[0], t[1], k) for k, t in enumerate(tasks))]
    for i, s in enumerate(shown):
        script += ["set title '%s'" % TITLES[s], "set ylabel '%s'" % ("" if i else "p99.99 (ms)"),
                   "plot $d%d using 1:2:(0.8) with boxes fill solid 0.6 noborder lc rgb '#abebc6', "
                   "'' using ($1-0.4):2:(0.8):(0) with vectors nohead lw 2 dt 2 lc rgb '#c0392b', "
                   "'' using 1:3:4:5 with yerrorbars pt 7 lc rgb '#1a5276'" % i]
    linux_experiment.gnuplot(name, "1300,420", script)


def plot_scales(sensitivity):
    name = NAME + "-scale"
    data = os.path.join(rigs.RESULTS, name + ".csv")
    shown = COMPARED + OPTIMIZED + ["analytical-paper", "mlp-paper", "rtxen-all", "none"]
    with open(data, "w") as f:
        f.write("scale,%s\n" % ",".join(shown))
        for scale in sorted(sensitivity, key=float):
            f.write("%s,%s\n" % (scale, ",".join("%g" % sensitivity[scale][s] for s in shown)))
    linux_experiment.gnuplot(name, "760,460", [
        "set datafile separator ','", "set yrange [0:105]", "set key outside right",
        "set xlabel 'all targets, times'", "set ylabel 'runs that pass (%)'",
        "set title 'What depends on the targets: average of the 24 cases'",
        "plot " + ", ".join("'%s' skip 1 using 1:%d with linespoints pt 7 lw 2 lc rgb '%s' title '%s'" % (
            data, i + 2, COLOURS[s], TITLES.get(s, s)) for i, s in enumerate(shown))])


# --- the experiment ------------------------------------------------------------------------------


def keep_rig_rows():
    path = os.path.join(rigs.RESULTS, NAME + ".json")
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [c for c in json.load(f).get("cases", []) if c.get("source") != "sim"]


def checks_of(average, rates, predicted, changes):
    checks = []
    for s in OPTIMIZED:
        for c in COMPARED:
            gain = round(average[s] - average[c], 2)
            checks.append(("%s above %s, points" % (s, c), "%.2f" % gain, ">= %d" % GAIN, gain >= GAIN))
        below = max((percent(rates[n, k, c][1], rates[n, k, c][0]) -
                     percent(rates[n, k, s][1], rates[n, k, s][0]), case_name((n, k)))
                    for n in range(1, 5) for k in SETS for c in COMPARED)
        checks.append(("%s below the best of them at most, points (%s)" % (s, below[1]), "%.2f" % below[0],
                       "<= %d" % BELOW, below[0] <= BELOW))
        for what in ("tasks", "runs"):
            p = predicted[s][what + "_percent"]
            checks.append(("%s: %s predicted to be met and missed, %%" % (s, what), "%.2f" % p,
                           "<= %d" % MISSED, p <= MISSED))
        checks.append(("%s: pass when the load changes, settled again, %%" % s,
                       "%.2f" % changes[s]["again"], ">= %.2f" % changes[s]["once"],
                       changes[s]["again"] >= changes[s]["once"]))
    return checks


def rtvirtio():
    """the 24 cases of paper 000 x 20 runs x all schemes, in the simulator; targets scaled; loads that change"""
    header, runs = simulate("plain", RUNS)
    runs += simulate("models", RUNS)[1]
    changing = simulate("changes", CHANGE_RUNS)[1]
    scales = sorted({r["scale"] for r in runs})
    base = [r for r in runs if r["scale"] == 100]
    rates = pass_rates(base, lambda r: case_of(r) + (r["scheme"],))
    average, predicted = averages(base), missed(runs)
    sensitivity = {"%g" % (s / 100): averages(at_scale(runs, s)) for s in scales}
    changes = change_rates(changing)
    cases = [{"case": case_name(k[:2]), "scheme": k[2], "runs": v[0], "passes": v[1], "source": "sim"}
             for k, v in sorted(rates.items(), key=lambda i: (i[0][0], SETS.index(i[0][1]), SCHEMES.index(i[0][2])))]
    path = rigs.merge_json(
        NAME, rule=RULE, uncontended_ns=dict(zip("LMH", header["uncontended"])), cases=cases + keep_rig_rows(),
        average=average, sensitivity=sensitivity, predicted=predicted, changes=changes,
        change_runs=len(changing) // sum("after" not in m for c in changes.values() for m in c))
    plot_cases(rates)
    plot_example(base)
    plot_scales(sensitivity)
    for s in SCHEMES:
        print("  %-20s %6.2f %%   at scales %s" % (s, average[s], ", ".join(
            "%s: %.1f" % (k, sensitivity[k][s]) for k in sorted(sensitivity, key=float))))
    checks = checks_of(average, rates, predicted, changes)
    rigs.report(checks, "%s, .csv, .svg, -example.svg, -scale.svg" % os.path.relpath(path, rigs.TOP))


EXPERIMENTS = {NAME: rtvirtio}
