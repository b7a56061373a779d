/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "io/virtio_pci.h"
#include "io/vpci.h"

/* "Common configuration structure layout": offset, and in the comment access and width. */
#define DEVICE_FEATURE_SELECT 0x00u /* rw 32 */
#define DEVICE_FEATURE        0x04u /* r  32 */
#define DRIVER_FEATURE_SELECT 0x08u /* rw 32 */
#define DRIVER_FEATURE        0x0cu /* rw 32 */
#define CONFIG_MSIX_VECTOR    0x10u /* rw 16 */
#define NUM_QUEUES            0x12u /* r  16 */
#define DEVICE_STATUS         0x14u /* rw  8 */
#define CONFIG_GENERATION     0x15u /* r   8 */
#define QUEUE_SELECT          0x16u /* rw 16 */
#define QUEUE_SIZE            0x18u /* rw 16 */
#define QUEUE_MSIX_VECTOR     0x1au /* rw 16 */
#define QUEUE_ENABLE          0x1cu /* rw 16 */
#define QUEUE_NOTIFY_OFF      0x1eu /* r  16 */
#define QUEUE_DESC            0x20u /* rw 64 */
#define QUEUE_DRIVER          0x28u /* rw 64 */
#define QUEUE_DEVICE          0x30u /* rw 64 */
#define HIGH                  4u    /* the upper half of a 64-bit field */

/* 64-bit fields are two of 32 bits: "drivers MUST access each field by 32-bit accesses". */
static const uint8_t field_width[VIRTIO_PCI_COMMON_BYTES] = {
	[DEVICE_FEATURE_SELECT] = 4, [DEVICE_FEATURE] = 4,
	[DRIVER_FEATURE_SELECT] = 4, [DRIVER_FEATURE] = 4,
	[CONFIG_MSIX_VECTOR] = 2,    [NUM_QUEUES] = 2,
	[DEVICE_STATUS] = 1,         [CONFIG_GENERATION] = 1,
	[QUEUE_SELECT] = 2,          [QUEUE_SIZE] = 2,
	[QUEUE_MSIX_VECTOR] = 2,     [QUEUE_ENABLE] = 2,
	[QUEUE_NOTIFY_OFF] = 2,      [QUEUE_DESC] = 4,
	[QUEUE_DESC + HIGH] = 4,     [QUEUE_DRIVER] = 4,
	[QUEUE_DRIVER + HIGH] = 4,   [QUEUE_DEVICE] = 4,
	[QUEUE_DEVICE + HIGH] = 4,
};

#define ISR_CONFIG BIT32(1)
#define STATUS_KEPT \
	(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK | VIRTIO_FEATURES_OK | VIRTIO_FAILED)

static void forget_driver(struct virtio_pci *t)
{
	t->features = 0;
	t->feature_select = t->driver_feature_select = 0;
	t->config_vector = VIRTIO_PCI_NO_VECTOR;
	t->queue_select = 0;
	t->isr = 0;
	t->vectors = 0;
	for (uint32_t i = 0; i < VIRTIO_PCI_QUEUE_MAX; i++)
		t->queues[i] = (struct virtio_pci_queue){ .size = t->config.queue_size,
							  .vector = VIRTIO_PCI_NO_VECTOR };
}

enum err virtio_pci_init(struct virtio_pci *t, const struct virtio_pci_config *config,
			 const struct gmem *memory)
{
	const uint32_t size = config->queue_size;

	if (config->queue_count == 0 || config->queue_count > VIRTIO_PCI_QUEUE_MAX || size == 0 ||
	    size > VIRTQUEUE_SIZE_MAX || (size & (size - 1)) != 0 ||
	    config->device_bytes > VIRTIO_PCI_DEVICE_MAX)
		return ERR_INVAL;
	*t = (struct virtio_pci){ .config = *config, .memory = memory };
	forget_driver(t);
	return OK;
}

/* ---- Life ---- */

void virtio_pci_begin_reset(struct virtio_pci *t)
{
	forget_driver(t);
	t->is_resetting = true;
}

void virtio_pci_end_reset(struct virtio_pci *t)
{
	t->status = 0;
	t->is_resetting = false;
}

/* "If DRIVER_OK is set, the device MUST send a device configuration change notification": once. */
void virtio_pci_break(struct virtio_pci *t)
{
	if (t->status & VIRTIO_DEVICE_NEEDS_RESET)
		return;
	t->status |= VIRTIO_DEVICE_NEEDS_RESET;
	t->isr |= ISR_CONFIG;
	if ((t->status & VIRTIO_DRIVER_OK) && t->config_vector != VIRTIO_PCI_NO_VECTOR)
		t->vectors |= BIT64(t->config_vector);
}

