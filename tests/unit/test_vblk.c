/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of a virtio block device: what a chain means, what is refused, and its life. */
#include "io/vpci.h"
#include "tests/unit/vblk_guest.h"

static uint8_t guest_ram[GUEST_BYTES] __attribute__((aligned(4096)));

static void start(void)
{
	start_device(&usual_config, 0);
}

/* Answered at once, with this status byte. */
static void answered(uint8_t status)
{
	CHECK(take() == ERR_RANGE && ram[GUEST_STATUS] == status && vblk_taken_count(&d) == 0);
	vblk_show(&d, 0);
}

static void both(void (*test)(void))
{
	is_packed = false;
	test();
	is_packed = true;
	test();
}

static void configurations_that_none_has(void)
{
	struct vblk_config c = usual_config;

	CHECK(vblk_init(&d, &c, &memory) == OK);
#define REFUSED(field, value) \
	do { \
		c = usual_config; \
		c.field = value; \
		CHECK(vblk_init(&d, &c, &memory) == ERR_INVAL); \
	} while (0)
	REFUSED(block_bytes, 256);
	REFUSED(block_bytes, 8192);
	REFUSED(block_bytes, 1000);
	REFUSED(request_max_bytes, 2048);
	REFUSED(request_max_bytes, 4097);
	REFUSED(request_max_bytes, BIT32(31));
	REFUSED(queue_count, 0);
	REFUSED(queue_count, 9);
	REFUSED(queue_size, 8);
	REFUSED(queue_size, 20);
	REFUSED(first_sector, UINT64_MAX);
	REFUSED(sector_count, UINT64_MAX / 512);
	c = usual_config;
	c.block_bytes = 4096;
	CHECK(vblk_init(&d, &c, &memory) == OK);
	c.sector_count = 801;
	CHECK(vblk_init(&d, &c, &memory) == ERR_INVAL);
}

static uint64_t config_at(uint32_t at, uint32_t width)
{
	return read_at(VIRTIO_PCI_DEVICE + at, width);
}

/* However many segments of whatever size a driver makes within them: never too long. */
static void limits_keep_requests_short(void)
{
	for (uint32_t max = 4096; max <= MIB(8); max += max < 65536 ? 512 : 81920)
		for (uint32_t size = 16; size <= 256; size *= 2) {
			struct vblk_config c = usual_config;

			c.request_max_bytes = max;
			c.queue_size = (uint16_t)size;
			CHECK(vblk_init(&d, &c, &memory) == OK);
			CHECK(config_at(8, 4) >= 4096 && config_at(8, 4) % 4096 == 0);
			CHECK(config_at(12, 4) >= 1 && config_at(12, 4) + 2 <= size);
			CHECK(config_at(12, 4) <= BLOCK_SEGMENT_MAX);
			CHECK(config_at(8, 4) * config_at(12, 4) <= max);
			CHECK(config_at(36, 4) * 512 <= max && config_at(48, 4) * 512 <= max);
		}
}

static void what_it_says_of_itself(void)
{
	struct vblk_config c = usual_config;

	c.queue_count = 4;
	c.block_bytes = 4096;
	CHECK(vblk_init(&d, &c, &memory) == OK);
	CHECK(config_at(0, 8) == 800 && config_at(20, 4) == 4096 && config_at(34, 2) == 4);
	CHECK(config_at(40, 4) == 1 && config_at(44, 4) == 8 && config_at(52, 4) == 1);
	CHECK(config_at(32, 1) == 1 && config_at(33, 1) == 0 && config_at(57, 2) == 0);
	CHECK(config_at(26, 2) == 1 && config_at(28, 4) == 16 && config_at(60, 4) == 0);
	CHECK(d.pci.config.features ==
	      (BIT64(1) | BIT64(2) | BIT64(6) | BIT64(9) | BIT64(10) | BIT64(11) | BIT64(12) |
	       BIT64(13) | BIT64(14) | BIT64(28) | BIT64(29) | BIT64(32) | BIT64(34)));
	c.refuses_packed = true;
	CHECK(vblk_init(&d, &c, &memory) == OK);
	CHECK(!(d.pci.config.features & BIT64(34)) && (d.pci.config.features & BIT64(32)));
	c.is_read_only = true;
	c.queue_count = 1;
	CHECK(vblk_init(&d, &c, &memory) == OK);
	CHECK((d.pci.config.features & (BIT64(5) | BIT64(12) | BIT64(13) | BIT64(14))) == BIT64(5));
}

