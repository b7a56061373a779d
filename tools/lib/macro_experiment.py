# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/macro_experiment.py - the experiment "aquosa-macro": paper 002, section 4.2.

Debian's Apache in a Linux guest, 10 clients, a page that rotates an image (configs/aquosa_macro.h,
guests/linux/web). Writes into build/results/aquosa-macro.json:

  cells   {condition: {n, rounds, min, avg, max, max_median, std_dev, p50, p99, times_alone: {min, avg, max,
          max_median}, client_share, idle_share, clock_ppm, late}}, seconds of virtual time. max is that of all
          rounds, max_median the median of the rounds' maxima
  paper   its Table 1, seconds; bars: what must hold, and whether it does
  scale   what is smaller than the paper's

A request's time is what ab says: of the guest's clock. clock_ppm: by how much a round by that clock
differs from the time-stamp counter, which counts the rig's ticks.
"""
import csv
import os
import statistics

import tools.lib.linux_experiment as linux_experiment
import tools.lib.rigs as rigs

NAME = "aquosa-macro"
RIG = ("qemu-iso", {"cpus": 1, "icount": 0, "tag": "macro", "timeout": 7200})
TICKS_PER_S = 1e9  # an instruction is a tick
CELLS = ["alone", "reserved", "reserved_alone", "loaded"]
CLIENTS, REQUESTS, IMAGE_SIDE = 10, 100, 250
# Table 1: min, avg, max, std. dev.
PAPER = {"host": (0.22, 1.14, 7.91, 1.26), "alone": (0.26, 1.22, 8.42, 1.07),
         "loaded": (1.153, 11.367, 89.880, 15.449), "reserved": (0.790, 2.044, 10.832, 1.275)}
TITLES = {"alone": "alone", "loaded": "loaded, no reservation", "reserved": "loaded, (3 ms, 5 ms)",
          "reserved_alone": "alone, (3 ms, 5 ms)"}
COLOURS = {"alone": "#4c4c4c", "loaded": "#c0392b", "reserved": "#1a5276", "reserved_alone": "#a9cce3"}
IDEAL = 5 / 3  # what 3 ms of every 5 ms makes of work that waits for nothing else
MOVED_MAX = 0.02
FAR_WORSE = 3  # times the average of the reserved guest
CLOCK_PPM_MAX = 20000  # starting ab is in the one and not in the other


def troubles(b, rounds):
    """What is wrong with a run, besides its times: a list."""
    found = [] if b.ended_well else ["it did not end well"]
    done = b.having("web_done", "wrong", part="web")
    if len(done) != 1 or done[0]["wrong"] or done[0]["web_done"] != rounds:
        found.append("the test did not end well: %s" % done)
    for o in b.having("ab", "complete", part="web"):
        if o["complete"] == 0 or o["failed"] or o["other"]:
            found.append("requests failed: %s" % o)
    if not b.having("page_sha256", part="web"):
        found.append("there is no page")
    return found


def times(b, round_number, part="web"):
    """Of every request, in s, the shortest first. part: where ab is."""
    values = [v / 1000 for o in b.having("requests", "ms", part=part, requests=round_number)
              for v in o["ms"]]
    said = rigs.one(b, "ab", "complete", part=part, ab=round_number)["complete"]
    if len(values) != said:
        raise SystemExit("%s: %d times of %d requests" % (b.config, len(values), said))
    return values


def clock_ppm(b):
    """The most that a round by the guest's clock differs from the same by its time-stamp counter."""
    pairs = [(o["taken_s"], rigs.one(b, "round", "tsc", part="web", round=o["ab"])["tsc"] / TICKS_PER_S)
             for o in b.having("ab", "taken_s", part="web")]
    return max(abs(ticks / clock - 1) * 1e6 for clock, ticks in pairs)


def client_share(b):
    """CPU time of ab in all that its rounds took of the CPU."""
    spent = sum(sum(float(v) for v in o["client_s"].split("+"))
                for o in b.having("round", "client_s", part="web"))
    return spent / sum(o["taken_s"] for o in b.having("ab", "taken_s", part="web"))


def idle_share(b):
    """Of the rounds, how long nothing in the guest wanted the CPU: by the guest's own account."""
    rows = b.having("round", "idle_from_s", part="web")
    return (sum(o["idle_to_s"] - o["idle_from_s"] for o in rows)
            / sum(o["taken_s"] for o in b.having("ab", "taken_s", part="web")))


def responses(b, rounds, part="web"):
    """A row of the requests of all rounds, and their times, the shortest first."""
    by_round = [times(b, r, part) for r in range(rounds)]
    values = sorted(v for r in by_round for v in r)
    return {"n": len(values), "rounds": rounds, "min": values[0], "avg": statistics.fmean(values),
            "max": values[-1], "max_median": statistics.median(max(r) for r in by_round),
            "std_dev": statistics.stdev(values), "p50": rigs.percentile(values, 50),
            "p99": rigs.percentile(values, 99)}, values


def cell(b, rounds):
    row, values = responses(b, rounds)
    row.update(client_share=client_share(b), idle_share=idle_share(b), clock_ppm=clock_ppm(b), late=b.late)
    return {k: round(v, 6) for k, v in row.items()}, values


def rounds_of(b):
    return len(b.having("round", "tsc", part="web"))