static bool are_features_sound(const struct virtio_pci *t)
{
	return (t->features & ~t->config.features) == 0 && (t->features & VIRTIO_F_VERSION_1);
}

static enum virtio_pci_event set_status(struct virtio_pci *t, uint32_t value)
{
	const uint32_t old = t->status;
	uint32_t set = value & STATUS_KEPT & ~old;

	if (value == 0) {
		virtio_pci_begin_reset(t);
		return VIRTIO_PCI_RESET_BEGAN;
	}
	if ((set & VIRTIO_FEATURES_OK) && !are_features_sound(t))
		set &= ~VIRTIO_FEATURES_OK;
	if (!((old | set) & VIRTIO_FEATURES_OK))
		set &= ~VIRTIO_DRIVER_OK;
	t->status = (uint8_t)(old | set);
	if (set & VIRTIO_DRIVER_OK)
		return virtio_pci_is_live(t) ? VIRTIO_PCI_WENT_LIVE : VIRTIO_PCI_NOTHING;
	return set & VIRTIO_FEATURES_OK ? VIRTIO_PCI_AGREED : VIRTIO_PCI_NOTHING;
}

/* ---- Queues ---- */

/* That which is selected, or NULL. */
static struct virtio_pci_queue *selected(struct virtio_pci *t)
{
	return t->queue_select < t->config.queue_count ? &t->queues[t->queue_select] : NULL;
}

static void enable(struct virtio_pci *t, struct virtio_pci_queue *q)
{
	const struct virtqueue_config config = {
		.size = q->size,
		.is_packed = (t->features & VIRTIO_F_RING_PACKED) != 0,
		.has_event_idx = (t->features & VIRTIO_F_EVENT_IDX) != 0,
		.has_indirect = (t->features & VIRTIO_F_INDIRECT_DESC) != 0,
		.desc = q->desc,
		.driver = q->driver,
		.device = q->device,
	};

	if ((t->status & VIRTIO_FEATURES_OK) &&
	    virtqueue_enable(&q->ring, t->memory, &config) != OK)
		virtio_pci_break(t);
}

/* What is not a table entry is none, and reads back so. */
static uint16_t vector_of(const struct virtio_pci *t, uint32_t value)
{
	return (uint16_t)(value <= t->config.queue_count ? value : VIRTIO_PCI_NO_VECTOR);
}

static void set_low(uint64_t *field, uint32_t value)
{
	*field = (*field & ~(uint64_t)UINT32_MAX) | value;
}

static void set_high(uint64_t *field, uint32_t value)
{
	*field = (*field & UINT32_MAX) | (uint64_t)value << 32;
}

/* While it is not enabled: all but its vector is fixed then. */
static void write_queue(struct virtio_pci *t, struct virtio_pci_queue *q, uint32_t reg,
			uint32_t value)
{
	switch (reg) {
	case QUEUE_SIZE:
		if (value != 0 && value <= t->config.queue_size)
			q->size = (uint16_t)value;
		break;
	case QUEUE_ENABLE:
		if (value == 1)
			enable(t, q);
		break;
	case QUEUE_DESC:
		set_low(&q->desc, value);
		break;
	case QUEUE_DESC + HIGH:
		set_high(&q->desc, value);
		break;
	case QUEUE_DRIVER:
		set_low(&q->driver, value);
		break;
	case QUEUE_DRIVER + HIGH:
		set_high(&q->driver, value);
		break;
	case QUEUE_DEVICE:
		set_low(&q->device, value);
		break;
	case QUEUE_DEVICE + HIGH:
		set_high(&q->device, value);
		break;
	default:
		break;
	}
}

static uint32_t read_queue(const struct virtio_pci *t, const struct virtio_pci_queue *q,
			   uint32_t reg)
{
	switch (reg) {
	case QUEUE_SIZE:
		return q->size;
	case QUEUE_MSIX_VECTOR:
		return q->vector;
	case QUEUE_ENABLE:
		return virtqueue_is_enabled(&q->ring);
	case QUEUE_NOTIFY_OFF:
		return t->queue_select;
	case QUEUE_DESC:
		return (uint32_t)q->desc;
	case QUEUE_DESC + HIGH:
		return (uint32_t)(q->desc >> 32);
	case QUEUE_DRIVER:
		return (uint32_t)q->driver;
	case QUEUE_DRIVER + HIGH:
		return (uint32_t)(q->driver >> 32);
	case QUEUE_DEVICE:
		return (uint32_t)q->device;
	case QUEUE_DEVICE + HIGH:
		return (uint32_t)(q->device >> 32);
	default:
		return 0;
	}
}

/* ---- Common configuration ---- */

static uint32_t feature_half(uint64_t features, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(features >> 32 * select);
}

