# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/net_experiment.py - the experiment "passthrough-net": our own guests with virtual functions
of a network card, in QEMU. Writes into build/results/passthrough.json:

  frames      {sent, received, lost, late, corrupt, size, rtt_p50, rtt_max, ticks}: two guests, a stream
              of a million and 10,000 pings, ticks of 1 ns
  blocked     [{attack, attempts, blocked}]: a guest whose devices attack (guests/net/dma.c). Blocked
              is what reached nobody but the attacker
  restarts    {n, failures, neighbour}: "passthrough-restart"; the neighbour's round trips, in ns
  neighbour   {task: {alone_us, attacked_us, drift_percent}}: worst responses of the guest with
              deadlines, beside the same guest at its own memory and beside the attacker
"""
import os

import tools.lib.rigs as rigs

RIG, OPTIONS = "qemu-iso", {"cpus": 1, "more": ("--devices",)}
PAIR, ATTACK, BASELINE = "net_pair_long", "hostile_dma", "hostile_dma_baseline"
RESTART, RESTART_BASELINE, RESTARTS_LEAST = "net_restart_long", "net_restart_baseline", 1000
DRIFT_MAX_PERCENT = 1.0


def boot(config):
    b = rigs.boot_once(RIG, config, **OPTIONS)
    if not b.ended_well:
        raise SystemExit(b.tail())
    return b


def measure_frames():
    b = boot(PAIR)
    ping, stream = b.having(net="ping")[0], b.having(net="stream")[0]
    return dict({k: stream[k] for k in ("sent", "received", "lost", "late", "corrupt", "size",
                                        "ticks")},
                **{k: ping[k] for k in ("rtt_p50", "rtt_p99", "rtt_max")})


def measure_blocked():
    """
    A read is blocked if nobody's bytes came back; a write, if no word of the victim's memory is wrong and
    the hypervisor lives; a message, if nobody got it but the attacker, whose own are its right.
    """
    b = boot(ATTACK)
    rounds = b.having("dma", part="hostile")
    victim = b.having("watch", part="victim")[-1]
    harm = victim["wrong"] + victim["strays"] + rounds[-1]["strays"] + rounds[-1]["nmis"]
    sums = {}
    for o in b.having("attack", "attempts", part="hostile"):
        row = sums.setdefault(o["attack"], {"attack": o["attack"], "attempts": 0, "blocked": 0})
        row["attempts"] += o["attempts"]
        row["blocked"] += 0 if harm else o["attempts"] - o["leaked"]
    return list(sums.values())


def worst(b):
    return {o["task"]: o["max_us"] for o in b.having("task", "max_us", part="rt")}


def measure_neighbour():
    alone, attacked = worst(boot(BASELINE)), worst(boot(ATTACK))
    return {t: {"alone_us": alone[t], "attacked_us": attacked[t],
                "drift_percent": 100 * abs(attacked[t] - alone[t]) / alone[t]} for t in alone}


def run():
    """two guests' frames through their own VFs; a guest whose devices attack"""
    for config in (PAIR, ATTACK, BASELINE):
        rigs.boot_soon(RIG, config, **OPTIONS)
    frames, blocked, neighbour = measure_frames(), measure_blocked(), measure_neighbour()
    path = rigs.merge_json("passthrough", frames=frames, blocked=blocked, neighbour=neighbour)
    print("  frames  %d of %d, %d lost, %d corrupt; round trip %.3f ms, at most %.3f" % (
        frames["received"], frames["sent"], frames["lost"], frames["corrupt"],
        frames["rtt_p50"] / 1e6, frames["rtt_max"] / 1e6))
    for o in blocked:
        print("  %-20s %6d of %6d blocked" % (o["attack"], o["blocked"], o["attempts"]))
    for task, o in neighbour.items():
        print("  rt %s  worst %.1f us, attacked %.1f us: %.3f %%" % (
            task, o["alone_us"], o["attacked_us"], o["drift_percent"]))
    print("  results %s" % os.path.relpath(path, rigs.TOP))
    holds = (frames["lost"] == frames["late"] == frames["corrupt"] == 0
             and all(o["blocked"] == o["attempts"] for o in blocked)
             and all(o["drift_percent"] <= DRIFT_MAX_PERCENT for o in neighbour.values()))
    if not holds:
        raise SystemExit(1)


def run_restarts():
    """a guest with a device restarts a thousand times beside others' traffic (10 minutes)"""
    for config in (RESTART, RESTART_BASELINE):
        rigs.boot_soon(RIG, config, **OPTIONS)
    b, baseline = boot(RESTART), boot(RESTART_BASELINE)
    ping, before = b.having(net="ping")[0], baseline.having(net="ping")[0]
    n = b.having("vcpu", "restarts", partition="life")[0]["restarts"]
    lost = [line for line in b.lines if "was not answered" in line or "does not come back" in line]
    drift = 100 * abs(ping["rtt_p50"] - before["rtt_p50"]) / before["rtt_p50"]
    path = rigs.merge_json("passthrough", restarts={
        "n": n, "failures": len(lost), "neighbour": {
            "pings": ping["sent"], "lost": ping["lost"], "corrupt": ping["corrupt"],
            "rtt_p50": ping["rtt_p50"], "rtt_p99": ping["rtt_p99"], "rtt_max": ping["rtt_max"],
            "without": {k: before[k] for k in ("rtt_p50", "rtt_p99", "rtt_max")},
            "p50_drift_percent": drift}})
    print("  %d restarts, %d failures; the neighbour's %d pings: %d lost, median %.4f ms (%.4f without: "
          "%.3f %%), p99 %.4f (%.4f), at most %.4f (%.4f)" % (
              n, len(lost), ping["sent"], ping["lost"], ping["rtt_p50"] / 1e6,
              before["rtt_p50"] / 1e6, drift, ping["rtt_p99"] / 1e6, before["rtt_p99"] / 1e6,
              ping["rtt_max"] / 1e6, before["rtt_max"] / 1e6))
    print("  results %s" % os.path.relpath(path, rigs.TOP))
    if n < RESTARTS_LEAST or lost or ping["lost"] or drift > DRIFT_MAX_PERCENT:
        raise SystemExit(1)


EXPERIMENTS = {"passthrough-net": run, "passthrough-restart": run_restarts}
