#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
tools/fit/report.py - what the models are worth.   report.py FOLDER

FOLDER (build/models) has what tools/fit/models made. errors.csv is what build/tool/fit_errors prints:
predictions of the image's own code, with the table that is in io/. Writes build/results/models.json
and plots: models-errors (Fig. 6 of paper 000), models-size (Fig. 3), models-conditions (Fig. 5); these
two if sizes.json and figure.csv are there. An error is measured - estimated: above 0 is an
underestimate, as in the paper.
"""
import csv
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy

from fit_data import PERCENTS, RESULTS, SETS, nearest_rank, read_json, read_rows, write_json

COLUMNS = ("set", "condition", "guest", "task", "tail_ns", "analytic_ns", "analytic_margin_ns",
           "mlp_ns", "mlp_margin_ns", "analytic_float", "is_within")
MODELS = (("analytic", "#1a5276"), ("mlp", "#1e8449"))
# Fig. 6 of the paper: bins of ms.
BIN_MS, BIN_FROM_MS, BIN_TO_MS = 50, -2000, 2000


def read_errors(path):
    with open(path) as f:
        if tuple(f.readline().strip().split(",")) != COLUMNS:
            raise SystemExit("%s: not what build/tool/fit_errors prints" % path)
        table = numpy.loadtxt(f, delimiter=",", dtype=numpy.float64, ndmin=2)
    return {name: table[:, i] for i, name in enumerate(COLUMNS)}


def percentiles(values, digits):
    ordered = numpy.sort(values)
    return {"p%d" % p: round(float(nearest_rank(ordered, p)), digits) for p in PERCENTS}


def row_of(tail, estimate, prediction):
    """Of one model and one set."""
    log2 = numpy.log2(tail / estimate)
    return {"tasks": len(tail),
            "error_ms": percentiles((tail - estimate) / 1e6, 3),
            "measured_by_estimate": percentiles(tail / estimate, 4),
            "mean_square_log2": round(float(numpy.mean(log2 ** 2)), 4),
            "underestimates_percent": round(100 * float(numpy.mean(tail > estimate)), 3),
            "underestimates_with_margin_percent": round(
                100 * float(numpy.mean(tail > prediction)), 3),
            "largest_underestimate_with_margin": round(float(numpy.max(tail / prediction)), 3)}


def network_log2(layers, x):
    """In floating point."""
    for i, layer in enumerate(layers):
        x = x @ numpy.array(layer["weights"]).T + numpy.array(layer["biases"])
        if i < len(layers) - 1:
            x = numpy.maximum(x, 0)
    return x[:, 0]


def compare_float(errors, rows, mlp):
    """Integers of the image against floating point: largest differences, of all rows."""
    log2 = numpy.mean([network_log2(n, rows.x()) for n in mlp["networks"]], axis=0)
    log2 = numpy.clip(log2, mlp["log2_min"], mlp["log2_max"])
    return {"analytic_relative": float(numpy.max(numpy.abs(
                errors["analytic_ns"] / errors["analytic_float"] - 1))),
            "mlp_log2": float(numpy.max(numpy.abs(numpy.log2(errors["mlp_ns"]) - log2)))}


def plot(name, lines, height=520):
    """Both formats; `lines` of gnuplot after terminal and output."""
    for terminal in ("svg", "png"):
        script = ["set terminal %s size 1100,%d noenhanced" % (terminal, height),
                  "set output '%s'" % os.path.join(RESULTS, name + "." + terminal), "set grid"]
        subprocess.run(["gnuplot"], input="\n".join(script + lines) + "\n", text=True, check=True)


def plot_errors(errors):
    """Left: as Fig. 6. Right: the same relative to what was measured, with and without margin."""
    held = errors["set"] == SETS.index("held-out")
    tail = errors["tail_ns"][held]
    lines = ["set multiplot layout 1,2", "set style fill solid 0.5", "set yrange [0:*]",
             "set xlabel 'measured - estimated (ms); above 0: underestimated'",
             "set ylabel 'held-out tasks (%)'", "set xrange [%d:%d]" % (BIN_FROM_MS, BIN_TO_MS)]
    blocks, plots, curves = [], [], []
    for model, colour in MODELS:
        error = (tail - errors[model + "_ns"][held]) / 1e6
        edges = numpy.arange(BIN_FROM_MS, BIN_TO_MS + 1, BIN_MS)
        counts, _ = numpy.histogram(numpy.clip(error, BIN_FROM_MS, BIN_TO_MS - 1), edges)
        blocks += ["$%s << EOD" % model] + ["%g %g" % (e + BIN_MS / 2, 100 * c / len(tail))
                                           for e, c in zip(edges, counts)] + ["EOD"]
        plots.append("$%s with boxes lc rgb '%s' title '%s'" % (model, colour, model))
        for margin, width in (("", 3), ("_margin", 1)):
            ratio = numpy.sort(tail / errors["%s%s_ns" % (model, margin)][held])
            points = range(0, len(ratio), max(1, len(ratio) // 500))
            block = "c_%s%s" % (model, margin)
            blocks += ["$%s << EOD" % block] + ["%g %g" % (ratio[i], 100 * (i + 1) / len(ratio))
                                               for i in points] + ["EOD"]
            curves.append("$%s with lines lw %d lc rgb '%s' title '%s%s'" % (
                block, width, colour, model, ", with margin" if margin else ""))
    lines = blocks + lines + ["plot " + ", ".join(plots)]
    lines += ["set logscale x 2", "set xrange [0.02:64]", "set yrange [0:100]",
              "set xlabel 'measured / predicted; above 1: underestimated'", "set key right bottom",
              "set xtics (0.0625, 0.25, 1, 4, 16, 64)",
              "set arrow from 1,0 to 1,100 nohead dashtype 3", "plot " + ", ".join(curves)]
    plot("models-errors", lines)


def plot_sizes(sizes):
    layers = sorted({s["layers"] for s in sizes})
    blocks = []
    for n in layers:
        blocks += ["$l%d << EOD" % n] + ["%d %g" % (s["neurons"], s["validated"])
                                        for s in sizes if s["layers"] == n] + ["EOD"]
    plot("models-size", blocks + [
        "set xlabel 'neurons in each hidden layer'", "set yrange [0:*]",
        "set ylabel 'mean square error on conditions not seen, (log2 ns)^2'",
        "plot " + ", ".join("$l%d with linespoints title '%d hidden layer%s'" % (
            n, n, "s" if n > 1 else "") for n in layers)])


PANELS = (("a", "4 guests, 1 task of 500 IOPS each: slice_idle / timeout_sync (ms)"),
          ("b", "the same, 8 / 124 ms: weight of the first guest, others 250"),
          ("c", "4 guests, tasks of 100, 500 and 1500 IOPS, 8 / 124 ms: those of the first guest"))


def plot_conditions(path):
    """As Fig. 5: mean and deviation of many runs, and what the models say without and with margin."""
    with open(path, newline="") as f:
        runs = list(csv.DictReader(f))
    blocks, lines = [], ["set multiplot layout 3,1", "set ylabel 'p99.99 (ms)'",
                         "set logscale y", "set key below", "set xtics font ',9'",
                         "set offsets 0.5,0.5,0,0"]
    for panel, title in PANELS:
        groups = {}
        for r in runs:
            if r["panel"] == panel:
                groups.setdefault((r["what"], r["task"]), []).append(r)
        blocks.append("$%s << EOD" % panel)
        for (what, task), g in groups.items():
            tails = numpy.array([int(r["tail_ns"]) for r in g]) / 1e6
            blocks.append('"%s" %g %g %s' % (
                what if panel != "c" else "task %s" % task, tails.mean(), tails.std(),
                " ".join("%g" % (int(g[0][c]) / 1e6) for c in COLUMNS[5:9])))
        blocks.append("EOD")
        curves = ["$%s using 0:2:3:xtic(1) with yerrorbars lw 2 pt 7 lc rgb '#4c4c4c' title "
                  "'simulated: mean, deviation'" % panel]
        for i, (model, colour) in enumerate(MODELS):
            curves += ["'' using 0:%d with linespoints lw 2 lc rgb '%s' title '%s'" % (
                           4 + 2 * i, colour, model),
                       "'' using 0:%d with lines dt 2 lc rgb '%s' title '%s, with margin'" % (
                           5 + 2 * i, colour, model)]
        lines += ["set title '%s'" % title, "plot " + ", ".join(curves)]
    plot("models-conditions", blocks + lines, 1100)


def conditions_of(path):
    """How far runs of one condition are apart, and the models from their mean."""
    with open(path, newline="") as f:
        runs = list(csv.DictReader(f))
    groups = {}
    for r in runs:
        groups.setdefault((r["panel"], r["what"], int(r["task"])), []).append(r)
    return [{"panel": k[0], "what": k[1], "task": k[2], "runs": len(g),
             "mean_ms": round(float(numpy.mean([int(r["tail_ns"]) for r in g])) / 1e6, 3),
             "deviation_ms": round(float(numpy.std([int(r["tail_ns"]) for r in g])) / 1e6, 3),
             "analytic_ms": round(int(g[0]["analytic_ns"]) / 1e6, 3),
             "mlp_ms": round(int(g[0]["mlp_ns"]) / 1e6, 3)} for k, g in groups.items()]


def result_of(analytic, mlp, rows, errors):
    result = {
        "percentile": 99.99,
        "error": "measured - estimated, without margin; above 0 is an underestimate",
        "lambda": {k: analytic["lambda"][k] for k in
                   ("phi", "ts_guest", "si_guest", "ts_host", "si_host")},
        "lambda_standard_errors": analytic["lambda"]["standard_errors"],
        "lambda_of_plain_ms": {k: analytic["lambda_of_plain_ms"][k] for k in
                               ("phi", "ts_guest", "si_guest", "ts_host", "si_host")},
        "switch_ns": analytic["switch_ns"],
        "margin_factor": {"analytic": 2 ** analytic["margin_log2"],
                          "mlp": 2 ** mlp["margin_log2"]},
        "margin_factor_without_slice_idle": {"analytic": 2 ** analytic["margin_no_idle_log2"],
                                             "mlp": 2 ** mlp["margin_no_idle_log2"]},
        "mlp": {k: mlp[k] for k in ("hidden", "seed", "stages", "batch", "l2", "losses",
                                    "conditions", "rows", "versions", "data_sha256")},
        "integer_against_float": compare_float(errors, rows, mlp), "sets": {}}
    for number, name in enumerate(SETS):
        which = errors["set"] == number
        if not which.any():
            continue
        result["sets"][name] = {"conditions": len(set(errors["condition"][which])), **{
            m: row_of(errors["tail_ns"][which], errors[m + "_ns"][which],
                      errors[m + "_margin_ns"][which]) for m, _ in MODELS}}
    return result


def say(result):
    for name, s in result["sets"].items():
        for m, _ in MODELS:
            q = s[m]["measured_by_estimate"]
            print("  report  %-12s %-9s measured / estimated: p5 %.2f, p50 %.2f, p95 %.2f, p99 %.2f;"
                  " above the prediction: %.2f %%" % (
                      name, m, q["p5"], q["p50"], q["p95"], q["p99"],
                      s[m]["underestimates_with_margin_percent"]))
    d = result["integer_against_float"]
    print("  report  integers against floating point: %.2g of the estimate (analytic), "
          "%.2g of log2 (mlp)" % (d["analytic_relative"], d["mlp_log2"]))


def main(arguments):
    if len(arguments) != 1:
        print(__doc__.strip())
        return 2
    analytic, mlp, sizes = (os.path.join(arguments[0], name + ".json")
                            for name in ("analytic", "mlp", "sizes"))
    rows, errors, figure = (os.path.join(arguments[0], name + ".csv")
                            for name in ("rows", "errors", "figure"))
    errors = read_errors(errors)
    result = result_of(read_json(analytic), read_json(mlp), read_rows(rows), errors)
    plot_errors(errors)
    if os.path.exists(sizes):
        result["loss_by_size"] = read_json(sizes)
        plot_sizes(result["loss_by_size"])
    if os.path.exists(figure):
        result["conditions"] = conditions_of(figure)
        plot_conditions(figure)
    write_json(os.path.join(RESULTS, "models.json"), result)
    say(result)
    print("  results build/results/models.json, models-*.svg, models-*.png")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