def bars(cells):
    """[(what, value, bound, whether it holds, whether it must)]"""
    alone, quiet, reserved, loaded = [cells[c] for c in (
        "alone", "reserved_alone", "reserved", "loaded")]
    average, longest, longest_median = [reserved[k] / alone[k] for k in ("avg", "max", "max_median")]
    paper = [PAPER["reserved"][i] / PAPER["alone"][i] for i in (1, 2)]
    moved = abs(reserved["avg"] / quiet["avg"] - 1)
    worse = loaded["avg"] / reserved["avg"]
    return [("average, (3 ms, 5 ms) under load, times alone", average, "<= %.4f" % paper[0],
             average <= paper[0], True),
            # The paper's ratio. Missed, and why: docs/linux.md. It does not end the experiment with an error.
            ("maximum, (3 ms, 5 ms) under load, times alone", longest, "<= %.4f" % paper[1],
             longest <= paper[1], False),
            ("its median over the rounds, times alone", longest_median, "<= %.4f" % paper[1],
             longest_median <= paper[1], False),
            ("what the load moves in (3 ms, 5 ms): average", moved, "<= %.2f" % MOVED_MAX,
             moved <= MOVED_MAX, True),
            ("average without reservation, times that of (3 ms, 5 ms)", worse, ">= %d" % FAR_WORSE,
             worse >= FAR_WORSE, True)]


def plot(data):
    base = os.path.join(rigs.RESULTS, NAME)
    paths = {}
    for c, values in data.items():
        paths[c] = "%s.csv.%s" % (base, c)
        with open(paths[c], "w") as f:
            f.writelines("%f %f\n" % (v, (i + 1) / len(values)) for i, v in enumerate(values))
    longest = max(max(v) for v in data.values())
    linux_experiment.gnuplot(NAME, "900,480", [
        "set logscale x 2", "set xrange [0.03:%f]" % (longest * 1.5), "set yrange [0:1.02]",
        "set key left top", "set xlabel 'response time of a page (s of virtual time)'",
        "set ylabel 'fraction of requests'",
        "set title 'Paper 002, section 4.2: Apache in a Linux guest, 10 clients, image rotation'",
        "plot " + ", ".join("'%s' using 1:2 with steps lw %d lc rgb '%s' title '%s'" % (
            paths[c], 6 if c == "reserved_alone" else 2, COLOURS[c], TITLES[c])
            for c in ("reserved_alone", "alone", "reserved", "loaded"))])
    for path in paths.values():
        os.remove(path)


def write_csv(data):
    with open(os.path.join(rigs.RESULTS, NAME + ".csv"), "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["condition", "response_s"])
        for c, values in data.items():
            w.writerows([c, "%.3f" % v] for v in values)


def print_table(cells):
    print("  %-24s %5s %8s %8s %8s %9s %8s   of the paper: avg, max; times alone: avg, max (paper's)" % (
        "s", "n", "min", "avg", "max", "a round's", "std.dev"))
    for c, row in cells.items():
        text = "  %-24s %5d %8.3f %8.3f %8.3f %9.3f %8.3f" % (
            TITLES[c], row["n"], row["min"], row["avg"], row["max"], row["max_median"], row["std_dev"])
        if c in PAPER:
            text += "   %.3f, %.3f; %.3f, %.3f (%.3f, %.3f)" % (
                PAPER[c][1], PAPER[c][2], row["times_alone"]["avg"], row["times_alone"]["max"],
                PAPER[c][1] / PAPER["alone"][1], PAPER[c][2] / PAPER["alone"][2])
        print(text)


def report(name, checks, need_not):
    """checks as bars(); need_not: what is printed of those that miss and need not hold"""
    for what, value, bound, holds, must in checks:
        print("  %-58s %9.4f  %-10s %s" % (what, value, bound, "ok" if holds else "NO" if must else need_not))
    print("  results build/results/%s.json, .csv, .svg, .png" % name)
    if not all(holds for _, _, _, holds, must in checks if must):
        raise SystemExit(1)


def run():
    """Apache in a Linux guest: rotated images for 10 clients, alone, loaded, (3 ms, 5 ms)"""
    rig, options = RIG
    futures = {c: rigs.boot_soon(rig, "aquosa_macro_" + c, **options) for c in CELLS}
    cells, data, pages = {}, {}, set()
    for c, future in futures.items():
        b = future.result()
        rounds = rounds_of(b)
        wrong = troubles(b, rounds)
        if wrong or rounds == 0:
            raise SystemExit("%s\n%s" % (b.tail(), "\n".join(wrong)))
        cells[c], data[c] = cell(b, rounds)
        pages.add(b.having("page_sha256", part="web")[0]["page_sha256"])
        if cells[c]["clock_ppm"] > CLOCK_PPM_MAX or len(pages) != 1:
            raise SystemExit("%s: clock %g ppm, %d pages" % (c, cells[c]["clock_ppm"], len(pages)))
        print("  %s done" % c, flush=True)
    for row in cells.values():
        row["times_alone"] = {k: round(row[k] / cells["alone"][k], 5) for k in ("min", "avg", "max", "max_median")}
    checks = bars(cells)
    rigs.write_json(NAME, {
        "rig": rig + ", 1,000 million instructions a second",
        "scale": {"image_side": IMAGE_SIDE, "paper_image_side": 2000, "clients": CLIENTS,
                  "requests_a_round": REQUESTS},
        "unit": "s of virtual time", "cells": cells, "ideal_times_alone": round(IDEAL, 5),
        "paper": {c: dict(zip(("min", "avg", "max", "std_dev"), v)) for c, v in PAPER.items()},
        "bars": [{"what": w, "value": round(v, 5), "bound": b, "holds": h, "must": m}
                 for w, v, b, h, m in checks]})
    write_csv(data)
    plot(data)
    print_table(cells)
    report(NAME, checks, "MISSED: docs/linux.md")


EXPERIMENTS = {NAME: run}
