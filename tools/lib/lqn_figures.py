# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/lqn_figures.py - paper 004's figures 5 and 8 to 10 as layered queueing networks, and the same with our costs.

The paper tells throughputs and what saturates, not service times; these follow from two of its numbers:
  IDD, a request      950 a second of two streams fill its core (Fig. 8): 1 / 1900 s
  VM, a request       1500 a second of one stream fill what is left without it (Fig. 9): 1 / 1500 s
  device              1e-10 s, as the paper has it for what hardware does (section 6.1)
Arrivals and services are deterministic (section 6.1). On one core (Fig. 5 and 10) all of it shares that core.
"""
import tools.lib.linux_experiment as linux_experiment
import tools.lib.lqn_cells as cells
import tools.lib.queueing as queueing
import tools.lib.rate_experiment as rate
import tools.lib.rigs as rigs

SHARED_S, VM_S, HARDWARE_S = 1 / 1900, 1 / 1500, 1e-10
RATES = list(range(100, 2001, 50))
LIMITS = list(range(150, 951, 100))
ENOUGH = 0.995       # of what is offered: "without loss"
PAPER = {"fig8": 950, "fig9": 1500, "one_core_shared": 450, "fig10a": 850, "fig10b_most": 1500}


def model(path_s, rates, one_core=False, limit=0, limit_in="device"):
    """Two streams, each through the device, the shared path, and its VM. limit: of the second stream's requests."""
    cpu = {n: "core" if one_core else n for n in ("path", "vm1", "vm2")}
    lines = ["p wait i", "p nic f"] + ["p %s f" % n for n in sorted(set(cpu.values()))]
    for i, r in enumerate(rates, 1):
        lines.append("t in%d i s%d -1 wait" % (i, i))
    for task, where in (("d", "nic"), ("p", cpu["path"])):
        lines += ["t t%s%d i %s%d -1 %s q 400" % (task, i, task, i, where) for i in (1, 2)]
    lines += ["t tv%d i v%d -1 %s q 400" % (i, i, cpu["vm%d" % i]) for i in (1, 2)]
    lines += ["t to%d i o%d -1 nic" % (i, i) for i in (1, 2)]
    for i, r in enumerate(rates, 1):
        lines += ["a s%d %.9g 0" % (i, r)] + ["y s%d %s%d 1" % (i, t, i) for t in "dpvo"]
        lines += ["c %s%d 0" % (t, i) for t in "sdpvo"]
        lines += ["s d%d %g" % (i, HARDWARE_S), "s p%d %.9g" % (i, path_s), "s v%d %.9g" % (i, VM_S)]
    if limit:  # before anything is spent, or when the answer goes out
        lines.append("l %s2 %g 10" % ("d" if limit_in == "device" else "o", limit))
    return "\n".join(lines) + "\n"


def flows(result):
    return [f["throughput"] for f in result["flows"]], {p["name"]: p["busy"] for p in result["processors"]}


def sweep(path_s, one_core=False, rates=RATES):
    """[(offered, answered of one stream, busy path, busy VM)], and the highest offer that is answered."""
    rows = []
    for offered in rates:
        x, busy = flows(queueing.solve(model(path_s, [offered] * 2, one_core))[0])
        rows.append((offered, x[0], busy.get("path", busy.get("core")), busy.get("vm1", busy.get("core"))))
    return rows, max(r[0] for r in rows if r[1] >= ENOUGH * r[0])


def most(path_s, one_core=False):
    """Of each of two equal streams that have no end: by events."""
    x, _ = flows(queueing.solve(model(path_s, [5000] * 2, one_core), 20)[1])
    return x[0]


def limited(path_s, where, limits=LIMITS, offered=1500):
    rows = []
    for limit in limits:
        x, _ = flows(queueing.solve(model(path_s, [offered] * 2, True, limit, where), 10)[1])
        rows.append((limit, x[0], x[1]))
    return rows


# --- with our costs ---------------------------------------------------------------------------------

def ours(costs):
    """Requests of ten frames to two VMs on cores of their own: through the core that plays the controller, and without."""
    case = [c for c in cells.serve_cells() if c.name.endswith("pair")][0]
    found = {}
    for how, nic in (("mediated", costs["pair"]["nic"]), ("direct", {"each": HARDWARE_S * cells.HZ})):
        text, _ = queueing.describe(rigs.plan_of(case.name), dict(costs["pair"], nic=nic), cells.HZ)
        result = queueing.solve(text, 10)[1]
        found[how] = {"each_stream": result["flows"][0]["throughput"],
                      "busy": {p["name"]: p["busy"] for p in result["processors"]}}
    found["ratio"] = found["direct"]["each_stream"] / found["mediated"]["each_stream"]
    return found


