# SPDX-License-Identifier: Apache-2.0
"""A guest that owns its core cannot keep the core from hearing that the run is over."""
import tools.lib.rigs as rigs

RUNS = [("bochs", {}), ("qemu", {})]
for rig, options in RUNS:
    rigs.boot_soon(rig, "owned_tick", **options)


def test_a_timer_that_leaves_no_time_does_not_hold_up_the_end():
    for rig, options in RUNS:
        b = rigs.boot_once(rig, "owned_tick", **options)
        assert b.ended_well, b.tail()
        stopped = [line for line in b.lines if line.startswith("[part hostile] stopped: ")]
        assert not stopped, stopped