static uint32_t read_common(struct virtio_pci *t, uint32_t reg)
{
	const struct virtio_pci_queue *q;

	switch (reg) {
	case DEVICE_FEATURE_SELECT:
		return t->feature_select;
	case DEVICE_FEATURE:
		return feature_half(t->config.features, t->feature_select);
	case DRIVER_FEATURE_SELECT:
		return t->driver_feature_select;
	case DRIVER_FEATURE:
		return feature_half(t->features, t->driver_feature_select);
	case CONFIG_MSIX_VECTOR:
		return t->config_vector;
	case NUM_QUEUES:
		return t->config.queue_count;
	case DEVICE_STATUS:
		return t->status;
	case CONFIG_GENERATION:
		return 0;
	case QUEUE_SELECT:
		return t->queue_select;
	default:
		q = selected(t);
		return q ? read_queue(t, q, reg) : 0;
	}
}

/* "The driver MUST NOT accept new feature bits after this step": FEATURES_OK. */
static void set_features(struct virtio_pci *t, uint32_t value)
{
	if (t->status & VIRTIO_FEATURES_OK)
		return;
	if (t->driver_feature_select == 0)
		set_low(&t->features, value);
	else if (t->driver_feature_select == 1)
		set_high(&t->features, value);
}

static enum virtio_pci_event write_common(struct virtio_pci *t, uint32_t reg, uint32_t value)
{
	struct virtio_pci_queue *q;

	switch (reg) {
	case DEVICE_STATUS:
		return set_status(t, value);
	case DEVICE_FEATURE_SELECT:
		t->feature_select = value;
		break;
	case DRIVER_FEATURE_SELECT:
		t->driver_feature_select = value;
		break;
	case DRIVER_FEATURE:
		set_features(t, value);
		break;
	case CONFIG_MSIX_VECTOR:
		t->config_vector = vector_of(t, value);
		break;
	case QUEUE_SELECT:
		t->queue_select = (uint16_t)value;
		break;
	default:
		q = selected(t);
		if (q && reg == QUEUE_MSIX_VECTOR)
			q->vector = vector_of(t, value);
		else if (q && !virtqueue_is_enabled(&q->ring))
			write_queue(t, q, reg, value);
		break;
	}
	return VIRTIO_PCI_NOTHING;
}

static bool is_common(uint64_t offset, uint32_t width)
{
	return offset - VIRTIO_PCI_COMMON < VIRTIO_PCI_COMMON_BYTES &&
	       field_width[offset - VIRTIO_PCI_COMMON] == width;
}

/* ---- Accesses ---- */

static uint64_t read_device(const struct virtio_pci *t, uint64_t offset, uint32_t width)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < width && offset + i < t->config.device_bytes; i++)
		value |= (uint64_t)t->config.device[offset + i] << 8 * i;
	return value;
}

uint64_t virtio_pci_read(struct virtio_pci *t, uint64_t offset, uint32_t width)
{
	if (offset - VIRTIO_PCI_DEVICE < VIRTIO_PCI_DEVICE_MAX)
		return read_device(t, offset - VIRTIO_PCI_DEVICE, width);
	if (width == 8 && offset % 8 == 0)
		return virtio_pci_read(t, offset, 4) | virtio_pci_read(t, offset + 4, 4) << 32;
	if (is_common(offset, width))
		return read_common(t, (uint32_t)(offset - VIRTIO_PCI_COMMON));
	if (offset == VIRTIO_PCI_ISR) { /* "reading clears" */
		const uint8_t isr = t->isr;

		t->isr = 0;
		return isr;
	}
	return 0;
}

/* Whichever width, whatever value: the place says it. */
static struct virtio_pci_effect notify(const struct virtio_pci *t, uint32_t offset)
{
	const uint32_t queue = offset / VIRTIO_PCI_NOTIFY_EACH;

	if (offset % VIRTIO_PCI_NOTIFY_EACH != 0 || queue >= t->config.queue_count ||
	    !virtio_pci_is_live(t) || !virtqueue_is_enabled(&t->queues[queue].ring))
		return (struct virtio_pci_effect){ VIRTIO_PCI_NOTHING, 0 };
	return (struct virtio_pci_effect){ VIRTIO_PCI_KICKED, queue };
}

