# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/passthrough_experiment.py - guests with devices of their own: what they do to a neighbour.

Writes into build/results/passthrough.json:
  rt_drift_percent  [{scenario, value, ..}]: worst responses of a guest with deadlines beside two
                    Linux that own virtual functions, against those alone, on the same core
Virtual time of QEMU's instruction clock: one core. What a disk does takes wall time, so runs with
one are not the same from one time to the next.
"""
import tools.lib.linux as linux
import tools.lib.rigs as rigs

DRIFT_PERCENT = 1.0
FRAMES, DATAGRAMS = 1000000, 50000      # configs/linux_devices_rt_traffic.c
COUNTED = {"cpus": 1, "icount": 0, "memory": 1024, "timeout": 7200}


def started(scenario):
    more = () if scenario == "alone" else ("--devices",)
    return rigs.boot_soon("qemu-iso", "linux_devices_rt_" + scenario, more=more, **COUNTED)


def ended(future):
    b = future.result()
    if not b.ended_well:
        raise SystemExit(b.tail())
    return b


def drift(b, alone):
    """Percent, of the task that is further off; and both rows."""
    rows = [(linux.response_row(b, t), linux.response_row(alone, t)) for t in ("tau1", "tau2")]
    return max(abs(x["max_us"] / y["max_us"] - 1) * 100 for x, y in rows), [x for x, _ in rows]


def troubles(scenario, b):
    if scenario == "traffic":
        return linux.device_troubles(b, FRAMES, DATAGRAMS)
    return [] if len(b.having("test", "release")) == 2 else ["Linux did not get to its test"]


def said_of_traffic(b):
    """What the Linux guests counted: for the results, not for a verdict."""
    tcp, udp = [b.having("iperf3", iperf3=p)[0] for p in ("tcp", "udp")]
    ping, received = b.having("ping")[0], b.having("counters", "rx_packets", part="linux0")[0]
    return {"tcp_bytes": tcp["bytes"], "tcp_retransmits": tcp["retransmits"], "tcp_ms": tcp["ms"],
            "datagrams": udp["packets"], "lost": udp["lost"],
            "frames_received": received["rx_packets"], "ping_avg_us": ping["avg_us"],
            "blocks_verified": sum(o["reads"] for o in b.having("verify"))}


def passthrough_linux():
    """two Linux with a NIC's and a disk's virtual functions, beside a guest with deadlines"""
    alone = started("alone")
    runs = [(s, started(s)) for s in ("idle", "traffic")]
    results, fine = [], True
    for scenario, future in runs:
        b = ended(future)
        value, rows = drift(b, ended(alone))
        wrong = troubles(scenario, b)
        wrong += ["rt missed deadlines"] if any(x["misses"] for x in rows) or b.late else []
        fine = fine and value <= DRIFT_PERCENT and not wrong
        results.append({"scenario": "linux_devices_" + scenario, "value": round(value, 4),
                        "max_us": {x["task"]: x["max_us"] for x in rows}})
        results[-1].update(said_of_traffic(b) if scenario == "traffic" and not wrong else {})
        print("  %s\n    %s" % (results[-1], "; ".join(wrong) or "nothing wrong"), flush=True)
    path = rigs.merge_json("passthrough", rt_drift_percent=results)
    print("  results %s; drift must be <= %g %%: %s" % (path, DRIFT_PERCENT,
                                                       "it is" if fine else "FAILED"))
    if not fine:
        raise SystemExit(1)


EXPERIMENTS = {"passthrough-linux": passthrough_linux}
