# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/frames.py - frames as guests/net/frame.h has them, and the line of tools/rig --line: somebody outside
of the machine who speaks to guests. Its time is real time.
"""
import os
import socket
import zlib

TYPE, VERSION = 0x88B5, 1
PING, PONG, DATA, ACK, BYE = 1, 2, 3, 4, 5
HEADER, LEAST, MOST = 38, 60, 1514
COUNT_BYTES = 7


def mac(text):
    return bytes(int(part, 16) for part in text.split(":"))


def payload(count, sequence):
    """Xorshift64, a byte a step."""
    state, out = (sequence + 1) % 2**64 or 1, bytearray()
    for _ in range(count):
        state ^= state << 13 & (2**64 - 1)
        state ^= state >> 7
        state ^= state << 17 & (2**64 - 1)
        out.append(state & 0xFF)
    return bytes(out)


def checksum(data):
    return zlib.crc32(data[14:18] + bytes(4) + data[22:])


def write(to, sender, kind, size, sequence, time=0):
    head = (to + sender + TYPE.to_bytes(2, "big") + bytes([VERSION, kind]) + size.to_bytes(2, "little")
            + bytes(4) + sequence.to_bytes(8, "little") + time.to_bytes(8, "little"))
    data = head + payload(size - HEADER, sequence)
    return data[:18] + checksum(data).to_bytes(4, "little") + data[22:]


def read(data):
    """None: not one of ours, or damaged."""
    if len(data) < LEAST or data[12:15] != TYPE.to_bytes(2, "big") + bytes([VERSION]):
        return None
    size = int.from_bytes(data[16:18], "little")
    if not LEAST <= size <= len(data):
        return None
    data = data[:size]
    if checksum(data) != int.from_bytes(data[18:22], "little"):
        return None
    counts = [int.from_bytes(data[HEADER + COUNT_BYTES * i:HEADER + COUNT_BYTES * (i + 1)], "little")
              for i in range(3)]
    return {"to": data[:6], "from": data[6:12], "kind": data[15], "size": size,
            "sequence": int.from_bytes(data[22:30], "little"),
            "time": int.from_bytes(data[30:38], "little"), "counts": counts,
            "is_whole": data[HEADER:] == payload(size - HEADER, int.from_bytes(data[22:30], "little"))}


class Line:
    """In a folder of its own, before the rig starts: tools/rig --devices --line FOLDER."""

    def __init__(self, folder):
        self.card = os.path.join(folder, "card")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(folder, "peer"))

    def send(self, data):
        """False: nobody is there (yet)."""
        try:
            self.socket.sendto(data, self.card)
            return True
        except OSError:
            return False

    def receive(self, seconds):
        """The next frame of ours, whoever it is for; None: none came."""
        self.socket.settimeout(seconds)
        try:
            while True:
                frame = read(self.socket.recv(4096))
                if frame:
                    return frame
        except OSError:
            return None

    def ask(self, data, kind, sequence, seconds):
        """Sends it and waits for the answer of that kind and sequence."""
        if not self.send(data):
            return None
        frame = self.receive(seconds)
        while frame and (frame["kind"], frame["sequence"]) != (kind, sequence):
            frame = self.receive(seconds)
        return frame

    def close(self):
        self.socket.close()
