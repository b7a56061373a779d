/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include "guests/blk/device.h"
#include "guests/rt/apic.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/pci.h"
#include "guests/rt/ticks.h"

#define VIRTIO_VENDOR    0x1af4u
#define VIRTIO_BLOCK     0x1042u
#define VECTOR_FIRST     0x60u
#define NO_VECTOR        0xffffu
#define PATIENCE_MS      10000u
#define PCI_COMMAND_BITS (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

/* VIRTIO 1.2, "Virtio Structure PCI Capabilities". */
#define CAPABILITY_KIND(word) ((word) >> 24) /* word 0: ID, next, length, kind */
#define CAPABILITY_BAR        0x04u
#define CAPABILITY_OFFSET     0x08u
#define CAPABILITY_BYTES      0x0cu
#define CAPABILITY_MULTIPLIER 0x10u
#define KIND_COMMON           1u
#define KIND_NOTIFY           2u
#define KIND_SPECIFIC         4u

/* VIRTIO 1.2, "Block Device", "Device configuration layout". */
#define SPECIFIC_CAPACITY    0x00u
#define SPECIFIC_SIZE_MAX    0x08u
#define SPECIFIC_SEG_MAX     0x0cu
#define SPECIFIC_BLOCK_BYTES 0x14u
#define SPECIFIC_TOPOLOGY    0x18u
#define SPECIFIC_WRITEBACK   0x20u
#define SPECIFIC_QUEUES      0x22u
#define SPECIFIC_DISCARD_MAX 0x24u
#define SPECIFIC_ZEROES_MAX  0x30u

static struct device *the_device;

uint64_t device_ticks_from_ms(uint64_t ms)
{
	return ticks_from_us(ms * 1000, guest_info()->tsc_hz);
}

uint64_t device_ns(uint64_t ticks)
{
	return ticks_to_tenth_us(ticks, guest_info()->tsc_hz / 1000) / 10;
}

static bool complain(const char *what)
{
	printf("blk: %s\n", what);
	return false;
}

/* --- registers ----------------------------------------------------------------------------- */

uint64_t device_read(const struct device *d, enum common reg, uint32_t width)
{
	const uint64_t at = d->common + reg;

	switch (width) {
	case 1:
		return *(volatile uint8_t *)at;
	case 2:
		return *(volatile uint16_t *)at;
	default:
		return *(volatile uint32_t *)at;
	}
}

/* VIRTIO 1.2, "Common configuration structure layout": 64-bit fields by halves. */
void device_write(const struct device *d, enum common reg, uint32_t width, uint64_t value)
{
	const uint64_t at = d->common + reg;

	switch (width) {
	case 1:
		*(volatile uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)at = (uint16_t)value;
		break;
	case 8:
		*(volatile uint32_t *)(at + 4) = (uint32_t)(value >> 32);
		/* fall through */
	default:
		*(volatile uint32_t *)at = (uint32_t)value;
	}
}

uint8_t device_status(const struct device *d)
{
	return (uint8_t)device_read(d, COMMON_STATUS, 1);
}

static uint32_t specific(const struct device *d, uint32_t offset)
{
	return *(volatile uint32_t *)(d->specific + offset);
}

static uint64_t read_features(const struct device *d)
{
	uint64_t value;

	device_write(d, COMMON_DEVICE_FEATURE_SELECT, 4, 0);
	value = device_read(d, COMMON_DEVICE_FEATURE, 4);
	device_write(d, COMMON_DEVICE_FEATURE_SELECT, 4, 1);
	return value | device_read(d, COMMON_DEVICE_FEATURE, 4) << 32;
}

