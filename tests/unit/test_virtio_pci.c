/* SPDX-License-Identifier: Apache-2.0 */
/* The modern virtio transport: its registers, the life of a device, its function on the bus. */
#include <string.h>
#include "io/virtio_pci.h"
#include "io/vpci.h"
#include "tests/test.h"

#define QUEUES   3u
#define FEATURES (BIT64(3) | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED)

/* Offsets: "Common configuration structure layout". */
#define FEATURE_SELECT        0x00u
#define FEATURE               0x04u
#define DRIVER_FEATURE_SELECT 0x08u
#define DRIVER_FEATURE        0x0cu
#define CONFIG_VECTOR         0x10u
#define NUM_QUEUES            0x12u
#define STATUS                0x14u
#define GENERATION            0x15u
#define SELECT                0x16u
#define SIZE                  0x18u
#define VECTOR                0x1au
#define ENABLE                0x1cu
#define NOTIFY_OFF            0x1eu
#define DESC                  0x20u
#define DRIVER                0x28u
#define DEVICE                0x30u

static uint8_t ram[KIB(64)] __attribute__((aligned(4096)));
static const struct gmem memory = { 1, { { 0, sizeof(ram), ram } } };
static const uint8_t device[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
static struct virtio_pci t;

static uint64_t rd(uint64_t offset, uint32_t width)
{
	return virtio_pci_read(&t, offset, width);
}

static enum virtio_pci_event wr(uint64_t offset, uint32_t width, uint64_t value)
{
	return virtio_pci_write(&t, offset, width, value).event;
}

static void start(void)
{
	const struct virtio_pci_config config = { .device_id = 2,
						  .class_code = 0x018000,
						  .features = FEATURES,
						  .queue_count = QUEUES,
						  .queue_size = 64,
						  .device = device,
						  .device_bytes = sizeof(device) };

	CHECK(virtio_pci_init(&t, &config, &memory) == OK);
}

static void agree(uint64_t features)
{
	start();
	wr(STATUS, 1, 1);
	wr(STATUS, 1, 3);
	for (uint32_t i = 0; i < 2; i++) {
		wr(DRIVER_FEATURE_SELECT, 4, i);
		wr(DRIVER_FEATURE, 4, (uint32_t)(features >> 32 * i));
	}
	wr(STATUS, 1, 11);
}

static void set_up(uint32_t queue)
{
	wr(SELECT, 2, queue);
	wr(DESC, 4, 0x1000);
	wr(DRIVER, 4, 0x2000);
	wr(DEVICE, 4, 0x3000);
	wr(VECTOR, 2, queue + 1);
	wr(ENABLE, 2, 1);
}

static void configurations_that_none_has(void)
{
	struct virtio_pci_config c = { .queue_count = 1, .queue_size = 16 };

	CHECK(virtio_pci_init(&t, &c, &memory) == OK);
	c.queue_size = 0;
	CHECK(virtio_pci_init(&t, &c, &memory) == ERR_INVAL);
	c.queue_size = 24;
	CHECK(virtio_pci_init(&t, &c, &memory) == ERR_INVAL);
	c.queue_size = 512;
	CHECK(virtio_pci_init(&t, &c, &memory) == ERR_INVAL);
	c = (struct virtio_pci_config){ .queue_count = 9, .queue_size = 16 };
	CHECK(virtio_pci_init(&t, &c, &memory) == ERR_INVAL);
	c.queue_count = 0;
	CHECK(virtio_pci_init(&t, &c, &memory) == ERR_INVAL);
	c = (struct virtio_pci_config){ .queue_count = 1, .queue_size = 16, .device_bytes = 257 };
	CHECK(virtio_pci_init(&t, &c, &memory) == ERR_INVAL);
}

static void after_a_reset(void)
{
	start();
	CHECK(rd(STATUS, 1) == 0 && rd(GENERATION, 1) == 0 && rd(NUM_QUEUES, 2) == QUEUES);
	CHECK(rd(CONFIG_VECTOR, 2) == 0xffff && rd(SELECT, 2) == 0 && rd(VIRTIO_PCI_ISR, 1) == 0);
	for (uint32_t i = 0; i < 10; i++) {
		wr(SELECT, 2, i);
		CHECK(rd(SIZE, 2) == (i < QUEUES ? 64 : 0));
		CHECK(rd(VECTOR, 2) == (i < QUEUES ? 0xffff : 0));
		CHECK(rd(NOTIFY_OFF, 2) == (i < QUEUES ? i : 0));
		CHECK(rd(ENABLE, 2) == 0 && rd(DESC, 8) == 0);
	}
}

/* Each field in its own width; 64-bit ones whole or in halves; nothing in between. */
static void fields_take_their_own_width(void)
{
	static const uint8_t widths[][2] = {
		{ FEATURE_SELECT, 4 }, { FEATURE, 4 },       { DRIVER_FEATURE_SELECT, 4 },
		{ DRIVER_FEATURE, 4 }, { CONFIG_VECTOR, 2 }, { NUM_QUEUES, 2 },
		{ STATUS, 1 },         { SELECT, 2 },        { SIZE, 2 },
		{ VECTOR, 2 },         { NOTIFY_OFF, 2 },    { DESC, 4 },
		{ DESC + 4, 4 },       { DRIVER, 4 },        { DRIVER + 4, 4 },
		{ DEVICE, 4 },         { DEVICE + 4, 4 }
	};

	agree(FEATURES);
	wr(SELECT, 2, 1);
	wr(DESC, 8, UINT64_C(0x1122334455667788));
	wr(DRIVER, 4, 0x99aabbcc);
	wr(DRIVER + 4, 4, 0xddeeff00);
	wr(DEVICE + 4, 4, 0x12345678);
	wr(CONFIG_VECTOR, 2, 2);
	wr(VECTOR, 2, 3);
	wr(FEATURE_SELECT, 4, 1);
	CHECK(rd(DESC, 8) == UINT64_C(0x1122334455667788) && rd(DESC + 4, 4) == 0x11223344);
	CHECK(rd(DRIVER, 8) == UINT64_C(0xddeeff0099aabbcc) && rd(DEVICE, 8) >> 32 == 0x12345678);
	for (uint32_t at = 0; at < 0x40; at++)
		for (uint32_t width = 1; width <= 4; width *= 2) {
			bool is_field = false;

			for (uint32_t i = 0; i < ARRAY_SIZE(widths); i++)
				is_field |= widths[i][0] == at && widths[i][1] == width;
			CHECK(is_field || rd(at, width) == 0);
			if (!is_field)
				CHECK(wr(at, width, UINT64_MAX) == VIRTIO_PCI_NOTHING);
		}
	CHECK(rd(DESC, 8) == UINT64_C(0x1122334455667788) && rd(VECTOR, 2) == 3);
	CHECK(rd(STATUS, 1) == 11 && rd(CONFIG_VECTOR, 2) == 2 && rd(FEATURE, 4) == 5);
	CHECK(rd(VIRTIO_PCI_TABLE, 4) == 0 && rd(VIRTIO_PCI_PENDING, 8) == 0);
	CHECK(rd(UINT64_MAX, 1) == 0 && wr(UINT64_MAX - 7, 8, 0) == VIRTIO_PCI_NOTHING);
	CHECK(rd(UINT64_MAX - 3, 8) == 0 && rd(BIT64(32), 4) == 0);
}

static void features_are_offered_and_checked(void)
{
	start();
	CHECK(rd(FEATURE, 4) == (uint32_t)FEATURES);
	wr(FEATURE_SELECT, 4, 1);
	CHECK(rd(FEATURE, 4) == FEATURES >> 32);
	wr(FEATURE_SELECT, 4, 2);
	CHECK(rd(FEATURE, 4) == 0);
	agree(FEATURES);
	CHECK(rd(STATUS, 1) == 11);
	wr(DRIVER_FEATURE, 4, 0); /* too late */
	CHECK(rd(DRIVER_FEATURE, 4) == FEATURES >> 32);
	agree(FEATURES & ~VIRTIO_F_VERSION_1);
	CHECK(rd(STATUS, 1) == 3);
	agree(FEATURES | BIT64(40));
	CHECK(rd(STATUS, 1) == 3);
	agree(FEATURES | BIT64(1));
	CHECK(rd(STATUS, 1) == 3);
	agree(VIRTIO_F_VERSION_1);
	CHECK(rd(STATUS, 1) == 11);
	wr(STATUS, 1, 0x8f); /* FAILED */
	CHECK(rd(STATUS, 1) == 0x8f && !virtio_pci_is_live(&t));
}

static void status_bits_are_not_taken_back(void)
{
	agree(FEATURES);
	CHECK(wr(STATUS, 1, 1) == VIRTIO_PCI_NOTHING && rd(STATUS, 1) == 11);
	CHECK(wr(STATUS, 1, 0x70) == VIRTIO_PCI_NOTHING && rd(STATUS, 1) == 11);
	CHECK(wr(STATUS, 1, 15) == VIRTIO_PCI_WENT_LIVE && virtio_pci_is_live(&t));
	CHECK(wr(STATUS, 1, 15) == VIRTIO_PCI_NOTHING);
	start();
	CHECK(wr(STATUS, 1, 7) == VIRTIO_PCI_NOTHING && rd(STATUS, 1) == 3); /* no FEATURES_OK */
	agree(VIRTIO_F_EVENT_IDX);
	CHECK(wr(STATUS, 1, 15) == VIRTIO_PCI_NOTHING && !virtio_pci_is_live(&t));
}

static void queues_are_fixed_once_enabled(void)
{
	agree(VIRTIO_F_VERSION_1);
	wr(SELECT, 2, 2);
	wr(SIZE, 2, 65);
	CHECK(rd(SIZE, 2) == 64);
	wr(SIZE, 2, 0);
	CHECK(rd(SIZE, 2) == 64);
	wr(SIZE, 2, 8);
	set_up(2);
	CHECK(rd(ENABLE, 2) == 1 && rd(SIZE, 2) == 8);
	wr(SIZE, 2, 16);
	wr(DESC, 4, 0x5000);
	wr(ENABLE, 2, 0);
	CHECK(rd(ENABLE, 2) == 1 && rd(SIZE, 2) == 8 && rd(DESC, 8) == 0x1000);
	wr(VECTOR, 2, 4);
	CHECK(rd(VECTOR, 2) == 0xffff); /* there are four: 0 to 3 */
	wr(VECTOR, 2, 0);
	CHECK(rd(VECTOR, 2) == 0 && t.queues[2].ring.size == 8 && !t.queues[2].ring.is_packed);
	wr(SELECT, 2, 0);
	wr(ENABLE, 2, 2);
	CHECK(rd(ENABLE, 2) == 0);
}

static void queues_wait_for_features(void)
{
	start();
	set_up(0);
	CHECK(rd(ENABLE, 2) == 0 && rd(STATUS, 1) == 0);
	agree(FEATURES);
	set_up(0);
	CHECK(rd(ENABLE, 2) == 1 && t.queues[0].ring.is_packed && t.queues[0].ring.has_event_idx &&
	      !t.queues[0].ring.has_indirect);
}

static void a_queue_that_cannot_be_breaks_the_device(void)
{
	agree(VIRTIO_F_VERSION_1);
	wr(SELECT, 2, 0);
	wr(DESC, 4, 0x1008);
	wr(ENABLE, 2, 1);
	CHECK(rd(ENABLE, 2) == 0 && rd(STATUS, 1) == (11 | VIRTIO_DEVICE_NEEDS_RESET));
	CHECK(virtio_pci_take_vectors(&t) == 0 && rd(VIRTIO_PCI_ISR, 1) == 2);
	CHECK(wr(STATUS, 1, 15) == VIRTIO_PCI_NOTHING && !virtio_pci_is_live(&t));
	agree(VIRTIO_F_VERSION_1);
	wr(SIZE, 2, 24); /* split: a power of two */
	set_up(0);
	CHECK(rd(ENABLE, 2) == 0 && (rd(STATUS, 1) & VIRTIO_DEVICE_NEEDS_RESET));
}

static void kicks_come_from_live_queues(void)
{
	struct virtio_pci_effect e;

	agree(VIRTIO_F_VERSION_1);
	set_up(1);
	CHECK(wr(VIRTIO_PCI_NOTIFY + 4, 2, 1) == VIRTIO_PCI_NOTHING);
	wr(STATUS, 1, 15);
	for (uint32_t at = 0; at < PAGE_BYTES; at++) {
		e = virtio_pci_write(&t, VIRTIO_PCI_NOTIFY + at, 2, at);
		CHECK(e.event == (at == 4 ? VIRTIO_PCI_KICKED : VIRTIO_PCI_NOTHING));
		CHECK(at != 4 || e.queue == 1);
	}
	virtio_pci_break(&t);
	CHECK(wr(VIRTIO_PCI_NOTIFY + 4, 2, 1) == VIRTIO_PCI_NOTHING);
}

static void interrupts_have_vectors_or_none(void)
{
	agree(VIRTIO_F_VERSION_1);
	set_up(1);
	wr(STATUS, 1, 15);
	virtio_pci_interrupt(&t, 1);
	CHECK(virtio_pci_take_vectors(&t) == BIT64(2) && virtio_pci_take_vectors(&t) == 0);
	CHECK(rd(VIRTIO_PCI_ISR, 1) == 1 && rd(VIRTIO_PCI_ISR, 1) == 0);
	virtio_pci_interrupt(&t, 0);
	CHECK(virtio_pci_take_vectors(&t) == 0 && rd(VIRTIO_PCI_ISR, 1) == 1);
	wr(CONFIG_VECTOR, 2, 3);
	virtio_pci_break(&t);
	CHECK(virtio_pci_take_vectors(&t) == BIT64(3) && rd(VIRTIO_PCI_ISR, 1) == 2);
	virtio_pci_break(&t); /* said once */
	CHECK(virtio_pci_take_vectors(&t) == 0 && rd(VIRTIO_PCI_ISR, 1) == 0);
	CHECK(rd(STATUS, 1) == (15 | VIRTIO_DEVICE_NEEDS_RESET));
}

static void a_reset_takes_its_time(void)
{
	agree(FEATURES);
	set_up(1);
	wr(CONFIG_VECTOR, 2, 0);
	wr(STATUS, 1, 15);
	virtio_pci_interrupt(&t, 1);
	CHECK(wr(STATUS, 1, 0) == VIRTIO_PCI_RESET_BEGAN);
	CHECK(rd(STATUS, 1) == 15 && !virtio_pci_is_live(&t) && rd(ENABLE, 2) == 0);
	CHECK(wr(STATUS, 1, 0) == VIRTIO_PCI_NOTHING && wr(STATUS, 1, 1) == VIRTIO_PCI_NOTHING);
	wr(SELECT, 2, 1);
	CHECK(rd(SELECT, 2) == 0);
	CHECK(wr(VIRTIO_PCI_NOTIFY + 4, 2, 1) == VIRTIO_PCI_NOTHING);
	virtio_pci_end_reset(&t);
	CHECK(rd(STATUS, 1) == 0 && virtio_pci_take_vectors(&t) == 0);
	after_a_reset();
}

static void the_devices_configuration_is_read_in_any_width(void)
{
	start();
	for (uint32_t width = 1; width <= 8; width *= 2)
		for (uint32_t at = 0; at < 260; at++) {
			uint64_t expected = 0;

			for (uint32_t i = 0; i < width && at + i < sizeof(device); i++)
				expected |= (uint64_t)device[at + i] << 8 * i;
			CHECK(rd(VIRTIO_PCI_DEVICE + at, width) == expected);
		}
}

/* As a driver looks for structures: along the list, by type. */
static void its_function_says_where_structures_are(void)
{
	static const struct {
		uint32_t type, bytes, bar, offset, size;
	} expected[] = { { 1, 16, 0, VIRTIO_PCI_COMMON, 0x38 },
			 { 2, 20, VIRTIO_PCI_IO_BAR, 0, 12 }, /* ports: the driver's choice */
			 { 2, 20, 0, VIRTIO_PCI_NOTIFY, 12 },
			 { 3, 16, 0, VIRTIO_PCI_ISR, 1 },
			 { 4, 16, 0, VIRTIO_PCI_DEVICE, sizeof(device) },
			 { 5, 20, 0, 0, 0 } };
	static struct vpci p;
	struct vpci_facts facts;
	uint32_t index, at, found = 0;

	start();
	virtio_pci_facts(&t, &facts);
	vpci_init(&p);
	CHECK(vpci_add(&p, &facts, &index) == OK);
	CHECK(vpci_place(&p, 0xe0000000, 0xe0100000) == OK);
#define CONFIG(reg, width) vpci_ecam_read(&p, (uint64_t)index << 15 | (reg), width)
	CHECK(CONFIG(0, 4) == 0x10421af4 && CONFIG(8, 4) == 0x01800001);
	CHECK(CONFIG(0x2c, 2) == 0x1af4 && CONFIG(0x2e, 2) >= 0x40 && CONFIG(0x3d, 1) == 0);
	CHECK(CONFIG(0x82, 2) == QUEUES && CONFIG(0x84, 4) == VIRTIO_PCI_TABLE);
	CHECK(CONFIG(0x88, 4) == VIRTIO_PCI_PENDING && (CONFIG(0x10, 4) & 0xf) == 4);
	CHECK(CONFIG(0x42, 2) == 0x92); /* an endpoint integrated in the root complex */
	for (at = CONFIG(0x34, 1); at != 0; at = CONFIG(at + 1, 1)) {
		if (CONFIG(at, 1) != 9)
			continue;
		CHECK(found < ARRAY_SIZE(expected) && at % 4 == 0);
		CHECK(CONFIG(at + 3, 1) == expected[found].type);
		CHECK(CONFIG(at + 2, 1) == expected[found].bytes &&
		      CONFIG(at + 4, 4) == expected[found].bar);
		CHECK(CONFIG(at + 8, 4) == expected[found].offset);
		CHECK(CONFIG(at + 12, 4) == expected[found].size);
		CHECK(expected[found].type != 2 || CONFIG(at + 16, 4) == VIRTIO_PCI_NOTIFY_EACH);
		found++;
	}
	CHECK(found == ARRAY_SIZE(expected));
	/* Ports: as many as queues can want, decoded where they are placed. */
	CHECK(CONFIG(0x18, 4) == (VPCI_IO_FIRST | 1) && CONFIG(0x1c, 4) == 0);
	(void)vpci_ecam_write(&p, (uint64_t)index << 15 | 0x18, 4, UINT32_MAX);
	CHECK(CONFIG(0x18, 4) == ((0x10000 - VIRTIO_PCI_IO_BYTES) | 1));
	(void)vpci_ecam_write(&p, (uint64_t)index << 15 | 4, 2, 1);
	CHECK(CONFIG(4, 2) == 1);
}

int main(void)
{
	RUN(configurations_that_none_has);
	RUN(after_a_reset);
	RUN(fields_take_their_own_width);
	RUN(features_are_offered_and_checked);
	RUN(status_bits_are_not_taken_back);
	RUN(queues_are_fixed_once_enabled);
	RUN(queues_wait_for_features);
	RUN(a_queue_that_cannot_be_breaks_the_device);
	RUN(kicks_come_from_live_queues);
	RUN(interrupts_have_vectors_or_none);
	RUN(a_reset_takes_its_time);
	RUN(the_devices_configuration_is_read_in_any_width);
	RUN(its_function_says_where_structures_are);
	return test_failed;
}
