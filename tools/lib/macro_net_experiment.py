# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/macro_net_experiment.py - the experiment "aquosa-macro-net": the web server of aquosa-macro, its
clients in another guest, and a network between them (configs/aquosa_macro_net.h, guests/linux/web_net).

For each speed of the wire: alone, and in (3 ms, 5 ms) beside the load. Writes into
build/results/aquosa-macro-net.json:

  cells   {speed: {condition: {n, rounds, min, avg, max, max_median, std_dev, p50, p99, page_ms, cpu_ms,
          taken_ms, sent_bytes, retransmits, clock_ppm, late}}}: response times in s of virtual time;
          then of a page: wall time, CPU time of the web guest, time of the core that others took while it
          wanted it (its steal time) in ms, and bytes on the wire
  speeds  {speed: {wire_ms, predicted: {alone, reserved}, predicted_stretch, is_wire_bound, avg, max,
          max_median}}: the last three are times alone. predicted: averages, s
  bars    what must hold, and whether it does

Model    A closed network of 10 clients that do not think, and two servers, CPU and wire. By the asymptotic
         bounds (Denning and Buzen, 1978) the average response is 10 times the larger demand. The CPU's
         demand is taken from the run without a limit, alone; in (3 ms, 5 ms) it is 5/3 of it; the wire's
         is a page's bytes by the limit. The clients, who here share the core, take some of it alone: that
         is added there (taken_ms); in the reservation it is not the web server's that they take.
"""
import csv
import os
import re

import tools.lib.linux as linux
import tools.lib.linux_experiment as linux_experiment
import tools.lib.macro_experiment as macro_experiment
import tools.lib.rigs as rigs

NAME = "aquosa-macro-net"
RIG = ("qemu-iso", {"cpus": 1, "icount": 0, "memory": 1024, "tag": "macro-net", "timeout": 7200,
                    "more": ("--devices",)})
SPEEDS = ["8", "16", "24", "32", "64", "free"]  # Mbit/s: configs/aquosa_macro_net.h says why these
CONDITIONS = ["alone", "reserved"]
PARTS = ("web", "clients")
ROUNDS = 5
CPU_STRETCH = 5 / 3
# The wire is the bottleneck for certain where it takes so many times as long as the CPU in the reservation.
FAR = 1.25
PAPER = dict(zip(("avg", "max"), [macro_experiment.PAPER["reserved"][i] / macro_experiment.PAPER["alone"][i]
                                  for i in (1, 2)]))
# In a kernel that others interrupt while it calibrates: docs/linux.md.
EXPLAINED = r"^(\[ *\d+\.\d+\] )?tsc: Unable to calibrate against PIT"
CLOCK_PPM_MAX = 10000  # the guest's wall clock is told in steps of 10 ms


# --- what is wrong with a run ----------------------------------------------------------------------

def part_troubles(b, part, rounds):
    done = b.having("web_done", "wrong", part=part)
    if len(done) != 1 or done[0]["wrong"] or done[0]["web_done"] != rounds:
        yield "%s did not end well: %s" % (part, done)
    nic = b.having("nic", "driver", part=part)
    if len(nic) != 1 or nic[0]["driver"] != "igbvf":
        yield "%s: its network function: %s" % (part, nic)
    for o in b.having("dmesg", "text", part=part):
        if not re.match(EXPLAINED, o["text"]):
            yield "%s warns: %s" % (part, o["text"])


def troubles(b):
    """What is wrong with a run, besides its times: a list."""
    found = [] if b.ended_well and b.late == 0 else ["it did not end well, or somebody was late"]
    found += ["%s: %s" % (o["part"], o["broken"]) for o in b.having("broken")]
    for part, rounds in zip(PARTS, (0, ROUNDS)):
        found += list(part_troubles(b, part, rounds)) + list(linux.unclean_counters(b, part))
    found += list(linux.lost_frames(b, PARTS, linux.COUNTED_APART))
    rows = b.having("ab", "complete", part="clients")
    found += ["requests failed: %s" % o for o in rows
              if o["complete"] != macro_experiment.REQUESTS or o["failed"] or o["other"]]
    if len(rows) != ROUNDS or len(b.having("page_sha256")) != len(PARTS):
        found.append("%d rounds, %d pages" % (len(rows), len(b.having("page_sha256"))))
    if b.config.endswith("reserved") and not all(o["misses"] for o in b.having("partition", "misses", partition="load")):
        found.append("the load had all that it wants")
    return found


# --- what a run says -------------------------------------------------------------------------------

def used(b):
    """Of a page: {what: by all rounds}. Ticks of idle and steal time are 10 ms."""
    sums = {"wall": 0, "idle": 0, "steal": 0, "sent": 0}
    for r in range(ROUNDS):
        first, last = [rigs.one(b, "server_tsc", account=a, of=r) for a in ("begin", "end")]
        sums["wall"] += (last["server_tsc"] - first["server_tsc"]) / macro_experiment.TICKS_PER_S * 1000
        for key, unit in (("idle", 10), ("steal", 10), ("sent", 1)):
            sums[key] += (last[key] - first[key]) * unit
    return {k: v / (ROUNDS * macro_experiment.REQUESTS) for k, v in sums.items()}


def clock_ppm(b):
    """The most that a round by the clients' clock differs from the same by the time-stamp counter."""
    return max(abs(o["tsc"] / macro_experiment.TICKS_PER_S / o["wall_s"] - 1) * 1e6
               for o in b.having("round", "wall_s", part="clients"))