static void a_read_and_a_write(void)
{
	struct vblk_effect e;

	start();
	request(0, 8, 4096, 2);
	e = write_at(VIRTIO_PCI_NOTIFY, 2, 0);
	CHECK(e.kicked == 1 && e.vectors == 0 && !e.was_reset);
	CHECK(take() == OK && r.op == BLOCK_READ && r.client == 5 && r.queue == 0);
	CHECK(r.sector == 1008 && r.sector_count == 8 && r.segment_count == 1 && !r.is_fua);
	CHECK(r.segments[0].at == ram + GUEST_DATA && r.segments[0].bytes == 4096);
	CHECK(vblk_taken_count(&d) == 1 && ram[GUEST_STATUS] == 0xee);
	e = vblk_show(&d, 0);
	CHECK(e.vectors == 0);
	vblk_end(&d, &r);
	CHECK(ram[GUEST_STATUS] == 0 && vblk_taken_count(&d) == 0);
	e = vblk_show(&d, 0);
	CHECK(e.vectors == 2 && used_bytes(0) == 4097);
	request(1, 792, 4096, 0);
	CHECK(take() == OK && r.op == BLOCK_WRITE && r.sector == 1792 && r.sector_count == 8);
	CHECK(r.segment_count == 1 && r.segments[0].at == ram + GUEST_DATA);
	r.status = BLOCK_IO_ERROR;
	vblk_end(&d, &r);
	CHECK(ram[GUEST_STATUS] == 1);
	vblk_show(&d, 0);
	CHECK(used_bytes(is_packed ? 3 : 1) == 1);
	CHECK(take() == ERR_BUSY);
}

static void a_failed_read_has_written_nothing(void)
{
	start();
	request(0, 0, 512, 2);
	CHECK(take() == OK);
	r.status = BLOCK_UNSUPPORTED;
	vblk_end(&d, &r);
	vblk_show(&d, 0);
	CHECK(ram[GUEST_STATUS] == 2 && used_bytes(0) == 0);
}

static void ranges(void)
{
	static const struct {
		uint64_t sector;
		uint32_t bytes;
		bool is_right;
	} cases[] = {
		{ 799, 512, true },          { 799, 1024, false },
		{ 800, 512, false },         { 0, 65536, true },
		{ 0, 66048, false },         { UINT64_MAX, 512, false },
		{ UINT64_MAX, 1024, false }, { 0, 511, false },
		{ 0, 513, false },           { UINT64_MAX / 512 + 1, 512, false },
	};

	for (uint32_t type = 0; type < 2; type++)
		for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
			start();
			request(type, cases[i].sector, cases[i].bytes, type ? 0 : 2);
			if (!cases[i].is_right) {
				answered(1);
				continue;
			}
			CHECK(take() == OK && r.sector == 1000 + cases[i].sector);
			CHECK(block_bytes(&r) == cases[i].bytes);
		}
	start();
	request(0, 800, 0, 0);
	answered(0); /* nothing of nothing */
	request(0, 801, 0, 0);
	answered(1);
}

static void whole_blocks_only(void)
{
	struct vblk_config c = usual_config;

	c.block_bytes = 4096;
	start_device(&c, 0);
	request(0, 1, 4096, 2);
	answered(1);
	request(0, 8, 2048, 2);
	answered(1);
	request(0, 8, 8192, 2);
	CHECK(take() == OK && r.sector == 1008 && r.sector_count == 16);
}

static void read_only_disks(void)
{
	struct vblk_config c = usual_config;

	c.is_read_only = true;
	start_device(&c, 0);
	request(1, 0, 512, 0);
	answered(1);
	request(11, 0, 16, 0);
	answered(1);
	request(13, 0, 16, 0);
	answered(1);
	request(0, 0, 512, 2);
	CHECK(take() == OK);
}

static void unknown_operations(void)
{
	static const uint32_t types[] = { 2, 3, 5, 7, 10, 12, 14, 16, 0x80000000, UINT32_MAX };

	start();
	for (uint32_t i = 0; i < ARRAY_SIZE(types); i++) {
		request(types[i], 0, 512, i & 2);
		answered(2);
	}
}