void device_read_facts(struct device *d)
{
	const uint64_t f = d->offered;
	struct device_facts *v = &d->facts;

	*v = (struct device_facts){ .block_bytes = SECTOR_BYTES, .queue_count = 1 };
	v->sector_count =
		specific(d, SPECIFIC_CAPACITY) | (uint64_t)specific(d, SPECIFIC_CAPACITY + 4) << 32;
	v->is_read_only = f & FEATURE(FEATURE_READ_ONLY);
	v->size_max = f & FEATURE(FEATURE_SIZE_MAX) ? specific(d, SPECIFIC_SIZE_MAX) : UINT32_MAX;
	v->seg_max = f & FEATURE(FEATURE_SEG_MAX) ? specific(d, SPECIFIC_SEG_MAX) : 1;
	if (f & FEATURE(FEATURE_BLOCK_BYTES))
		v->block_bytes = specific(d, SPECIFIC_BLOCK_BYTES);
	if (f & FEATURE(FEATURE_TOPOLOGY))
		v->physical_exponent = (uint8_t)specific(d, SPECIFIC_TOPOLOGY);
	if (f & FEATURE(FEATURE_WRITE_CACHE))
		v->writeback = *(volatile uint8_t *)(d->specific + SPECIFIC_WRITEBACK);
	if (f & FEATURE(FEATURE_QUEUES))
		v->queue_count = *(volatile uint16_t *)(d->specific + SPECIFIC_QUEUES);
	if (f & FEATURE(FEATURE_DISCARD))
		v->discard_max = specific(d, SPECIFIC_DISCARD_MAX);
	if (f & FEATURE(FEATURE_WRITE_ZEROES))
		v->zeroes_max = specific(d, SPECIFIC_ZEROES_MAX);
}

/* --- setting it up ------------------------------------------------------------------------- */

static struct trap_frame *on_interrupt(struct trap_frame *frame)
{
	const uint64_t entry = frame->vector - VECTOR_FIRST;

	if (entry)
		the_device->queues[entry - 1].interrupts++;
	else
		the_device->config_interrupts++;
	apic_eoi();
	return frame;
}

static bool map_structures(struct device *d)
{
	for (uint32_t at = pci_next_capability(d->pci, PCI_CAPABILITY_VENDOR, 0); at;
	     at = pci_next_capability(d->pci, PCI_CAPABILITY_VENDOR, at)) {
		const uint32_t kind = CAPABILITY_KIND(pci_read(d->pci, at));
		const uint32_t bar = pci_read(d->pci, at + CAPABILITY_BAR) & 0xffu;
		const uint32_t offset = pci_read(d->pci, at + CAPABILITY_OFFSET);
		const uint32_t bytes = pci_read(d->pci, at + CAPABILITY_BYTES);
		uint64_t *const where = kind == KIND_COMMON     ? &d->common
					: kind == KIND_NOTIFY   ? &d->notify
					: kind == KIND_SPECIFIC ? &d->specific
								: NULL;
		const uint64_t base =
			where && !*where ? pci_map_bar(d->pci, bar, (uint64_t)offset + bytes) : 0;

		if (kind == KIND_NOTIFY && pci_port_bar(d->pci, bar) != 0) {
			d->port = (uint16_t)(pci_port_bar(d->pci, bar) + offset);
			d->port_multiplier = pci_read(d->pci, at + CAPABILITY_MULTIPLIER);
		}
		if (!base)
			continue;
		*where = base + offset;
		if (kind == KIND_NOTIFY)
			d->notify_multiplier = pci_read(d->pci, at + CAPABILITY_MULTIPLIER);
	}
	return d->common && d->notify && d->specific;
}

static bool aim_interrupts(struct device *d)
{
	d->msix = pci_msix_table(d->pci, &d->msix_count);
	if (!d->msix)
		return complain("no MSI-X");
	for (uint32_t i = 0; i < d->msix_count && i <= DEVICE_QUEUE_MAX; i++) {
		trap_set_handler((uint8_t)(VECTOR_FIRST + i), on_interrupt);
		pci_msix_aim(d->msix, i, (uint8_t)(VECTOR_FIRST + i));
	}
	return pci_msix_enable(d->pci) || complain("MSI-X cannot be enabled");
}

bool device_open(struct device *d, const struct device_options *options)
{
	*d = (struct device){ .options = *options };
	the_device = d;
	if (!pci_init() || !pci_find(VIRTIO_VENDOR, VIRTIO_BLOCK, &d->pci))
		return complain("not found: no 1af4:1042 on PCI bus 0; "
				"does the configuration give this partition a disk?");
	pci_set_command(d->pci, PCI_COMMAND_BITS);
	if (!map_structures(d))
		return complain("its capabilities do not say where its registers are");
	for (uint32_t q = 0; q < DEVICE_QUEUE_MAX; q++) {
		d->queues[q].memory = memalign(RING_ALIGN, ring_bytes(options->queue_size));
		if (!d->queues[q].memory)
			return complain("not enough memory for its rings");
	}
	return aim_interrupts(d) && device_start(d);
}

