# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/rate_experiment.py - experiments with network traffic, in Bochs, over the controller in memory; each
writes build/results/NAME.json: {"cells": [..], "summary": {..}}.

  mtvd       1 to 4 virtual CPUs with a driver of as many threads (paper 003, section 5.5)
  irmos-net  throughput against share, isolation, completion of requests (paper 001, section 4)
  qos-nic    requests of a constrained guest, and what it leaves to the other one (paper 004)

Cells: {guests, size, scheme, rate, share, other_share, throughput, loss, cpu, interrupts, source} as far as they
apply. size: of a frame; throughput: frames a second, or requests; cpu: cores.
"""
import os

import tools.lib.linux_experiment as linux_experiment
import tools.lib.rate_cases as cases
import tools.lib.rigs as rigs


def finish(name, rows, checks, **summary):
    path = rigs.write_json(name, {"cells": rows, "summary": dict(
        summary, bars=[{"what": w, "value": v, "bar": b, "holds": h} for w, v, b, h in checks])})
    rigs.report(checks, os.path.relpath(path, rigs.TOP))


def write_csv(name, head, rows):
    path = os.path.join(rigs.RESULTS, name + ".csv")
    os.makedirs(rigs.RESULTS, exist_ok=True)
    with open(path, "w") as f:
        f.write(",".join(head) + "\n")
        f.writelines(",".join(str(v) for v in row) + "\n" for row in rows)
    return path


# --- mtvd ----------------------------------------------------------------------------------------

# A frame takes 4,800 instructions: the cycles that the paper's CPU of 2.27 GHz has for one where 5.6 Gbit/s of
# 1,472 bytes saturate it. Rates are in rounds of Bochs: guests/rt/work.h. As the paper's driver, which is Linux',
# both drivers take no interrupt while they are busy.
MTVD_MIPS, MTVD_WORK = 50, 4800
MTVD_THREADS = [1, 2, 3, 4]
MTVD_RATE = 60000
ROUND_INSNS = 16
MTVD_BARS = {1: 0.98, 2: 1.9, 4: 3.6}


def mtvd_case(size, threads, order):
    """threads 0: the driver without threads."""
    cpus = max(threads, 1)
    words = "mode=sink quiet=1 clock=rounds work_insns=%d from_ms=300 to_ms=800" % MTVD_WORK
    if threads:
        words += " threads=%d%s" % (threads, " flow=1" if order == "flow" else "")
    guests = [cases.guest("mtvd", cases.owned(*range(cpus + 1)), 0, words),
              cases.guest("gen", cases.owned(cpus + 1), 1,
                          "mode=generate poll=1 to=%s start_ms=250 stop_ms=820 flows=12 rate=%d size=%d"
                          % (cases.mac(0), MTVD_RATE, size))]
    return cases.Case("mtvd_%s_%d_%d" % (order, threads, size), guests, cpus + 3, MTVD_MIPS, 2, 1500)


def mtvd_runs():
    for size in cases.SIZES.values():
        yield size, 0, "none", mtvd_case(size, 0, "none")
        for order in ("robin", "flow"):
            for threads in MTVD_THREADS:
                yield size, threads, order, mtvd_case(size, threads, order)


def mtvd_row(size, threads, order, b):
    w = cases.window(b, "mtvd")
    seconds = w["rounds"] * ROUND_INSNS / (MTVD_MIPS * 1e6)
    return {"guests": 1, "vcpus": max(threads, 1), "threads": threads, "order": order, "size": size,
            "throughput": round(w["received"] / seconds), "loss": round(
                w["lost"] / (w["lost"] + w["received"]), 4), "late": w["late"],
            "interrupts": w["interrupts"], "corrupt": w["corrupt"], "source": "bochs"}


def mtvd():
    """a driver with 1 to 4 threads on as many virtual CPUs, in turn and by flow"""
    runs = list(mtvd_runs())
    cases.start([r[3] for r in runs])
    rows = [mtvd_row(size, threads, order, cases.ended(case)) for size, threads, order, case in runs]
    alone = {r["size"]: r["throughput"] for r in rows if r["threads"] == 0}
    checks, speed_ups = [], {}
    for r in rows:
        r["speed_up"] = round(r["throughput"] / alone[r["size"]], 3)
        what = "%d bytes, %d threads %s: " % (r["size"], r["threads"], r["order"])
        if r["threads"]:
            speed_ups["%d %s %d" % (r["size"], r["order"], r["threads"])] = r["speed_up"]
        if r["threads"] in MTVD_BARS:
            bar = MTVD_BARS[r["threads"]]
            checks.append((what + "rate, of one without", r["speed_up"], ">= %g" % bar,
                           r["speed_up"] >= bar))
        if r["order"] == "flow":
            checks.append((what + "frames out of order", r["late"], "0", r["late"] == 0))
    data = write_csv("mtvd", ["threads"] + ["%s %d" % (o, s) for o in ("robin", "flow")
                                            for s in alone],
                     [[n] + [speed_ups["%d %s %d" % (s, o, n)] for o in ("robin", "flow")
                             for s in alone] for n in MTVD_THREADS])
    linux_experiment.gnuplot("mtvd", "760,480", [
        "set datafile separator ','", "set key left top", "set xrange [0.8:4.2]", "set yrange [0:4.2]",
        "set xtics 1", "set xlabel 'virtual CPUs, a thread on each'",
        "set ylabel 'packet rate, of the driver without threads'",
        "set title 'Driver with several threads: frames that take 4,800 instructions'",
        "plot x lc rgb '#bbbbbb' dt 2 title 'linear', " + ", ".join(
            "'%s' skip 1 using 1:%d with linespoints title '%s, %d bytes'" % (data, 2 + i, o, s)
            for i, (o, s) in enumerate((o, s) for o in ("i mod N", "by flow") for s in alone))])
    finish("mtvd", rows, checks, speed_up=speed_ups, rig="bochs, rounds of %d instructions" % ROUND_INSNS)


# --- irmos-net -----------------------------------------------------------------------------------

IRMOS_MIPS, IRMOS_WORK, IRMOS_RATE = 50, 4000, 18000
IRMOS_PERIOD_US, IRMOS_SIZE = 10000, 554
IRMOS_SHARES = [10, 20, 30, 40, 50, 60, 70, 80, 90]
IRMOS_MATRIX = [10, 20, 30, 40]
# (4 ms, 20 ms); 68 frames of 30 us are the paper's 2.1 ms of an idle machine.
CDF_FRAME_NS, CDF_PERIOD_MS = 30000, 20


def irmos_case(share, other, kind):
    """other 0: nobody; kind: what the other one does. Frames for two are sent in all of them."""
    words = "mode=sink work_insns=%d from_ms=300 to_ms=900" % IRMOS_WORK
    share_of = lambda s: cases.reservation(0, IRMOS_PERIOD_US * s // 100, IRMOS_PERIOD_US)
    guests = [cases.guest("vm1", share_of(share), 0, words)]
    if other and kind == "network":
        guests.append(cases.guest("vm2", share_of(other), 1, words))
    elif other:
        guests.append(cases.computing("vm2", share_of(other)))
    guests.append(cases.guest("gen", cases.owned(1), 2,
                              "mode=generate poll=1 to=%s peers=2 start_ms=250 stop_ms=950 rate=%d size=%d"
                              % (cases.mac(0), IRMOS_RATE, IRMOS_SIZE)))
    return cases.Case("irmos_%d_%d_%s" % (share, other, kind), guests, 3, IRMOS_MIPS, 3, 1200)


def cdf_case(claim, load):
    """claim: reserved (4 ms, 20 ms), or best effort of a lower priority than the load."""
    own, others = {"reserved": (cases.reservation(0, 4000, 20000), cases.reservation(0, 14000, 20000)),
                   "besteffort": (".cpu = BEST_EFFORT(0, 1)", ".cpu = BEST_EFFORT(0, 2)")}[claim]
    serve = "mode=serve to_ms=11000 work_ns=%d" % CDF_FRAME_NS
    guests = [cases.guest("vm1", own, 0, serve), cases.guest("vm2", others, 1, serve),
              cases.guest("client", cases.owned(1), 2,
                          "mode=request poll=1 to=%s count=500 start_ms=400 to_ms=10900 cdf=1 under_way=64"
                          " timeout_ms=5000" % cases.mac(0))]
    if load:
        guests.append(cases.guest("load", cases.owned(2), 3,
                                  "mode=request poll=1 to=%s count=100000 every_us=0 under_way=64"
                                  " start_ms=300 to_ms=10900" % cases.mac(1)))
    return cases.Case("irmos_cdf_%s_%s" % (claim, "load" if load else "idle"), guests, 4, IRMOS_MIPS, 4,
                      12000)


def irmos_row(share, other, kind, b):
    w = cases.window(b, "vm1")
    return {"guests": 2 if other else 1, "size": IRMOS_SIZE, "share": share / 100, "other_share": other / 100,
            "load": kind if other else "none", "throughput": w["received"] * 1e6 / w["us"],
            "loss": round(w["lost"] / max(1, w["lost"] + w["received"]), 4),
            "cpu": round(w["busy_tsc"] / w["elapsed_tsc"], 5), "interrupts": w["interrupts"],
            "source": "bochs"}


def cdf_row(claim, load, b):
    times = sorted(t / 10000 for t in cases.series(b, "client", "times", "tenth_us"))
    request = cases.one(b, net="request", part="client")
    return {"guests": 2, "scheme": claim, "load": "requests" if load else "none", "requests": request["sent"],
            "lost": request["lost"], "completion_ms": times, "p50_ms": rigs.percentile(times, 50) if times else None,
            "p99_ms": rigs.percentile(times, 99) if times else None, "max_ms": times[-1] if times else None,
            "late": sum(t > CDF_PERIOD_MS for t in times) + request["lost"], "source": "bochs"}


def plot_irmos(rows, slope, at_zero, r2):
    single = [r for r in rows if r.get("load") == "none" and "share" in r]
    data = write_csv("irmos-net", ["share", "throughput"],
                     [(r["share"], r["throughput"]) for r in single])
    lines = []
    for s in IRMOS_MATRIX:
        for kind in ("network", "compute"):
            points = [(r["other_share"], r["throughput"]) for r in rows
                      if r.get("share") == s / 100 and r.get("load") in ("none", kind)]
            lines.append((s, kind, write_csv("irmos-net-%d-%s" % (s, kind), ["other", "throughput"],
                                             sorted(p for p in points if p[0] <= 0.4))))
    linux_experiment.gnuplot("irmos-net", "1100,480", [
        "set datafile separator ','", "set multiplot layout 1,2", "set yrange [0:*]", "set key left top",
        "set xlabel 'share of the core, Q/P'", "set ylabel 'frames a second'", "set xrange [0:1]",
        "set title 'Throughput against share: R^2 = %.6f'" % r2,
        "plot %r*x + %r title 'least squares', '%s' skip 1 with points pt 7 title 'measured'"
        % (slope, at_zero, data),
        "set xrange [-0.02:0.42]", "set yrange [0:12000]", "set xlabel 'share of the other guest'",
        "set title 'The same beside another guest'",
        "plot " + ", ".join("'%s' skip 1 with linespoints %s title '%d %%, other: %s'" % (
            path, "lw 1 pt 7" if kind == "network" else "dt 2 pt 6", s, kind)
            for s, kind, path in lines), "unset multiplot"])
    plot_cdf([r for r in rows if "completion_ms" in r])


def plot_cdf(rows):
    rows = [r for r in rows if r["completion_ms"]]  # without a reservation, loaded: none is ever answered
    paths = [(r, write_csv("irmos-net-cdf-%s-%s" % (r["scheme"], r["load"]), ["ms", "fraction"],
                           [(t, (i + 1) / len(r["completion_ms"]))
                            for i, t in enumerate(r["completion_ms"])])) for r in rows]
    linux_experiment.gnuplot("irmos-net-cdf", "760,480", [
        "set datafile separator ','", "set key right bottom", "set xrange [0:30]", "set yrange [0:1.02]",
        "set xlabel 'completion of 100 kB (ms)'", "set ylabel 'fraction of requests'",
        "set arrow from 20,0 to 20,1.02 nohead dt 2 lc rgb '#888888'",
        "set title 'Requests every 20 ms, (4 ms, 20 ms), beside a guest that answers as many as it can'",
        "plot " + ", ".join("'%s' skip 1 with steps lw 2 title '%s, %s'" % (
            path, r["scheme"], "alone" if r["load"] == "none" else "loaded") for r, path in paths)])


def irmos_net():
    """throughput against share, two guests' isolation, and completion of requests (paper 001)"""
    runs = [(s, 0, "none") for s in IRMOS_SHARES] + [
        (s, o, kind) for s in IRMOS_MATRIX for o in IRMOS_MATRIX for kind in ("network", "compute")]
    cdfs = [(claim, load) for claim in ("reserved", "besteffort") for load in (False, True)]
    systems = {r: irmos_case(*r) for r in runs}
    systems.update({r: cdf_case(*r) for r in cdfs})
    cases.start(list(systems.values()))
    rows = [irmos_row(*r, cases.ended(systems[r])) for r in runs]
    alone = {r["share"]: r["throughput"] for r in rows if r["load"] == "none"}
    slope, at_zero, r2 = linux_experiment.fit(sorted(alone.items()))
    drops = []
    for r in rows:
        if r["load"] != "none":
            r["drop"] = round(1 - r["throughput"] / alone[r["share"]], 5)
            drops.append(r["drop"])
    answers = {r: cdf_row(*r, cases.ended(systems[r])) for r in cdfs}
    loaded = answers["reserved", True]
    rows += list(answers.values())
    plot_irmos(rows, slope, at_zero, r2)
    checks = [("throughput against share: R^2", round(r2, 6), ">= 0.999", r2 >= 0.999),
              ("two guests, %d cells: largest drop" % len(drops), max(drops), "<= 0.02",
               max(drops) <= 0.02),
              ("(4 ms, 20 ms), loaded: requests not complete in 20 ms", loaded["late"], "0",
               loaded["late"] == 0)]
    finish("irmos-net", rows, checks, r_squared=r2, slope=slope, intercept=at_zero,
           largest_drop=max(drops), cdf={"%s %s" % (c, "loaded" if l else "alone"): {
               k: a[k] for k in ("p50_ms", "p99_ms", "max_ms", "late")} for (c, l), a in answers.items()})


