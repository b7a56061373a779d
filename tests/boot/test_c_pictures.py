# SPDX-License-Identifier: Apache-2.0
"""Pictures of plans and of runs, opened in a browser: they are whole, and say what plan and trace say."""
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import tools.lib.rigs as rigs

CONFIG = "eight"
BROWSER = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=1000", "--dump-dom"]
rigs.boot_soon("bochs", CONFIG, cpus=1)
rigs.boot_soon("bochs", "blk_verify", cpus=1)


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=300)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def opened(path):
    """As the browser has understood it."""
    dom = run(*BROWSER, "file://" + os.path.abspath(path))
    assert "parsererror" not in dom and "This page contains the following errors" not in dom, dom[:2000]
    return dom


def plan(config):
    directory = rigs.config_dir(config)
    run(os.path.join(rigs.TOP, "tools/plan_picture"), "--config", directory)
    return (json.loads(run(os.path.join(directory, "plan"), "--json")),
            opened(os.path.join(directory, "plan.html")))


def test_a_plan_has_a_lane_for_each_server_with_its_slots():
    said, dom = plan(CONFIG)
    for part in said["partitions"]:
        assert ">%s</text>" % part["name"] in dom, part["name"]
    assert dom.count('class="lane"') == len(said["partitions"])
    # A hyperperiod of 10, 15, 20, 30, 40, 50, 70, 100 ms is too long: four times the longest.
    assert dom.count('class="replenish"') == sum(-(-400 // p) for p in (10, 15, 20, 30, 40, 50, 70, 100))


def rows_of(dom, title):
    """The table under that heading: [[text of a cell]], without its heads."""
    part = dom[dom.index("<h2>%s</h2>" % title):]
    part = part[:part.index("</table>")]
    return [[re.sub("<[^>]*>", "", cell).strip() for cell in re.findall("<td[^>]*>(.*?)</td>", row, re.S)]
            for row in re.findall("<tr>(.*?)</tr>", part, re.S)[1:]]


def test_a_table_of_tuples_has_what_was_wanted_and_what_is_given():
    said, dom = plan("tuples")
    unit = {"budget_ns": (1e6, " ms"), "memory_bytes": (2.0**20, " MiB")}
    want = []
    for p in said["partitions"]:
        for g in p["grants"]:
            by, name = unit[g["resource"]]
            want.append([p["name"], str(p["criticality"]), g["resource"]] + [
                "%g%s" % (round(g[key] / by, 4), name) for key in ("min", "usual", "max", "given")] + [g["is"]])
    assert rows_of(dom, "Resource tuples") == want, (rows_of(dom, "Resource tuples"), want)
    # From configs/tuples.c: vision is shrunk, and keeps what its task needs; no max is none at all.
    vision = next(r for r in want if r[0] == "vision")
    assert vision[2:6] == ["budget_ns", "6.667 ms", "30 ms", "30 ms"] and vision[7] == "shrunk", vision
    two = {"name": "smp", "criticality": 0,
           "grants": [{"resource": "budget_ns", "of": n, "min": 1, "usual": 1, "max": 1, "given": 1, "is": "usual"}
                      for n in range(2)]}
    assert [r[2] for r in rows_of("\n".join(picture().grants({"partitions": [two]})), "Resource tuples")] == [
        "budget_ns", "budget_ns 1"]
    _, dom = plan("blk_rates")
    assert [r[5] for r in rows_of(dom, "Resource tuples")] == ["", "", ""], rows_of(dom, "Resource tuples")
    assert [r[3:5] for r in rows_of(dom, "Resource tuples")][0] == ["8000000", "12000000"]


def test_all_of_the_memory_is_in_the_picture():
    said, dom = plan("tuples")
    rows = rows_of(dom, "Memory")
    pieces = [(int(r[0], 16), float(r[1].split()[0]) * 2**20) for r in rows]
    assert pieces[0][0] == 0 and all(a + size == b for (a, size), (b, _) in zip(pieces, pieces[1:])), rows
    assert sum(pieces[-1]) == 256 * 2**20 and rows[0][2] == "(taken)" and rows[-1][2] != "(free)", rows
    rows = rows_of(plan("enough")[1], "Memory")
    assert rows[-1][1:3] == ["208 MiB", "(free)"], rows  # of 256, less 16 and two of 16


def picture():
    """The tool's functions."""
    loader = importlib.machinery.SourceFileLoader("plan_picture", os.path.join(rigs.TOP, "tools/plan_picture"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("plan_picture", loader))
    loader.exec_module(module)
    return module


def page_of(vcpus, tasks=()):
    """A picture of servers that no configuration here has."""
    parts = [{"name": "p%d" % n, "vcpus": [v], "tasks": list(tasks), "devices": [], "grants": [],
              "memory_base": (n + 8) << 21, "memory_bytes": 1 << 21, "image": "x.elf"} for n, v in enumerate(vcpus)]
    return picture().page({"system": "made up", "partitions": parts, "disks": [], "pfs": [], "memory_free_bytes": 0,
                           "cores": [{"core": 0, "owned": False, "utilization_ppm": 500000}]})


def reserved(budget_ns, period_ns):
    return {"kind": "reserved", "core": 0, "budget_ns": budget_ns, "period_ns": period_ns}


def joined(slots):
    out = []
    for begin, end in slots:
        if out and out[-1][1] == begin:
            begin = out.pop()[0]
        out.append((begin, end))
    return out


def test_slots_are_those_of_edf():
    """(2, 4) and (3, 6): by hand. At 4 the second is due before the first, at 8 both are due at 12."""
    tool, reserved_two = picture(), [("a", reserved(2, 4)), ("b", reserved(3, 6))]
    end, what = tool.horizon_ns(reserved_two)
    assert (end, what) == (12, "one hyperperiod")
    slots = tool.edf(reserved_two, end)
    assert joined(slots["a"]) == [(0, 2), (5, 7), (8, 10)], slots
    assert joined(slots["b"]) == [(2, 5), (7, 8), (10, 12)], slots


def test_what_exceeds_its_limit_is_red():
    late, kept = picture().bar(430, 100), picture().bar(100, 100)
    assert "#c03030" in late and "430 %" in late and "#c03030" not in kept and "100 %" in kept


def test_periods_far_apart_make_a_picture_of_bounded_size():
    dom = page_of([reserved(10**6, 3600 * 10**9), reserved(150000, 301000)])
    assert 500 < dom.count('class="replenish"') <= 602, dom.count('class="replenish"')
    assert "the longest period is 3600 s, the shortest 0.301 ms" in dom
    dom = page_of([reserved(10**6, 4 * 10**6), {"kind": "best_effort", "core": 0}],
                  [{"name": "", "wcet_ns": 1, "period_ns": 9, "bound_ns": 2, "deadline_ns": 9}])
    assert "one hyperperiod" in dom and "best effort: p1, what is left over" in dom
    assert rows_of(dom, "Tasks")[0][1] == "0"


def test_a_plan_shows_tasks_disks_and_devices():
    said, dom = plan("enough")
    for task in said["partitions"][0]["tasks"]:
        assert "<td>%s</td>" % task["name"] in dom and "%g ms" % (task["bound_ns"] / 1e6) in dom
    said, dom = plan("blk_tuned")
    assert "Disk disk" in dom and dom.count("/s</td>") == 4
    said, dom = plan("tuples")
    given = [g["is"] for p in said["partitions"] for g in p["grants"]]
    assert {"shrunk", "grown"} <= set(given), said
    for verdict in set(given):  # in red and green
        assert dom.count('<td class="%s">%s<' % (verdict, verdict)) == given.count(verdict), verdict
    said, dom = plan("net_pair")
    assert "VF 0 of nic (igb)" in dom and "02:00:00:00:00:01" in dom


def transcript():
    assert rigs.boot_once("bochs", CONFIG, cpus=1).ended_well
    return os.path.join(rigs.config_dir(CONFIG), "bochs.serial")


def test_a_trace_becomes_slices_that_do_not_overlap_and_sum_up_to_what_ran():
    out = os.path.join(rigs.config_dir(CONFIG), "trace.json")
    run(os.path.join(rigs.TOP, "tools/trace"), transcript(), "--perfetto", out)
    with open(out) as f:
        events = json.load(f)["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    slices = sorted((e["ts"], e["ts"] + e["dur"], e["tid"]) for e in events if e["ph"] == "X")
    assert all(a[1] <= b[0] + 1e-6 for a, b in zip(slices, slices[1:]))
    b = rigs.boot_once("bochs", CONFIG, cpus=1)
    hz = b.having("tsc_hz")[0]["tsc_hz"]
    first = next(r for o in b.having("trace", "records") for r in o["records"])[0]
    for o in b.having("partition", "guest_tsc"):
        tid = next(t for t, name in names.items() if name == o["partition"])
        ran_us = sum(end - begin for begin, end, who in slices if who == tid)
        ledger_us = (o["guest_tsc"] + o["hypervisor_tsc"]) * 1e6 / hz
        # The ledger has the passes that a server caused, too, which no slice has.
        assert 0.98 * ledger_us <= ran_us <= 1.001 * ledger_us, (o["partition"], ran_us, ledger_us, first)


def test_a_trace_is_drawn_in_lanes():
    out = os.path.join(rigs.config_dir(CONFIG), "trace.svg")
    run(os.path.join(rigs.TOP, "tools/trace"), transcript(), "--svg", out, "--for", "40")
    dom = opened(out)
    assert dom.count('class="lane"') == 8 and len(re.findall('class="run"', dom)) >= 16
    done = subprocess.run([os.path.join(rigs.TOP, "tools/trace"), transcript(), "--svg", out, "--for", "0"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 2 and "a time above 0" in done.stdout, done.stdout


# --- details: exits, interrupts, requests to a disk ------------------------------------------------

DETAILS = "blk_verify"


def detailed():
    assert rigs.boot_once("bochs", DETAILS, cpus=1).ended_well
    serial = os.path.join(rigs.config_dir(DETAILS), "bochs.serial")
    out = os.path.join(rigs.config_dir(DETAILS), "trace.json")
    run(os.path.join(rigs.TOP, "tools/trace"), serial, "--perfetto", out)
    with open(out) as f:
        return json.load(f)["traceEvents"], serial


def test_each_exit_lies_within_a_run_of_its_guest():
    events, serial = detailed()
    runs, exits = ([e for e in events if e["ph"] == "X" and e["cat"] == cat] for cat in ("run", "exit"))
    assert len(exits) >= 100 and len({e["name"] for e in exits}) >= 3, len(exits)
    first = min(e["ts"] for e in runs)
    for e in exits:
        assert e["ts"] < first or any(
            r["tid"] == e["tid"] and r["ts"] - 1e-3 <= e["ts"] and
            e["ts"] + e["dur"] <= r["ts"] + r["dur"] + 1e-3 for r in runs), e
    run(os.path.join(rigs.TOP, "build/tool/trace_check"), "-w", "0", serial)


def test_an_exit_of_a_guest_that_does_not_run_is_caught():
    _, serial = detailed()
    with open(serial) as f:
        lines = f.read().split("\n")
    at = max(i for i, line in enumerate(lines) if line.startswith('@{"trace"') and ",9," in line)
    o = json.loads(lines[at][1:])
    next(r for r in reversed(o["records"]) if r[1] == 9)[2] ^= 1
    lines[at] = "@" + json.dumps(o, separators=(",", ":"))
    path = os.path.join(rigs.config_dir(DETAILS), "tampered.serial")
    with open(path, "w") as f:
        f.write("\n".join(lines))
    done = subprocess.run([os.path.join(rigs.TOP, "build/tool/trace_check"), "-w", "0", path],
                          stdout=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "an exit of server" in done.stdout, done.stdout[-2000:]


def test_requests_and_interrupts_are_in_the_trace():
    events, serial = detailed()
    begun = {e["id"]: e for e in events if e["ph"] == "b"}
    ended = {e["id"]: e for e in events if e["ph"] == "e"}
    assert len(ended) >= 20 and set(begun) == set(ended)
    assert all(begun[i]["ts"] <= ended[i]["ts"] and begun[i]["args"]["sectors"] < 2048 for i in ended)
    given = [e for e in events if e["ph"] == "n"]
    assert len(given) >= 0.9 * len(ended)
    assert all(begun[e["id"]]["ts"] <= e["ts"] <= ended[e["id"]]["ts"] for e in given)
    assert any(e["ph"] == "i" and e["cat"] == "interrupt" for e in events)
    out = os.path.join(rigs.config_dir(DETAILS), "trace.svg")
    run(os.path.join(rigs.TOP, "tools/trace"), serial, "--svg", out, "--for", "50")
    dom = opened(out)
    for kind in ("run", "exit", "request", "done"):
        assert 'class="%s"' % kind in dom, kind


def test_exits_have_the_names_of_the_contract():
    with open(os.path.join(rigs.TOP, "arch/vcpu.h")) as f:
        kinds = re.findall(r"^\tEXIT_([A-Z_]+),", f.read(), re.M)
    with open(os.path.join(rigs.TOP, "tools/trace")) as f:
        names = re.findall(r'"([a-z_]+)"', re.search(r"EXITS = \[(.*?)\]", f.read(), re.S).group(1))
    assert names == [k.lower() for k in kinds], (names, kinds)
