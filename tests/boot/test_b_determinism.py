# SPDX-License-Identifier: Apache-2.0
"""The same image, booted twice in Bochs, says the same, byte for byte."""
import tools.lib.rigs as rigs

for tag in ("first", "second"):
    rigs.boot_soon("bochs", "demo", tag="bochs-" + tag)


def test_two_boots_in_bochs_give_the_same_bytes():
    first = rigs.boot_once("bochs", "demo", tag="bochs-first")
    second = rigs.boot_once("bochs", "demo", tag="bochs-second")
    assert first.ended_well, first.tail()
    assert len(first.text) > 2000
    assert first.text == second.text