# --- qos-nic -------------------------------------------------------------------------------------

QOS_MIPS, QOS_FRAMES, QOS_TOTAL = 50, 10, 1000
QOS_CONSTRAINTS = list(range(150, 951, 100))
QOS_OFFERED = 1200  # a second, to the constrained one
QOS_FROM_MS, QOS_TO_MS, QOS_SLICE_MS = 500, 2500, 10
REQUEST_WIRE, ANSWER_WIRE = 60 + cases.WIRE_BYTES, 1514 + cases.WIRE_BYTES


def qos_link():
    """So that 1,000 requests a second are all there is: their answers, and the requests that ask for them."""
    return QOS_TOTAL * (QOS_FRAMES * ANSWER_WIRE + REQUEST_WIRE)


def qos_left(constraint):
    """What VM2 leaves to VM1, in requests; requests to VM2 that are dropped have had their time on the link."""
    free = qos_link() - constraint * QOS_FRAMES * ANSWER_WIRE - QOS_OFFERED * REQUEST_WIRE
    return free / (QOS_FRAMES * ANSWER_WIRE + REQUEST_WIRE)


def qos_case(constraint):
    serve = "mode=serve to_ms=%d" % (QOS_TO_MS + 200)
    slices = "from_ms=%d to_ms=%d slice_ms=%d start_ms=300 frames=%d count=20000" % (
        QOS_FROM_MS, QOS_TO_MS, QOS_SLICE_MS, QOS_FRAMES)
    share = cases.reservation(0, 2350, 5000)
    first = ".qos = { .priority = 2 }"  # one link carries both directions: answers do not hold up requests
    guests = [cases.guest("vm1", share, 0, serve),
              cases.guest("vm2", share, 1, serve,
                          ".qos = { .rx_packets_per_s = EXACTLY(%d), .priority = 1 }" % constraint),
              cases.guest("client1", cases.owned(1), 2, "mode=request poll=1 to=%s every_us=0 under_way=32 %s"
                          % (cases.mac(0), slices), first),
              cases.guest("client2", cases.owned(2), 3, "mode=request poll=1 to=%s every_us=%d open=1 %s"
                          % (cases.mac(1), 1000000 // QOS_OFFERED, slices), first)]
    return cases.Case("qosnic_%d" % constraint, guests, 4, QOS_MIPS, 4, QOS_TO_MS + 1000, link=qos_link())


def worst_second(counts, rate):
    """Largest relative difference from the rate over any second; a request more or less is no difference."""
    many = 1000 // QOS_SLICE_MS
    sums = [sum(counts[i:i + many]) for i in range(len(counts) - many + 1)]
    return max(max(0, abs(s - rate) - 1) / rate for s in sums)


def qos_row(constraint, b):
    seconds = (QOS_TO_MS - QOS_FROM_MS) / 1000
    one, two = (cases.series(b, c, "done", "count") for c in ("client1", "client2"))
    dropped = cases.one(b, vf_of="vm2")["shaped"]
    return {"guests": 2, "scheme": "qos", "constraint": constraint, "throughput": sum(one) / seconds,
            "other_throughput": sum(two) / seconds, "left": round(qos_left(constraint), 2),
            "reached": round(sum(one) / seconds / qos_left(sum(two) / seconds), 4),
            "worst_second": round(worst_second(two, constraint), 5), "dropped_at_the_device": dropped,
            "source": "bochs"}


def qos_nic():
    """a guest that gets 150 to 950 requests a second, and one that takes what it leaves (paper 004)"""
    systems = [(c, qos_case(c)) for c in QOS_CONSTRAINTS]
    cases.start([s for _, s in systems])
    rows = [qos_row(c, cases.ended(s)) for c, s in systems]
    checks = []
    for r in rows:
        what = "VM2 at %d: " % r["constraint"]
        checks += [(what + "VM1, of what VM2 leaves", r["reached"], ">= 0.98", r["reached"] >= 0.98),
                   (what + "VM2's rate, worst second", r["worst_second"], "<= 0.01",
                    r["worst_second"] <= 0.01)]
    data = write_csv("qos-nic", ["constraint", "vm1", "vm2", "left"],
                     [(r["constraint"], r["throughput"], r["other_throughput"], r["left"]) for r in rows])
    linux_experiment.gnuplot("qos-nic", "760,480", [
        "set datafile separator ','", "set key center top", "set yrange [0:1000]",
        "set xlabel 'requests a second that VM2 may receive'", "set ylabel 'requests a second answered'",
        "set title 'Quality of service at the device: VM2 constrained, VM1 free'",
        "plot '%s' skip 1 using 1:2 with linespoints pt 7 title 'VM1', '' skip 1 using 1:3 with linespoints "
        "pt 5 title 'VM2', '' skip 1 using 1:4 with lines dt 2 lc rgb '#888888' title 'what VM2 leaves'"
        % data])
    finish("qos-nic", rows, checks, least_reached=min(r["reached"] for r in rows),
           worst_second=max(r["worst_second"] for r in rows))


EXPERIMENTS = {"mtvd": mtvd, "irmos-net": irmos_net, "qos-nic": qos_nic}
