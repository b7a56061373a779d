/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/virtio_blk/virtio_pci.c - where a device's structures are, and access to them. */
#include "drivers/pci_regs.h"
#include "drivers/virtio_blk/virtio_blk_priv.h"

#define LINKS_MAX 48u /* multiples of 4 in 40H to FFH */
#define BAR_COUNT 6u

static bool is_one(pci_addr_t f)
{
	const uint32_t device = arch_pci_read(f, CFG_DEVICE, 2);

	return arch_pci_read(f, CFG_VENDOR, 2) == VIRTIO_VENDOR &&
	       (device == VIRTIO_DEVICE_BLOCK || device == VIRTIO_TRANSITIONAL);
}

/* The first of each type that is of use: devices list the best first. */
static void take_region(pci_addr_t f, uint32_t at, struct virtio_region *r, uint32_t least)
{
	const struct virtio_region found = {
		.bar = (uint8_t)arch_pci_read(f, at + VIRTIO_CAP_BAR, 1),
		.offset = arch_pci_read(f, at + VIRTIO_CAP_OFFSET, 4),
		.bytes = arch_pci_read(f, at + VIRTIO_CAP_BYTES, 4),
	};

	if (r->bytes == 0 && found.bar < BAR_COUNT && found.bytes >= least &&
	    found.offset % 4 == 0 && found.bytes <= UINT32_MAX - found.offset)
		*r = found;
}

static void take_capability(pci_addr_t f, uint32_t at, struct virtio_layout *l)
{
	const uint32_t length = arch_pci_read(f, at + VIRTIO_CAP_LENGTH, 1);
	const uint32_t type = arch_pci_read(f, at + VIRTIO_CAP_TYPE, 1);

	if (length < VIRTIO_CAP_LENGTH_LEAST || at + length > PCI_CONFIG_BYTES)
		return;
	if (type == VIRTIO_CAP_COMMON)
		take_region(f, at, &l->common, VIRTIO_COMMON_BYTES);
	if (type == VIRTIO_CAP_DEVICE)
		take_region(f, at, &l->device, VIRTIO_BLK_BLK_SIZE + 4);
	if (type == VIRTIO_CAP_NOTIFY && l->notify.bytes == 0 &&
	    length >= VIRTIO_CAP_LENGTH_NOTIFY) {
		take_region(f, at, &l->notify, 2);
		l->notify_multiplier = arch_pci_read(f, at + VIRTIO_CAP_MULTIPLIER, 4);
	}
}

static void note_bar(struct virtio_layout *l, const struct virtio_region *r)
{
	l->bars |= BIT32(r->bar);
	l->bar_bytes[r->bar] = max_u64(l->bar_bytes[r->bar], (uint64_t)r->offset + r->bytes);
}

enum err virtio_blk_find(pci_addr_t function, struct virtio_layout *l)
{
	uint32_t at;

	*l = (struct virtio_layout){ 0 };
	if (!is_one(function))
		return ERR_NODEV;
	if (!(arch_pci_read(function, CFG_STATUS, 2) & STATUS_CAPABILITIES))
		return ERR_UNSUPPORTED;
	at = arch_pci_read(function, CFG_CAPABILITIES, 1) & ~3u;
	for (uint32_t i = 0; i < LINKS_MAX && at >= 0x40; i++) {
		if (arch_pci_read(function, at, 1) == VIRTIO_CAP_ID)
			take_capability(function, at, l);
		at = arch_pci_read(function, at + 1, 1) & ~3u;
	}
	if (!l->common.bytes || !l->notify.bytes || !l->device.bytes)
		return ERR_UNSUPPORTED;
	note_bar(l, &l->common);
	note_bar(l, &l->notify);
	note_bar(l, &l->device);
	return OK;
}

/* Each field by an access of its own width: "PCI Device Layout". */
uint32_t virtio_read(const struct virtio_blk *v, const struct virtio_region *region,
		     uint32_t offset, uint32_t width)
{
	const struct virtio_hook *hook = v->config.hook;
	const volatile uint8_t *at;

	offset += region->offset;
	if (hook)
		return hook->read(hook->context, region->bar, offset, width);
	at = (const volatile uint8_t *)v->config.bars[region->bar] + offset;
	if (width == 1)
		return *at;
	if (width == 2)
		return *(const volatile uint16_t *)(const volatile void *)at;
	return *(const volatile uint32_t *)(const volatile void *)at;
}

/* What was stored to memory before is seen by the device first: nvme_priv.h has why. */
void virtio_write(const struct virtio_blk *v, const struct virtio_region *region, uint32_t offset,
		  uint32_t width, uint32_t value)
{
	const struct virtio_hook *hook = v->config.hook;
	volatile uint8_t *at;

	offset += region->offset;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (hook) {
		hook->write(hook->context, region->bar, offset, width, value);
		return;
	}
	at = (volatile uint8_t *)v->config.bars[region->bar] + offset;
	if (width == 1)
		*at = (uint8_t)value;
	else if (width == 2)
		*(volatile uint16_t *)(volatile void *)at = (uint16_t)value;
	else
		*(volatile uint32_t *)(volatile void *)at = value;
}
