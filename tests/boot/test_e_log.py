# SPDX-License-Identifier: Apache-2.0
"""What the log held when the machine was reset is told once more by the boot after, once."""
import tools.lib.rigs as rigs

BOOTS = {"bochs": 3, "qemu-iso": 3, "qemu": 2}  # UEFI takes its time
PREVIOUS = "[previous] "
PREVIOUS_LINES = 40  # core/log.c

for rig in BOOTS:
    rigs.boot_soon(rig, "reset", more=("--boots", str(BOOTS[rig])))


def boots_of(run):
    """The hypervisor's lines of each boot, without the firmware's between them."""
    boots = []
    for line in run.lines:
        if line.startswith("[bulkhead] configuration 'reset'"):
            boots.append([])
        if boots and not (boots[-1] and boots[-1][-1].startswith('@{"event":"end"')):
            boots[-1].append(line)
    return boots


def check(rig):
    run = rigs.boot_once(rig, "reset", more=("--boots", str(BOOTS[rig])))
    assert run.ended_well, run.tail()
    boots = boots_of(run)
    assert len(boots) == BOOTS[rig], run.tail()
    assert not any(line.startswith(PREVIOUS) for line in boots[0]), run.tail()
    for before, now in zip(boots, boots[1:]):
        # Its own lines: what it repeated of an earlier boot is not repeated again.
        own = [line for line in before if not line.startswith(PREVIOUS)]
        told = [line[len(PREVIOUS):] for line in now if line.startswith(PREVIOUS)]
        assert told == own[-PREVIOUS_LINES:], "%r\n%r" % (own[-PREVIOUS_LINES:], told)


def test_the_log_survives_a_warm_reset_in_bochs():
    check("bochs")


def test_the_log_survives_a_warm_reset_under_uefi():
    check("qemu")


def test_the_log_survives_a_warm_reset_under_seabios():
    check("qemu-iso")