static void the_serial_number(void)
{
	static const uint32_t sizes[] = { 20, 5, 64 };

	for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		start();
		memset(ram + GUEST_DATA, 0xcc, 100);
		request(8, 0, sizes[i], 2);
		answered(0);
		CHECK(memcmp(ram + GUEST_DATA, usual_config.serial,
			     sizes[i] < 20 ? sizes[i] : 20) == 0);
		CHECK(ram[GUEST_DATA + (sizes[i] < 20 ? sizes[i] : 20)] == 0xcc);
		CHECK(used_bytes(0) == (sizes[i] == 64 ? 20 : sizes[i] + 1));
	}
	start();
	request(8, 0, 0, 0);
	answered(0);
}

static void put_range(uint64_t sector, uint32_t count, uint32_t flags)
{
	memcpy(ram + GUEST_DATA, &sector, 8);
	memcpy(ram + GUEST_DATA + 8, &count, 4);
	memcpy(ram + GUEST_DATA + 12, &flags, 4);
}

static void discard_and_write_zeroes(void)
{
	for (uint32_t is_zeroes = 0; is_zeroes < 2; is_zeroes++) {
		const uint32_t type = is_zeroes ? 13 : 11;

		start();
		put_range(100, 128, 0);
		request(type, 77, 16, 0);
		CHECK(take() == OK && r.op == (is_zeroes ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD));
		CHECK(r.sector == 1100 && r.sector_count == 128 && r.segment_count == 0);
		CHECK(!r.may_unmap);
		start();
		put_range(100, 8, 1);
		request(type, 0, 16, 0);
		if (is_zeroes)
			CHECK(take() == OK && r.may_unmap);
		else
			answered(2);
		start();
		put_range(100, 8, 2);
		request(type, 0, 16, 0);
		answered(2);
		put_range(100, 129, 0);
		request(type, 0, 16, 0);
		answered(1);
		put_range(799, 2, 0);
		request(type, 0, 16, 0);
		answered(1);
		put_range(0, UINT32_MAX, 0);
		request(type, 0, 16, 0);
		answered(1);
		put_range(0, 8, 0);
		request(type, 0, 32, 0);
		answered(1);
		request(type, 0, 15, 0);
		answered(1);
		request(type, 0, 0, 0);
		answered(1);
		start_device(&usual_config, F_DISCARD | F_WRITE_ZEROES);
		request(type, 0, 16, 0);
		answered(2);
	}
}

static void flush(void)
{
	struct vblk_config c = usual_config;

	start();
	request(4, 0, 0, 0);
	CHECK(take() == OK && r.op == BLOCK_FLUSH && r.sector_count == 0 && r.segment_count == 0);
	vblk_end(&d, &r);
	CHECK(ram[GUEST_STATUS] == 0);
	start_device(&usual_config, F_FLUSH);
	request(4, 0, 0, 0);
	answered(2);
	c.has_cache = false;
	start_device(&c, 0);
	request(4, 0, 0, 0);
	answered(0);
}

/* "Device Operation": when a write is stable once it is completed. */
static void fua_is_as_the_cache_mode_says(void)
{
	for (uint32_t i = 0; i < 64; i++) {
		const bool has_cache = i & 1, through = i & 2, flush = i & 4, wce = i & 8;
		const bool writes = i & 16, value = i & 32;
		struct vblk_config c = usual_config;
		bool is_back = has_cache && !through && flush;

		c.has_cache = has_cache;
		c.is_writethrough = through;
		start_device(&c, (flush ? 0 : F_FLUSH) | (wce ? 0 : F_CONFIG_WCE));
		CHECK(config_at(32, 1) == is_back);
		if (writes) {
			write_at(VIRTIO_PCI_DEVICE + 32, 1, value);
			if (wce && has_cache)
				is_back = value;
		}
		CHECK(config_at(32, 1) == is_back);
		request(1, 0, 512, 0);
		CHECK(take() == OK && r.is_fua == (has_cache && (!is_back || !flush)));
		put_range(0, 8, 0);
		request(13, 0, 16, 0);
		CHECK(take() == OK && r.is_fua == (has_cache && (!is_back || !flush)));
		request(0, 0, 512, 2);
		CHECK(take() == OK && !r.is_fua);
	}
	start();
	write_at(VIRTIO_PCI_DEVICE + 32, 2, 0); /* no byte's access */
	write_at(VIRTIO_PCI_DEVICE + 31, 1, 0);
	write_at(VIRTIO_PCI_DEVICE + 0, 8, 0);
	CHECK(config_at(32, 1) == 1 && config_at(0, 8) == 800);
}

