# SPDX-License-Identifier: Apache-2.0
"""
tests/boot/gpt.py - writes a GUID Partition Table. UEFI Specification, "GUID Partition Table (GPT) Disk
Layout".
"""
import struct
import zlib

SECTOR = 512
ENTRIES = 128
ENTRY_BYTES = 128
TABLE_SECTORS = ENTRIES * ENTRY_BYTES // SECTOR
TYPE = bytes(range(1, 17))          # any that is not 0: not unused


def header(sectors, here, other, table_at, table):
    def packed(crc):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, here, other,
                           2 + TABLE_SECTORS, sectors - 2 - TABLE_SECTORS, bytes(16), table_at,
                           ENTRIES, ENTRY_BYTES, zlib.crc32(table))
    return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")


def write(path, mib, partitions):
    """partitions: {name: (first sector, sectors)}."""
    sectors = mib << 11
    table = b"".join(
        struct.pack("<16s16sQQQ72s", TYPE, bytes([n + 1]) * 16, first, first + count - 1, 0,
                    name.encode("utf-16-le")) for n, (name, (first, count)) in enumerate(partitions.items()))
    table = table.ljust(ENTRIES * ENTRY_BYTES, b"\0")
    with open(path, "wb") as f:
        f.truncate(sectors * SECTOR)
        f.seek(SECTOR)
        f.write(header(sectors, 1, sectors - 1, 2, table) + table)
        f.seek((sectors - 1 - TABLE_SECTORS) * SECTOR)
        f.write(table + header(sectors, sectors - 1, 1, sectors - 1 - TABLE_SECTORS, table))