struct virtio_pci_effect virtio_pci_write(struct virtio_pci *t, uint64_t offset, uint32_t width,
					  uint64_t value)
{
	struct virtio_pci_effect effect = { VIRTIO_PCI_NOTHING, 0 };

	if (offset - VIRTIO_PCI_NOTIFY < PAGE_BYTES)
		return notify(t, (uint32_t)(offset - VIRTIO_PCI_NOTIFY));
	if (t->is_resetting)
		return effect;
	if (width == 8 && offset % 8 == 0 && is_common(offset, 4) && is_common(offset + 4, 4)) {
		effect.event = write_common(t, (uint32_t)offset, (uint32_t)value);
		offset += 4;
		width = 4;
		value >>= 32;
	}
	if (is_common(offset, width))
		effect.event = write_common(t, (uint32_t)(offset - VIRTIO_PCI_COMMON),
					    (uint32_t)(value & (UINT64_MAX >> (64 - 8 * width))));
	return effect;
}

/* ---- Its function ---- */

#define VENDOR_ID      0x1af4u /* "PCI Device Discovery": device ID 0x1040 + type */
#define DEVICE_ID_BASE 0x1040u
#define REVISION       1u
#define SUBSYSTEM      0x0040u /* "Non-transitional devices SHOULD have .. 0x40 or higher" */

/* "Virtio Structure PCI Capabilities" */
#define CAP_BYTES      16u
#define CAP_LENGTH     2u
#define CAP_TYPE       3u
#define CAP_BAR        4u
#define CAP_OFFSET     8u
#define CAP_SIZE       12u
#define CAP_EXTRA      16u /* notify_off_multiplier; pci_cfg_data */
#define CAP_COMMON_CFG 1u
#define CAP_NOTIFY_CFG 2u
#define CAP_ISR_CFG    3u
#define CAP_DEVICE_CFG 4u
#define CAP_PCI_CFG    5u

static void put32(uint8_t *at, uint32_t value)
{
	for (uint32_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static struct vpci_vendor *add_capability(struct vpci_facts *facts, uint8_t type, uint32_t offset,
					  uint32_t bytes)
{
	struct vpci_vendor *const c = &facts->vendors[facts->vendor_count++];

	c->bytes = CAP_BYTES;
	c->data[CAP_LENGTH] = CAP_BYTES;
	c->data[CAP_TYPE] = type;
	c->data[CAP_BAR] = VIRTIO_PCI_BAR;
	put32(c->data + CAP_OFFSET, offset);
	put32(c->data + CAP_SIZE, bytes);
	return c;
}

static void lengthen(struct vpci_vendor *c, uint32_t extra)
{
	c->bytes = c->data[CAP_LENGTH] = CAP_BYTES + 4;
	put32(c->data + CAP_EXTRA, extra);
}

void virtio_pci_facts(const struct virtio_pci *t, struct vpci_facts *facts)
{
	struct vpci_vendor *c;

	*facts = (struct vpci_facts){
		.vendor = VENDOR_ID,
		.device = (uint16_t)(DEVICE_ID_BASE + t->config.device_id),
		.subsystem_vendor = VENDOR_ID,
		.subsystem_device = SUBSYSTEM,
		.class_code = t->config.class_code,
		.revision = REVISION,
		.is_pcie = true,
		.msix_count = (uint16_t)(t->config.queue_count + 1),
		.msix_table_bar = VIRTIO_PCI_BAR,
		.msix_table_offset = VIRTIO_PCI_TABLE,
		.msix_pba_bar = VIRTIO_PCI_BAR,
		.msix_pba_offset = VIRTIO_PCI_PENDING,
		.bars = { [VIRTIO_PCI_BAR] = { VPCI_BAR_MEM64, false, VIRTIO_PCI_BAR_BYTES },
			  [VIRTIO_PCI_IO_BAR] = { VPCI_BAR_IO, false, VIRTIO_PCI_IO_BYTES } },
	};
	add_capability(facts, CAP_COMMON_CFG, VIRTIO_PCI_COMMON, VIRTIO_PCI_COMMON_BYTES);
	/* "should use the first instance": a write to a port needs no decoding of instructions. */
	c = add_capability(facts, CAP_NOTIFY_CFG, 0,
			   VIRTIO_PCI_NOTIFY_EACH * t->config.queue_count);
	c->data[CAP_BAR] = VIRTIO_PCI_IO_BAR;
	lengthen(c, VIRTIO_PCI_NOTIFY_EACH);
	c = add_capability(facts, CAP_NOTIFY_CFG, VIRTIO_PCI_NOTIFY,
			   VIRTIO_PCI_NOTIFY_EACH * t->config.queue_count);
	lengthen(c, VIRTIO_PCI_NOTIFY_EACH);
	add_capability(facts, CAP_ISR_CFG, VIRTIO_PCI_ISR, 1);
	add_capability(facts, CAP_DEVICE_CFG, VIRTIO_PCI_DEVICE, t->config.device_bytes);
	c = add_capability(facts, CAP_PCI_CFG, 0, 0);
	lengthen(c, 0);
	c->is_window = true;
}