/* Cut anywhere: header, data and status are the same bytes. */
static void any_framing_is_the_same_request(void)
{
	for (uint32_t first = 1; first < 40; first++)
		for (uint32_t type = 0; type < 2; type++) {
			const uint32_t in_bytes = 16 + (type ? 1024 : 0);
			const uint32_t out_bytes = type ? 1 : 1025;
			uint64_t at = GUEST_DATA - 16, skip = type ? 16 : 0, total = 0;
			const uint64_t out_at = type ? GUEST_STATUS : GUEST_DATA;
			uint32_t left = in_bytes;

			start();
			put_header(type, 3);
			memcpy(ram + GUEST_DATA - 16, ram + GUEST_HEADER, 16);
			for (uint32_t n = first; left > 0; at += n, left -= n, n = first + 23) {
				n = n < left ? n : left;
				add_desc(at, n, 1);
			}
			for (left = out_bytes, at = 0; left > 0;) {
				const uint32_t n = left < first + 50 ? left : first + 50;

				left -= n;
				add_desc(out_at + at, n, left ? 3 : 2);
				at += n;
			}
			make_available(0);
			CHECK(take() == OK && r.op == (type ? BLOCK_WRITE : BLOCK_READ));
			CHECK(r.sector == 1003 && r.sector_count == 2);
			for (uint32_t i = 0; i < r.segment_count; i++) {
				CHECK(r.segments[i].at == ram + GUEST_DATA + total);
				total += r.segments[i].bytes;
			}
			CHECK(total == 1024 && skip <= 16);
			vblk_end(&d, &r);
			CHECK(ram[type ? GUEST_STATUS : GUEST_DATA + 1024] == 0);
		}
}

/* 65 pieces of data: the chain may have them, a request may not. */
static void one_piece_too_many(void)
{
	struct vblk_config c = usual_config;

	c.queue_size = 128;
	for (uint32_t pieces = 64; pieces <= 65; pieces++) {
		start_device(&c, 0);
		put_header(0, 0);
		add_desc(GUEST_HEADER, 16, 1);
		for (uint32_t i = 0; i < pieces; i++)
			add_desc(GUEST_DATA + 512 * i, i == 64 ? 513 : 512, i + 1 < pieces ? 3 : 2);
		if (pieces == 64) { /* the last one's last byte is the status */
			memcpy(ram + GUEST_DESC + 16 * 64 + 8, &(uint32_t){ 513 }, 4);
			make_available(0);
			CHECK(take() == OK && r.segment_count == 64 && r.sector_count == 64);
			continue;
		}
		make_available(0);
		CHECK(take() == ERR_RANGE && ram[GUEST_DATA + 512 * 65] == 1);
	}
}

static void broken(void)
{
	struct vblk_effect e;

	CHECK(take() == ERR_INVAL && read_at(0x14, 1) == 0x4f && !vblk_is_live(&d));
	e = vblk_show(&d, 0);
	CHECK(e.vectors == 1); /* configuration, once */
	e = vblk_show(&d, 0);
	CHECK(e.vectors == 0 && take() == ERR_INVAL && read_at(VIRTIO_PCI_ISR, 1) == 2);
	CHECK(write_at(VIRTIO_PCI_NOTIFY, 2, 0).kicked == 0);
	e = write_at(0x14, 1, 0);
	CHECK(e.was_reset && read_at(0x14, 1) == 0);
}

static void chains_that_are_no_request(void)
{
	start();
	put_header(0, 0);
	add_desc(GUEST_HEADER, 16, 0);
	make_available(0);
	broken(); /* no status byte */
	start();
	add_desc(GUEST_HEADER, 15, 1);
	add_desc(GUEST_STATUS, 1, 2);
	make_available(0);
	broken(); /* no header */
	start();
	add_desc(GUEST_STATUS, 600, 2);
	make_available(0);
	broken();
	start();
	add_desc(GUEST_BYTES - 15, 16, 1);
	add_desc(GUEST_STATUS, 1, 2);
	make_available(0);
	broken();
	start();
	add_desc(GUEST_HEADER, 0, 0);
	make_available(0);
	broken();
}