def cell(b):
    row, values = macro_experiment.responses(b, ROUNDS, "clients")
    page = used(b)
    taken_s = sum(o["taken_s"] for o in b.having("ab", "taken_s", part="clients"))
    row.update(page_ms=taken_s * 1000 / row["n"], cpu_ms=page["wall"] - page["idle"] - page["steal"],
               taken_ms=page["steal"], sent_bytes=page["sent"],
               retransmits=rigs.one(b, "tcp_retransmits", part="web")["tcp_retransmits"],
               clock_ppm=clock_ppm(b), late=b.late)
    return {k: round(v, 6) for k, v in row.items()}, values


# --- what was to be expected -----------------------------------------------------------------------

def wire_ms(speed, sent_bytes):
    return 0.0 if speed == "free" else sent_bytes * 8 / (float(speed) * 1000)


def prediction(wire, cpu, taken):
    """Average responses, s, of demands in ms: {condition: s}; and whether the wire is the bottleneck for certain."""
    demand = {"alone": max(wire, cpu + taken), "reserved": max(wire, cpu * CPU_STRETCH)}
    return ({c: macro_experiment.CLIENTS * d / 1000 for c, d in demand.items()},
            wire >= FAR * cpu * CPU_STRETCH)


def compare(cells):
    """{speed: row}: `speeds` of the results."""
    free = cells["free"]["alone"]
    rows = {}
    for speed, both in cells.items():
        wire = wire_ms(speed, free["sent_bytes"])
        predicted, is_wire_bound = prediction(wire, free["cpu_ms"], free["taken_ms"])
        rows[speed] = {"wire_ms": round(wire, 3), "predicted": {c: round(v, 4) for c, v in predicted.items()},
                       "predicted_stretch": round(predicted["reserved"] / predicted["alone"], 4),
                       "is_wire_bound": is_wire_bound}
        rows[speed].update({k: round(both["reserved"][k] / both["alone"][k], 4)
                            for k in ("avg", "max", "max_median")})
    return rows


def bars(rows):
    """[(what, value, bound, whether it holds, whether it must)]: the paper's ratios, where the wire is the bottleneck."""
    return [("%s: %s, times alone" % ("no limit" if speed == "free" else speed + " Mbit/s",
                                     {"avg": "average", "max": "maximum"}[k]), row[k],
             "<= %.4f" % PAPER[k], row[k] <= PAPER[k], row["is_wire_bound"])
            for speed, row in rows.items() for k in ("avg", "max")]


# --- to look at ------------------------------------------------------------------------------------

def write_csv(cells, rows):
    with open(os.path.join(rigs.RESULTS, NAME + ".csv"), "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["speed_mbit_s", "condition", "avg_s", "max_s", "max_median_s", "predicted_s", "cpu_ms",
                    "taken_ms", "wire_ms", "retransmits"])
        for speed, both in cells.items():
            for c, row in both.items():
                w.writerow([speed, c, row["avg"], row["max"], row["max_median"], rows[speed]["predicted"][c],
                            row["cpu_ms"], row["taken_ms"], rows[speed]["wire_ms"], row["retransmits"]])


