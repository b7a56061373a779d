# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/linux.py - what a run of a Linux guest said: for the boot tests and the experiment.
"""
import re

# What kernels say at level "warning" or worse, and why (docs/linux.md). Anything else is a bug.
EXPLAINED = {
    # Bochs' CPU model has no IBRS: a fact of the CPU, told as it is.
    "bochs": [r"RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed "],
    # Linux 6.12 (Debian 13) on an AMD CPU without the ACPI object for performance states: bare too.
    "qemu-iso": [r"amd_pstate: the _CPC object is not present in SBIOS or ACPI disabled$"],
    # Several CPUs in QEMU: the clock is the wall's, on a host that does other things between
    # two looks at it. Calibrations fail, and the kernel finds its clocks to be apart.
    "wall clock": [
        r"tsc: Unable to calibrate against PIT", r"tsc: HPET/PMTIMER calibration failed",
        r"tsc: Marking TSC unstable due to ", r"TSC synchronization ", r"Measured \d+ cycles TSC ",
        r"APIC calibration not consistent with PM-Timer", r"APIC delta adjusted to PM-Timer",
        r"Unstable clock detected, switching default tracing clock",
        r"If you want to keep using the local clock, then add:", r"  'trace_clock=local'$",
        r"on the kernel command line$", r"clocksource: ", r"sched: RT throttling activated",
        r"hrtimer: interrupt took \d+ ns"],
}
RELEASE = {"rt": r"\d-rt-amd64$", "generic": r"\d-amd64$"}
CLOUD = r"\d-cloud-amd64$"


def unexplained_warnings(b, rig_cpus):
    known = EXPLAINED[b.rig]
    if b.rig.startswith("qemu") and rig_cpus > 1:
        known = known + EXPLAINED["wall clock"]
    texts = [re.sub(r"^\[ *\d+\.\d+\] ", "", o["text"]) for o in b.having("dmesg", "text")]
    return [t for t in texts if not any(re.match(k, t) for k in known)]


def reached_userspace(b, cpu_count):
    """Once, by the kernel that the configuration's name says, with so many CPUs; ended well."""
    said = b.having("test", "release", part="linux")
    release = RELEASE.get(b.config.split("_")[1], CLOUD)
    states = [(o["state"], o["status"]) for o in b.having("vcpu", "state", partition="linux")]
    return (b.ended_well and len(said) == 1 and said[0]["cpus"] == cpu_count
            and re.search(release, said[0]["release"]) is not None
            and states == [("ended", 0)] * cpu_count)


# Counters that stay 0 where no frame is lost or damaged: (key of the line, names; none: all).
CLEAN = [("counters", ("rx_errors", "tx_errors", "rx_dropped", "tx_dropped")),
         ("offload", ("rx_csum_offload_errors", "alloc_rx_buff_failed")),
         ("checksum_errors", ()), ("udp_receive_errors", ("udp_receive_errors",))]


def unclean_counters(b, part):
    for key, names in CLEAN:
        rows = b.having(key, part=part)
        if len(rows) != 1:
            yield "%s says %d times %s" % (part, len(rows), key)
            continue
        values = rows[0][key] if isinstance(rows[0][key], dict) else rows[0]
        for name in names or values:
            if values[name] != 0:
                yield "%s: %s %s is %d" % (part, key, name, values[name])


# The two counts are not of the same moment: a last acknowledgement may be between them.
COUNTED_APART = 2


def lost_frames(b, parts, apart):
    """iperf3 counts datagrams that are missing in between, but none at the end."""
    for sender, receiver in (parts, parts[::-1]):
        sent = sum(o["tx_packets"] for o in b.having("counters", "tx_packets", part=sender))
        received = sum(o["rx_packets"] for o in b.having("counters", "rx_packets", part=receiver))
        if sent == 0 or sent - received > apart:
            yield "%s sent %d frames, %s received %d" % (sender, sent, receiver, received)


def disk_troubles(b, part):
    rows = b.having("verify", part=part)
    if len(b.having("disk", part=part)) != 1 or len(rows) != 1:
        yield "%s has no disk, or did not check it" % part
    elif rows[0]["errors"] or not rows[0]["writes"] == rows[0]["reads"] > 0:
        yield "%s: what it read is not what it wrote: %s" % (part, rows[0])


def transfer_troubles(b, frames, datagrams):
    """Of the client: pings, `frames` by TCP, `datagrams` by UDP, and a file."""
    ping, tcp, udp = [(b.having(key, **values) or [{}])[0] for key, values in (
        ("ping", {}), ("iperf3", {"iperf3": "tcp"}), ("iperf3", {"iperf3": "udp"}))]
    if not ping or ping["received"] != ping["ping"]:
        yield "pings: %s" % ping
    if not tcp or tcp["bytes"] < frames * 1448:
        yield "TCP: %s" % tcp
    if not udp or udp["packets"] != datagrams or udp["lost"] != 0:
        yield "UDP: %s" % udp
    sums = {o["sha256"] for o in b.having("sha256")}
    if len(b.having("sha256")) != 2 or len(sums) != 1:
        yield "the file that arrived is not the one that was sent: %s" % sums


def device_troubles(b, frames, datagrams, parts=("linux0", "linux1"), apart=COUNTED_APART):
    """What is wrong with guests/linux/devices' test of both devices in both guests: a list."""
    found = ["%s: %s" % (o["part"], o["broken"]) for o in b.having("broken")]
    found += list(transfer_troubles(b, frames, datagrams)) + list(lost_frames(b, parts, apart))
    for part in parts:
        found += list(unclean_counters(b, part)) + list(disk_troubles(b, part))
        for key, driver in (("nic", "igbvf"), ("devices_done", None)):
            rows = b.having(key, part=part)
            if len(rows) != 1 or rows[0].get("driver") != driver:
                found.append("%s: %s: %s" % (part, key, rows))
    return found


def response_row(b, task):
    """Of the real-time guest beside Linux."""
    rows = b.having("misses", "max_us", part="rt", task=task)
    if len(rows) != 1:
        raise SystemExit("%s has no responses of %s\n%s" % (b.config, task, b.tail()))
    return rows[0]