/* What was taken before it broke ends as always; one that breaks loses nothing of another's. */
static void requests_at_hand_outlive_the_break(void)
{
	static struct block_request first;
	struct vblk_effect e;

	start();
	request(0, 0, 512, 2);
	CHECK(vblk_take(&d, 0, &first) == OK);
	add_desc(GUEST_BYTES, 16, 0);
	make_available(3);
	CHECK(take() == ERR_INVAL && vblk_taken_count(&d) == 1);
	vblk_end(&d, &first);
	e = vblk_show(&d, 0);
	CHECK(e.vectors == 3 && ram[GUEST_STATUS] == 0 && used_bytes(0) == 513);
}

static void a_reset_waits_for_all(void)
{
	static struct block_request old[3];
	static uint8_t before[GUEST_BYTES];
	struct vblk_effect e;

	for (uint32_t by_guest = 0; by_guest < 2; by_guest++) {
		start();
		for (uint32_t i = 0; i < 3; i++) {
			request(0, i, 512, 2);
			CHECK(vblk_take(&d, 0, &old[i]) == OK);
		}
		request(0, 9, 512, 2);
		e = by_guest ? write_at(0x14, 1, 0) : vblk_reset(&d);
		CHECK(e.was_reset && e.kicked == 0 && read_at(0x14, 1) == 15);
		CHECK(take() == ERR_BUSY && !vblk_is_live(&d) && vblk_taken_count(&d) == 3);
		memcpy(before, ram, GUEST_BYTES);
		for (uint32_t i = 0; i < 3; i++) {
			CHECK(read_at(0x14, 1) == 15);
			vblk_end(&d, &old[i]);
			CHECK(vblk_show(&d, 0).vectors == 0);
		}
		CHECK(read_at(0x14, 1) == 0 && vblk_taken_count(&d) == 0);
		CHECK(memcmp(before, ram, GUEST_BYTES) == 0);
		CHECK(drive(0).kicked == 1 && vblk_is_live(&d));
		request(0, 1, 512, 2);
		CHECK(take() == OK && r.sector == 1001);
	}
	/* A reset within a reset, with another life between. */
	write_at(0x14, 1, 0);
	vblk_reset(&d);
	CHECK(read_at(0x14, 1) == 15);
	vblk_end(&d, &r);
	CHECK(read_at(0x14, 1) == 0);
	CHECK(vblk_reset(&d).was_reset && read_at(0x14, 1) == 0);
}

static void kicks_as_wanted(void)
{
	start();
	CHECK(take() == ERR_BUSY); /* EVENT_IDX: from here on the next one is announced */
	CHECK(!vblk_want_kicks(&d, 0));
	vblk_refuse_kicks(&d, 0);
	request(0, 0, 512, 2);
	CHECK(vblk_want_kicks(&d, 0) && take() == OK);
	CHECK(vblk_init(&d, &usual_config, &memory) == OK);
	CHECK(!vblk_want_kicks(&d, 0));
	vblk_refuse_kicks(&d, 0);
}

static void its_function(void)
{
	struct vpci_facts facts;

	start();
	vblk_facts(&d, &facts);
	CHECK(facts.vendor == 0x1af4 && facts.device == 0x1042 && facts.class_code == 0x018000);
	CHECK(facts.msix_count == 2 && facts.vendor_count == 6);
}

static void split_or_packed(void)
{
	both(a_read_and_a_write);
	both(a_failed_read_has_written_nothing);
	both(ranges);
	both(any_framing_is_the_same_request);
	both(one_piece_too_many);
	both(chains_that_are_no_request);
	both(requests_at_hand_outlive_the_break);
	both(a_reset_waits_for_all);
	both(kicks_as_wanted);
	is_packed = false;
}

int main(void)
{
	ram = guest_ram;
	memory = (struct gmem){ 1, { { 0, GUEST_BYTES, ram } } };
	RUN(configurations_that_none_has);
	RUN(limits_keep_requests_short);
	RUN(what_it_says_of_itself);
	RUN(split_or_packed);
	RUN(whole_blocks_only);
	RUN(read_only_disks);
	RUN(unknown_operations);
	RUN(the_serial_number);
	RUN(discard_and_write_zeroes);
	RUN(flush);
	RUN(fua_is_as_the_cache_mode_says);
	RUN(its_function);
	return test_failed;
}