/* VIRTIO 1.2, "PCI-specific Initialization And Device Operation": wait until it reads as 0. */
bool device_reset(struct device *d)
{
	const uint64_t until = cpu_rdtsc() + device_ticks_from_ms(PATIENCE_MS);

	device_write(d, COMMON_STATUS, 1, 0);
	while (device_status(d) != 0) {
		if (cpu_rdtsc() > until)
			return complain("the reset does not end");
		apic_pause(cpu_rdtsc() + device_ticks_from_ms(1));
	}
	return true;
}

void device_set_queue(struct device *d, uint16_t q)
{
	struct device_queue *v = &d->queues[q];
	struct ring *r = &v->ring;
	uint16_t size, vector;

	device_write(d, COMMON_QUEUE_SELECT, 2, q);
	size = (uint16_t)device_read(d, COMMON_QUEUE_SIZE, 2);
	if (size > d->options.queue_size)
		size = d->options.queue_size;
	ring_init(r, v->memory, size, d->features & FEATURE(FEATURE_PACKED),
		  d->features & FEATURE(FEATURE_EVENT_IDX));
	v->in_flight = 0;
	vector = d->msix_count > 1 ? (uint16_t)(1 + q % (d->msix_count - 1)) : 0;
	if (d->options.is_polled) {
		vector = NO_VECTOR;
		ring_refuse_interrupts(r);
	}
	device_write(d, COMMON_QUEUE_SIZE, 2, size);
	device_write(d, COMMON_QUEUE_DESC, 8, (uintptr_t)r->desc);
	device_write(d, COMMON_QUEUE_DRIVER, 8, (uintptr_t)r->avail);
	device_write(d, COMMON_QUEUE_DEVICE, 8, (uintptr_t)r->used);
	device_write(d, COMMON_QUEUE_VECTOR, 2, vector);
	v->notify = (volatile uint16_t *)(d->notify + device_read(d, COMMON_QUEUE_NOTIFY, 2) *
							      d->notify_multiplier);
	if (d->port)
		v->notify_port = (uint16_t)(d->port + device_read(d, COMMON_QUEUE_NOTIFY, 2) *
							      d->port_multiplier);
	device_write(d, COMMON_QUEUE_ENABLE, 2, 1);
}

