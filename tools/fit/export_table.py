#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
tools/fit/export_table.py - what was fitted and trained, as C.   export_table.py ANALYTIC MLP TABLE

ANALYTIC and MLP are the JSON files of fit_analytic and train_mlp.py; TABLE is io/latency_table.c, and
io/latency_table.h says what its numbers mean. Numbers are rounded to their 16 or 32 bits once.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fit_data import read_json

FIXED, COEFFICIENT = 1 << 16, 1 << 32
WEIGHT_MAX = 0x4000000  # LATENCY_WEIGHT_MAX

HEAD = """/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/latency_table.c - written by tools/fit (make models): do not edit. io/latency_table.h has what the
 * numbers mean, docs/latency.md what they are worth.
 */
#include "io/latency_table.h"
"""


def fixed(x):
    v = round(x * FIXED)
    if abs(v) >= WEIGHT_MAX:
        raise SystemExit("a weight is too large for the table: %g" % x)
    return v


def row(values, indent, width=100):
    """{ numbers }, in lines as clang-format lays them out: the last may end one column earlier."""
    lines, line = [], indent + "{ "
    for i, v in enumerate(values):
        text = "%d" % v + ("," if i < len(values) - 1 else " }")
        if len((line + text).expandtabs(8)) > width:
            lines.append(line.rstrip())
            line = indent + "  "
        line += text + " "
    return lines + [line.rstrip()]


def matrix(name, rows):
    out = ["\t%s = {" % name]
    for r in rows:
        out += row(r, "\t\t")
        out[-1] += ","
    return out + ["\t},"]


def network(index, layers):
    """layers: of [out][in] weights, as scikit-learn has them transposed. The table is [in][out]."""
    def by_input(layer):
        return [[fixed(w) for w in column] for column in zip(*layer["weights"])]

    name, hidden, last = ".networks[%d]" % index, layers[:-1], layers[-1]
    out = matrix(name + ".first", by_input(hidden[0]))
    for i, layer in enumerate(hidden[1:]):
        out += matrix("%s.hidden[%d]" % (name, i), by_input(layer))
    out += matrix(name + ".bias", [[fixed(b) for b in layer["biases"]] for layer in hidden])
    out += ["\t%s.last =" % name] + row([fixed(w) for w in last["weights"][0]], "\t\t")
    out[-1] += ","
    return out + ["\t%s.last_bias = %d," % (name, fixed(last["biases"][0]))]


def margin(x, base=None):
    """In the table, and for people. At least 1: in the table, 0 stands for "the same margin"."""
    return max(fixed(x), 1), base ** x if base else x


def record_lines(analytic, mlp):
    versions = ", ".join("%s %s" % v for v in sorted(mlp["versions"].items()))
    return ["data set: %d conditions, %d tasks; SHA-256 %s" % (
                mlp["conditions"], mlp["rows"], mlp["data_sha256"]),
            "analytic: least squares of log2, GSL %s; mean square %.4f" % (
                analytic["gsl"], analytic["lambda"]["mean_square"]),
            "networks: seed %d, %s epochs of Adam, batches of %d; %s" % (
                mlp["seed"], "+".join(str(s[0]) for s in mlp["stages"]), mlp["batch"], versions),
            "loss of each fold, on rows not seen: %s (log2 ns)^2" % ", ".join(
                "%.4f" % f["validated"] for f in mlp["losses"])]


def table(analytic, mlp):
    l = analytic["lambda"]
    out = [HEAD, "const struct latency_table latency_table = {", '\t.disk = "ssd",', "\t.record ="]
    lines = record_lines(analytic, mlp)
    out += ['\t\t"%s\\n"%s' % (t, "," if t is lines[-1] else "") for t in lines]
    d = analytic["domain"]
    out += ["\t.domain = {", "\t\t.guest_max = %d," % d["guest_max"],
            "\t\t.task_max = %d," % d["task_max"]]
    for name in ("weight", "iops"):
        out += ["\t\t.%s_%s = %d," % (name, end, d["%s_%s" % (name, end)])
                for end in ("min", "max")]
    for name in ("slice_idle", "timeout"):
        out += ["\t\t.%s_%s_ns = US(%d)," % (name, end, d["%s_%s_us" % (name, end)])
                for end in ("min", "max")]
    out += ["\t\t.request_bytes = %d," % d["request_bytes"],
            "\t\t.max_budget_bytes = %d," % d["max_budget_bytes"],
            "\t\t.bytes_per_s = %d," % d["bytes_per_s"], "\t},", "\t.analytic = {"]
    out += ["\t\t.%s = UINT64_C(%d), /* %.6f */" % (n, round(l[n] * COEFFICIENT), l[n])
            for n in ("phi", "ts_guest", "si_guest", "ts_host", "si_host")]
    out += ["\t\t.switch_ns = %d," % analytic["switch_ns"],
            "\t\t.margin = %d, /* %.3f */" % margin(2 ** analytic["margin_log2"]),
            "\t\t.margin_no_idle = %d, /* %.3f */" % margin(2 ** analytic["margin_no_idle_log2"]),
            "\t},",
            "\t.mlp_margin = %d, /* log2 of %.3f */" % margin(mlp["margin_log2"], 2),
            "\t.mlp_margin_no_idle = %d, /* log2 of %.3f */" % margin(
                mlp["margin_no_idle_log2"], 2),
            "\t.mlp_min = %d," % fixed(mlp["log2_min"]),
            "\t.mlp_max = %d," % fixed(mlp["log2_max"])]
    for i, layers in enumerate(mlp["networks"]):
        out += network(i, layers)
    return "\n".join(out + ["};"]) + "\n"


def main(arguments):
    if len(arguments) != 3:
        print(__doc__.strip())
        return 2
    text = table(read_json(arguments[0]), read_json(arguments[1]))
    with open(arguments[2] + ".new", "w") as f:
        f.write(text)
    os.replace(arguments[2] + ".new", arguments[2])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
