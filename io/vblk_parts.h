/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/vblk_parts.h - what io/vblk.c and io/vblk_request.c have in common.
 *
 * Model    Feature bits of the block device; the answer to a request.
 * Source   Virtual I/O Device (VIRTIO) Version 1.2, "Block Device", "Feature bits".
 * Units    As io/vblk.h.
 * Errors   None.
 * Sharing  As io/vblk.h; private to it.
 */
#pragma once
#include "io/vblk.h"

#define VBLK_F_SIZE_MAX     BIT64(1)
#define VBLK_F_SEG_MAX      BIT64(2)
#define VBLK_F_RO           BIT64(5)
#define VBLK_F_BLK_SIZE     BIT64(6)
#define VBLK_F_FLUSH        BIT64(9)
#define VBLK_F_TOPOLOGY     BIT64(10)
#define VBLK_F_CONFIG_WCE   BIT64(11)
#define VBLK_F_MQ           BIT64(12)
#define VBLK_F_DISCARD      BIT64(13)
#define VBLK_F_WRITE_ZEROES BIT64(14)

/* So that its length and the status byte fit into the 32 bits of a used element. */
#define VBLK_REQUEST_MAX BIT32(30)

/* Of this life: its status byte, and its chain is used. */
void vblk_answer(struct vblk *d, const struct block_request *r);