static bool agree_on_features(struct device *d)
{
	const uint64_t must = FEATURE(FEATURE_VERSION_1) | FEATURE(FEATURE_ACCESS_PLATFORM);

	d->offered = read_features(d);
	d->features = d->offered & (d->options.features | must);
	device_write(d, COMMON_DRIVER_FEATURE_SELECT, 4, 0);
	device_write(d, COMMON_DRIVER_FEATURE, 4, (uint32_t)d->features);
	device_write(d, COMMON_DRIVER_FEATURE_SELECT, 4, 1);
	device_write(d, COMMON_DRIVER_FEATURE, 4, (uint32_t)(d->features >> 32));
	device_write(d, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	return device_status(d) & STATUS_FEATURES_OK;
}

bool device_start(struct device *d)
{
	if (!device_reset(d))
		return false;
	device_write(d, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE);
	device_write(d, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	if (!agree_on_features(d))
		return complain("it does not take the features");
	device_read_facts(d);
	device_write(d, COMMON_CONFIG_VECTOR, 2, d->options.is_polled ? NO_VECTOR : 0);
	d->queue_count = d->facts.queue_count;
	if (!(d->features & FEATURE(FEATURE_QUEUES)))
		d->queue_count = 1;
	if (d->queue_count > d->options.queue_count)
		d->queue_count = d->options.queue_count;
	for (uint16_t q = 0; q < d->queue_count; q++)
		device_set_queue(d, q);
	device_write(d, COMMON_STATUS, 1,
		     STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
	return true;
}

/* --- requests ------------------------------------------------------------------------------ */

static bool device_writes_data(uint32_t type)
{
	return type == REQUEST_READ || type == REQUEST_ID;
}

bool device_submit(struct device *d, struct request *r, uint32_t queue)
{
	struct ring_piece pieces[RING_PIECE_MAX];
	struct ring_chain c = { .pieces = pieces, .out_count = 1, .in_count = 1, .token = r };

	r->status = REQUEST_NO_STATUS;
	r->queue = (uint8_t)queue;
	pieces[0] = (struct ring_piece){ &r->head, sizeof(r->head) };
	memcpy(&pieces[1], r->pieces, r->piece_count * sizeof(pieces[0]));
	pieces[1 + r->piece_count] = (struct ring_piece){ (void *)(uintptr_t)&r->status, 1 };
	*(device_writes_data(r->head.type) ? &c.in_count : &c.out_count) += r->piece_count;
	if (d->features & FEATURE(FEATURE_INDIRECT))
		c.table = r->table;
	if (!ring_add(&d->queues[queue].ring, &c))
		return false;
	d->queues[queue].in_flight++;
	return true;
}

void device_kick(struct device *d, uint32_t queue)
{
	if (!ring_publish(&d->queues[queue].ring)) {
		d->kicks_saved++;
		return;
	}
	if (d->queues[queue].notify_port)
		cpu_out16(d->queues[queue].notify_port, (uint16_t)queue);
	else
		*d->queues[queue].notify = (uint16_t)queue;
	d->kicks++;
}

struct request *device_next(struct device *d, uint32_t queue)
{
	uint32_t written;
	struct request *r = ring_next(&d->queues[queue].ring, &written);

	d->queues[queue].in_flight -= r != NULL;
	return r;
}

bool device_has_next(const struct device *d)
{
	for (uint32_t q = 0; q < d->queue_count; q++)
		if (ring_has_next(&d->queues[q].ring))
			return true;
	return false;
}

uint32_t device_in_flight(const struct device *d)
{
	uint32_t sum = 0;

	for (uint32_t q = 0; q < d->queue_count; q++)
		sum += d->queues[q].in_flight;
	return sum;
}

uint64_t device_interrupts(const struct device *d)
{
	uint64_t sum = 0;

	for (uint32_t q = 0; q < d->queue_count; q++)
		sum += d->queues[q].interrupts;
	return sum;
}

static void want_interrupts(struct device *d)
{
	for (uint32_t q = 0; q < d->queue_count; q++) {
		const uint32_t in_flight = d->queues[q].in_flight;
		uint32_t ahead = d->options.coalesce;

		/* One that never comes is not waited for. */
		if (ahead > in_flight)
			ahead = in_flight;
		ring_want_interrupt(&d->queues[q].ring, (uint16_t)(ahead ? ahead : 1));
	}
}

/*
 * The timer is armed anew only when it has to ring earlier, or has rung: a write to it may cost an
 * exit, and a request mostly comes back before.
 */
static void sleep_until(struct device *d, uint64_t until_tsc)
{
	const uint64_t now = cpu_rdtsc();

	if (d->alarm_tsc <= now || until_tsc < d->alarm_tsc) {
		apic_timer_arm(until_tsc);
		d->alarm_tsc = until_tsc;
	}
	d->sleeps++;
	cpu_wait_irq();
}

/* Interrupts are off between the last look and the sleep: one that comes then ends the sleep. */
bool device_wait(struct device *d, uint64_t until_tsc)
{
	while (!device_has_next(d)) {
		if (cpu_rdtsc() >= until_tsc)
			return false;
		if (d->options.is_polled) {
			cpu_pause();
			continue;
		}
		cpu_irq_off();
		want_interrupts(d);
		if (!device_has_next(d))
			sleep_until(d, until_tsc);
		cpu_irq_on();
	}
	return true;
}

uint8_t device_do(struct device *d, struct request *r)
{
	const uint64_t until = cpu_rdtsc() + device_ticks_from_ms(PATIENCE_MS);

	if (!device_submit(d, r, 0))
		return REQUEST_NO_STATUS;
	device_kick(d, 0);
	while (device_wait(d, until))
		if (device_next(d, 0) == r)
			return r->status;
	return REQUEST_NO_STATUS;
}