def plot(rows):
    path = os.path.join(rigs.RESULTS, NAME + ".dat")
    with open(path, "w") as f:
        f.writelines("%d %s %f %f %f %f\n" % (i, "none" if s == "free" else s, r["avg"], r["max"],
                                              r["max_median"], r["predicted_stretch"])
                     for i, (s, r) in enumerate(rows.items()))
    linux_experiment.gnuplot(NAME, "900,480", [
        "set yrange [0.8:*]", "set xrange [-0.5:%f]" % (len(rows) - 0.5), "set key below",
        "set xlabel 'the wire, Mbit/s'", "set ylabel 'response in (3 ms, 5 ms) under load, times alone'",
        "set title 'Paper 002, section 4.2, with a network: where its ratios hold'",
        "plot %f with lines dashtype 2 lc rgb '#888888' title 'the paper, average: %.3f', "
        "%f with lines dashtype 3 lc rgb '#888888' title 'the paper, maximum: %.3f', "
        "'%s' using 1:6:xtic(2) with lines lc rgb '#a9cce3' lw 6 title 'asymptotic bound', "
        "'' using 1:3 with linespoints pt 7 lc rgb '#1a5276' title 'average', "
        "'' using 1:4 with linespoints pt 9 lc rgb '#c0392b' title 'maximum of %d rounds', "
        "'' using 1:5 with linespoints pt 8 lc rgb '#e59866' title 'maximum of a round, median'" % (
            PAPER["avg"], PAPER["avg"], PAPER["max"], PAPER["max"], path, ROUNDS)])
    os.remove(path)


def print_table(cells, rows):
    print("  %-7s %7s | %-31s | %-31s | %-30s | %s" % (
        "Mbit/s", "wire ms", "alone: avg, max, CPU ms, retr.", "reserved: avg, max, CPU ms, retr.",
        "times alone: avg, max, median", "predicted: alone, reserved, stretch"))
    for speed, row in rows.items():
        text = "  %-7s %7.1f" % ("none" if speed == "free" else speed, row["wire_ms"])
        for c in CONDITIONS:
            o = cells[speed][c]
            text += " | %8.3f %8.3f %6.2f %6d" % (o["avg"], o["max"], o["cpu_ms"], o["retransmits"])
        print(text + " | %8.3f %8.3f %8.3f     | %7.3f %7.3f %7.3f" % (
            row["avg"], row["max"], row["max_median"], row["predicted"]["alone"], row["predicted"]["reserved"],
            row["predicted_stretch"]))


def results(boots):
    """boots: {speed: {condition: Boot}}"""
    cells, pages = {}, set()
    for speed, both in boots.items():
        for c, b in both.items():
            wrong = troubles(b)
            pages |= {o["page_sha256"] for o in b.having("page_sha256")}
            row = {} if wrong else cell(b)[0]
            if wrong or len(pages) != 1 or row["clock_ppm"] > CLOCK_PPM_MAX:
                raise SystemExit("%s\n%s\n%d different pages, %s" % (b.tail(), "\n".join(wrong), len(pages), row))
            cells.setdefault(speed, {})[c] = row
    return cells


def run():
    """aquosa-macro with its clients elsewhere: how fast the network is decides what (3 ms, 5 ms) costs"""
    rig, options = RIG
    futures = {s: {c: rigs.boot_soon(rig, "aquosa_macro_net_%s_%s" % (s, c), **options) for c in CONDITIONS}
               for s in SPEEDS}
    cells = results({s: {c: f.result() for c, f in both.items()} for s, both in futures.items()})
    rows = compare(cells)
    checks = bars(rows)
    rigs.write_json(NAME, {
        "rig": rig + ", 1,000 million instructions a second", "unit": "s of virtual time", "cells": cells,
        "scale": {"image_side": macro_experiment.IMAGE_SIDE, "paper_image_side": 2000,
                  "clients": macro_experiment.CLIENTS, "requests_a_round": macro_experiment.REQUESTS},
        "speeds": rows, "paper_times_alone": {k: round(v, 5) for k, v in PAPER.items()},
        "bars": [{"what": w, "value": v, "bound": b, "holds": h, "must": m} for w, v, b, h, m in checks]})
    write_csv(cells, rows)
    plot(rows)
    print_table(cells, rows)
    macro_experiment.report(NAME, checks, "no: nor need it, by the model")


EXPERIMENTS = {NAME: run}
