/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/virtio_blk/virtio_regs.h - what a virtio block device on PCI has, as its driver sees it.
 *
 * Source   Virtual I/O Device (VIRTIO) Version 1.2, "Virtio Over PCI Bus", "Split Virtqueues", "Block
 *	    Device". Names are theirs.
 * Private to drivers/virtio_blk/ and its tests. Memory is little-endian, as this machine is.
 */
#pragma once
#include "core/lib/base.h"

/* --- "PCI Device Discovery", "Virtio Structure PCI Capabilities" -------------------------------- */

#define VIRTIO_VENDOR            0x1af4u
#define VIRTIO_DEVICE_BLOCK      0x1042u
#define VIRTIO_TRANSITIONAL      0x1001u /* a block device with the legacy interface, too */
#define VIRTIO_CAP_ID            0x09u   /* vendor-specific */
#define VIRTIO_CAP_LENGTH        2u      /* r 8 */
#define VIRTIO_CAP_TYPE          3u      /* r 8 */
#define VIRTIO_CAP_BAR           4u      /* r 8 */
#define VIRTIO_CAP_OFFSET        8u      /* r 32: in the BAR */
#define VIRTIO_CAP_BYTES         12u     /* r 32 */
#define VIRTIO_CAP_MULTIPLIER    16u     /* r 32: of notifications only */
#define VIRTIO_CAP_LENGTH_LEAST  16u
#define VIRTIO_CAP_LENGTH_NOTIFY 20u
#define VIRTIO_CAP_COMMON        1u
#define VIRTIO_CAP_NOTIFY        2u
#define VIRTIO_CAP_DEVICE        4u

/* --- "Common configuration structure layout" ------------------------------------------------------ */

#define VIRTIO_DEVICE_FEATURE_SELECT 0x00u /* rw 32 */
#define VIRTIO_DEVICE_FEATURE        0x04u /* r 32 */
#define VIRTIO_DRIVER_FEATURE_SELECT 0x08u /* rw 32 */
#define VIRTIO_DRIVER_FEATURE        0x0cu /* rw 32 */
#define VIRTIO_NUM_QUEUES            0x12u /* r 16 */
#define VIRTIO_DEVICE_STATUS         0x14u /* rw 8; 0 resets */
#define VIRTIO_CONFIG_GENERATION     0x15u /* r 8 */
#define VIRTIO_QUEUE_SELECT          0x16u /* rw 16 */
#define VIRTIO_QUEUE_SIZE            0x18u /* rw 16 */
#define VIRTIO_QUEUE_ENABLE          0x1cu /* rw 16 */
#define VIRTIO_QUEUE_NOTIFY_OFF      0x1eu /* r 16: in units of the multiplier */
#define VIRTIO_QUEUE_DESC            0x20u /* rw 64 */
#define VIRTIO_QUEUE_DRIVER          0x28u /* rw 64 */
#define VIRTIO_QUEUE_DEVICE          0x30u /* rw 64 */
#define VIRTIO_COMMON_BYTES          0x38u

/* "Device Status Field" */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER      2u
#define VIRTIO_STATUS_DRIVER_OK   4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED      128u
/* What a read gives when nobody answers. */
#define VIRTIO_STATUS_GONE 0xffu

/* "Feature Bits", "Reserved Feature Bits" */
#define VIRTIO_BLK_F_SIZE_MAX     BIT64(1)
#define VIRTIO_BLK_F_SEG_MAX      BIT64(2)
#define VIRTIO_BLK_F_RO           BIT64(5)
#define VIRTIO_BLK_F_BLK_SIZE     BIT64(6)
#define VIRTIO_BLK_F_FLUSH        BIT64(9)
#define VIRTIO_BLK_F_DISCARD      BIT64(13)
#define VIRTIO_BLK_F_WRITE_ZEROES BIT64(14)
#define VIRTIO_F_INDIRECT_DESC    BIT64(28)
#define VIRTIO_F_VERSION_1        BIT64(32)
#define VIRTIO_F_ACCESS_PLATFORM  BIT64(33) /* addresses are translated: there is an IOMMU */
#define VIRTIO_F_ORDER_PLATFORM   BIT64(36)

/* --- "Split Virtqueues" ----------------------------------------------------------------------------- */

struct virtio_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};
_Static_assert(sizeof(struct virtio_desc) == 16, "virtio: a descriptor has 16 bytes");
#define VIRTIO_DESC_NEXT     1u
#define VIRTIO_DESC_WRITE    2u
#define VIRTIO_DESC_INDIRECT 4u

struct virtio_avail {
	uint16_t flags, idx;
	uint16_t ring[];
};
#define VIRTIO_AVAIL_NO_INTERRUPT 1u

struct virtio_used_elem {
	uint32_t id, len;
};
struct virtio_used {
	uint16_t flags, idx;
	struct virtio_used_elem ring[];
};
#define VIRTIO_USED_NO_NOTIFY 1u

/* --- "Block Device" ----------------------------------------------------------------------------------- */

#define VIRTIO_BLK_CAPACITY         0x00u /* r 64, sectors of 512 */
#define VIRTIO_BLK_SIZE_MAX         0x08u /* r 32, bytes of a piece */
#define VIRTIO_BLK_SEG_MAX          0x0cu /* r 32, pieces of a request */
#define VIRTIO_BLK_BLK_SIZE         0x14u /* r 32 */
#define VIRTIO_BLK_DISCARD_MAX      0x24u /* r 32, sectors */
#define VIRTIO_BLK_WRITE_ZEROES_MAX 0x30u /* r 32, sectors */
#define VIRTIO_BLK_MAY_UNMAP        0x38u /* r 8 */
#define VIRTIO_BLK_CONFIG_BYTES     0x39u

struct virtio_blk_header {
	uint32_t type, reserved;
	uint64_t sector;
};
#define VIRTIO_BLK_IN           0u
#define VIRTIO_BLK_OUT          1u
#define VIRTIO_BLK_FLUSH        4u
#define VIRTIO_BLK_DISCARD      11u
#define VIRTIO_BLK_WRITE_ZEROES 13u

struct virtio_blk_range { /* of DISCARD and WRITE_ZEROES */
	uint64_t sector;
	uint32_t sector_count, flags;
};
#define VIRTIO_BLK_UNMAP  1u
#define VIRTIO_BLK_OK     0u
#define VIRTIO_BLK_UNSUPP 2u
