/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_verify_virtio.c - two guests on a disk that the machine, virtual itself, has by virtio:
 * tools/rig qemu --virtio-disk. "probe" sends wrong requests, "verify" checks what it has written.
 */
#include "configs/blk.h"

static const struct partition_config partitions[] = {
	BLK_GUEST("probe", 0, RESERVATION(0, MS(2), MS(10)), "mode=probe"),
	BLK_GUEST("verify", 1, RESERVATION(0, MS(2), MS(10)), "mode=verify requests=2000"),
};

static const struct disk_config disks[] = { { .name = "disk", .kind = DISK_VIRTIO } };

BLK_SYSTEM("blk_verify_virtio", BOARD_RIG(1), SEC(60), BLK_SERVICE);