def plot(shared, direct, device, software):
    one = rate.write_csv("lqn-path", ["offered", "shared", "shared_path", "shared_vm", "direct", "direct_path",
                                      "direct_vm"], [a + b[1:] for a, b in zip(shared, direct)])
    two = rate.write_csv("lqn-qos", ["limit", "vm1_device", "vm2_device", "vm1_software", "vm2_software"],
                         [a + b[1:] for a, b in zip(device, software)])
    linux_experiment.gnuplot("lqn-path", "1100,480", [
        "set datafile separator ','", "set multiplot layout 1,2", "set key left top",
        "set xlabel 'requests a second, each of two streams'", "set ylabel 'answered, each'", "set yrange [0:2000]",
        "set title 'Paper 004, Fig. 8 and 9: a shared path, and a direct one'",
        "plot '%s' skip 1 using 1:2 with lines lw 2 title 'shared', '' skip 1 using 1:5 with lines lw 2 "
        "title 'direct'" % one, "set ylabel 'busy'", "set yrange [0:1.3]", "set title 'Cores'",
        "plot '%s' skip 1 using 1:3 with lines title 'shared: path', '' skip 1 using 1:4 with lines title "
        "'shared: VM', '' skip 1 using 1:6 with lines title 'direct: path', '' skip 1 using 1:7 with lines title "
        "'direct: VM'" % one, "unset multiplot"])
    linux_experiment.gnuplot("lqn-qos", "760,480", [
        "set datafile separator ','", "set key center top", "set yrange [0:2000]",
        "set xlabel 'requests a second that VM2 may have'", "set ylabel 'answered'",
        "set title 'Paper 004, Fig. 10 b and 5: VM2 limited at the device, and in software'",
        "plot '%s' skip 1 using 1:2 with linespoints title 'VM1, device', '' skip 1 using 1:3 with linespoints title "
        "'VM2, device', '' skip 1 using 1:4 with linespoints dt 2 title 'VM1, software', '' skip 1 using 1:5 with "
        "linespoints dt 2 title 'VM2, software'" % two])


def is_near(value, paper, error):
    return abs(value / paper - 1) <= error


def draw(costs, measured):
    """What was found, and checks. measured: each of the two streams through the controller's core, in the rig."""
    shared, shared_most = sweep(SHARED_S)
    direct, direct_most = sweep(HARDWARE_S)
    alone = {"one_core_shared": most(SHARED_S, True), "fig10a": most(HARDWARE_S, True)}
    device = limited(HARDWARE_S, "device")
    software = limited(SHARED_S, "software")
    plot(shared, direct, device, software)
    mine = ours(costs)
    mine["mediated"]["measured"] = measured
    mine["ratio_to_measured"] = mine["direct"]["each_stream"] / measured
    drawn = {"paper": PAPER, "shared_most": shared_most, "direct_most": direct_most, "one_core": alone,
             "gain": direct_most / shared_most, "limited_at_device": device, "limited_in_software": software,
             "sweep_shared": shared, "sweep_direct": direct, "ours": mine}
    flat = max(r[1] for r in software) / min(r[1] for r in software)
    falls = all(a[1] > b[1] - 1 for a, b in zip(device, device[1:]))
    rows = [("Fig. 8: each stream, shared path", shared_most, "950", is_near(shared_most, 950, 0.05)),
            ("Fig. 9: each stream, direct path", direct_most, "1500", is_near(direct_most, 1500, 0.05)),
            ("gain of the direct path", round(direct_most / shared_most, 3), "about 1.6",
             is_near(direct_most / shared_most, 1.6, 0.05)),
            ("one core, shared path: each stream (not fitted)", round(alone["one_core_shared"]), "450 +-10 %",
             is_near(alone["one_core_shared"], 450, 0.1)),
            ("Fig. 10 a: one core, direct, best effort (not fitted)", round(alone["fig10a"]), "850 +-15 %",
             is_near(alone["fig10a"], 850, 0.15)),
            ("Fig. 10 b: VM1 where VM2 may have 150 (not fitted)", round(device[0][1]), "1500 +-15 %",
             is_near(device[0][1], 1500, 0.15)),
            (".. and less, the more VM2 may have", falls, "", falls),
            ("Fig. 5: in software, VM1's most by its least", round(flat, 3), "<= 1.1", flat <= 1.1),
            ("our costs: direct by mediated, both predicted", round(mine["ratio"], 2), "", True),
            (".. direct, predicted, by mediated, measured", round(mine["ratio_to_measured"], 2), "", True)]
    return drawn, rows
