# SPDX-License-Identifier: Apache-2.0
"""
Traffic from outside of the machine, through QEMU's socket back-end and the card's line, to a guest's VF and
back. In real time: only what must be, however slow this machine is.
"""
import shutil
import tempfile
import threading
import time

import tools.lib.frames as frames
import tools.lib.rigs as rigs

GUEST, OTHER = frames.mac("02:00:00:00:00:01"), frames.mac("02:00:00:00:00:02")
NOBODY, US = frames.mac("02:00:00:00:00:77"), frames.mac("02:00:00:00:0e:01")
HELLO_S, ANSWER_S, TRIES = 90, 2, 20
PINGS, SIZES = 60, (60, 554, 1514)


class Peer(threading.Thread):
    """Says hello until somebody is there, pings in all sizes, and says good-bye to both."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.line = frames.Line(folder)
        self.answers, self.wrong, self.byes = 0, [], {}
        self.has_met = False

    def insist(self, to, kind, answer, size, sequence, tries=TRIES):
        data = frames.write(to, US, kind, size, sequence, time=sequence * 3)
        for _ in range(tries):
            frame = self.line.ask(data, answer, sequence, ANSWER_S)
            if frame:
                return frame
        return None

    def meet(self):
        until = time.monotonic() + HELLO_S
        data = frames.write(GUEST, US, frames.PING, frames.LEAST, 0)
        while time.monotonic() < until and not self.has_met:
            self.has_met = self.line.ask(data, frames.PONG, 0, 0.5) is not None
            time.sleep(0.1)

    def run(self):
        self.meet()
        for k in range(1, PINGS + 1) if self.has_met else ():
            size = SIZES[k % len(SIZES)]
            self.line.send(frames.write(NOBODY, US, frames.PING, frames.LEAST, k))
            frame = self.insist(GUEST, frames.PING, frames.PONG, size, k)
            self.answers += frame is not None
            if frame and (frame["from"], frame["to"], frame["size"], frame["time"],
                          frame["is_whole"]) != (GUEST, US, size, 3 * k, True):
                self.wrong.append(frame)
        for who in (GUEST, OTHER):
            self.byes[who] = self.insist(who, frames.BYE, frames.ACK, frames.LEAST, 2**60)


_state = {}


def run():
    if not _state:
        folder = tempfile.mkdtemp(prefix="bulkhead-line-")
        try:
            peer = Peer(folder)
            peer.start()
            _state["boot"] = rigs.boot("qemu-iso", "net_outside", cpus=1, icount=None, timeout=240,
                                       more=("--devices", "--line", folder))
            peer.join(2 * ANSWER_S)
            peer.line.close()
            _state["peer"] = peer
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return _state["boot"], _state["peer"]


def test_somebody_outside_is_answered_by_the_guest_with_that_address():
    b, peer = run()
    assert peer.has_met, b.tail()
    assert peer.answers == PINGS and peer.wrong == [], (peer.answers, peer.wrong, b.tail())
    assert all(peer.byes.values()) and len(peer.byes) == 2, (peer.byes, b.tail())


def test_what_came_was_whole_and_nobody_else_got_it():
    b, _ = run()
    echo, other = (b.having(net="echo", part=p)[0] for p in ("echo", "other"))
    assert echo["pings"] >= PINGS + 1 and echo["corrupt"] == other["corrupt"] == 0, (echo, other)
    assert other["pings"] == 0, other
    assert b.ended_well, b.tail()
