/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual MSI-X table, and what a message's address and data mean. */
#include <string.h>
#include "io/vmsi.h"
#include "io/vmsix.h"
#include "tests/test.h"

static struct vmsix m;

static bool is_nothing(struct vmsix_effect e)
{
	return e.changed == 0 && e.fire == 0;
}

static void start(uint32_t count)
{
	CHECK(vmsix_init(&m, count) == OK);
}

static void after_a_reset_all_is_masked(void)
{
	CHECK(vmsix_init(&m, 0) == ERR_RANGE && vmsix_init(&m, 65) == ERR_RANGE);
	for (uint32_t count = 1; count <= 64; count++) {
		start(count);
		for (uint32_t i = 0; i < 70; i++) {
			CHECK(vmsix_read(&m, i * 16 + 12, 4) == (i < count ? 1 : UINT32_MAX));
			CHECK(vmsix_read(&m, i * 16, 8) == (i < count ? 0 : UINT64_MAX));
			CHECK(!vmsix_route(&m, i, &(uint64_t){ 0 }, &(uint32_t){ 0 }));
			CHECK(!vmsix_post(&m, i));
		}
		CHECK(vmsix_read_pending(&m, 0, 8, 0) == 0);
	}
}

static void only_aligned_accesses_of_4_and_8_bytes_count(void)
{
	static struct vmsix before;

	start(4);
	before = m;
	for (uint64_t offset = 0; offset < 100; offset++)
		for (uint32_t width = 1; width <= 8; width *= 2) {
			const bool counts = width >= 4 && offset % width == 0 && offset < 64;

			m = before;
			CHECK(is_nothing(vmsix_write(&m, offset, width, 0xfedcba9876543210)));
			CHECK((memcmp(&m, &before, sizeof(m)) != 0) == counts);
			m = before;
			if (!counts)
				CHECK(vmsix_read(&m, offset, width) ==
				      (width == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * width) - 1));
		}
	CHECK(is_nothing(vmsix_write(&m, UINT64_MAX - 3, 4, 0)));
	CHECK(vmsix_read(&m, UINT64_C(1) << 32, 4) == UINT32_MAX);
}

static void a_message_comes_when_three_locks_are_open(void)
{
	uint64_t address;
	uint32_t data;

	for (uint32_t locks = 0; locks < 8; locks++) {
		const bool open = locks == 1;

		start(3);
		vmsix_write(&m, 16, 8, 0x00000001fee00003);
		vmsix_write(&m, 24, 4, 0x41);
		CHECK(is_nothing(vmsix_set_control(&m, locks & 1, locks & 2)));
		CHECK(vmsix_write(&m, 28, 4, locks & 4 ? 1 : 0).changed == (open ? 2 : 0));
		CHECK(vmsix_route(&m, 1, &address, &data) == open);
		CHECK(!open || (address == 0x00000001fee00000 && data == 0x41));
		CHECK(vmsix_post(&m, 1) == open);
		CHECK(vmsix_read_pending(&m, 0, 8, 0) == ((locks & 1) && !open ? 2 : 0));
	}
}

static void what_waits_comes_once_and_by_the_new_route(void)
{
	struct vmsix_effect e;

	start(64);
	vmsix_set_control(&m, true, false);
	CHECK(!vmsix_post(&m, 63) && !vmsix_post(&m, 63) && !vmsix_post(&m, 0));
	CHECK(vmsix_read_pending(&m, 0, 8, 0) == (1 | BIT64(63)));
	CHECK(vmsix_read_pending(&m, 0, 4, 0) == 1 && vmsix_read_pending(&m, 4, 4, 0) == BIT32(31));
	CHECK(vmsix_read_pending(&m, 8, 8, 0) == UINT64_MAX &&
	      vmsix_read_pending(&m, 2, 2, 0) == 0xffff);
	CHECK(vmsix_read_pending(&m, 0, 8, 6) == (7 | BIT64(63)));
	e = vmsix_write(&m, 63 * 16 + 8, 8, 0x55); /* data and control at once */
	CHECK(e.changed == BIT64(63) && e.fire == BIT64(63));
	e = vmsix_write(&m, 63 * 16 + 12, 4, 1);
	CHECK(e.changed == BIT64(63) && e.fire == 0);
	e = vmsix_write(&m, 63 * 16 + 12, 4, 0);
	CHECK(e.fire == 0);
	vmsix_set_control(&m, true, true);
	CHECK(!vmsix_post(&m, 63));
	e = vmsix_set_control(&m, true, false);
	CHECK(e.changed == BIT64(63) && e.fire == BIT64(63));
	vmsix_set_control(&m, false, false);
	CHECK(vmsix_read_pending(&m, 0, 8, 0) == 0); /* entry 0 waited */
	vmsix_set_control(&m, true, false);
	CHECK(vmsix_write(&m, 12, 4, 0).fire == 0);
}

static void a_route_changes_only_if_it_is_open(void)
{
	start(2);
	vmsix_set_control(&m, true, false);
	CHECK(is_nothing(vmsix_write(&m, 0, 4, 0xfee01000)));
	CHECK(vmsix_write(&m, 12, 4, 0).changed == 1 && is_nothing(vmsix_write(&m, 12, 4, 0)));
	CHECK(is_nothing(vmsix_write(&m, 12, 4, 0xfffffffe)) && vmsix_read(&m, 12, 4) == 0);
	CHECK(is_nothing(vmsix_write(&m, 0, 4, 0xfee01000)));
	CHECK(is_nothing(vmsix_write(&m, 0, 4, 0xfee01003))); /* bits 1:0 are none */
	CHECK(vmsix_write(&m, 0, 4, 0xfee02000).changed == 1 &&
	      vmsix_write(&m, 4, 4, 1).changed == 1);
	CHECK(vmsix_write(&m, 8, 4, 1).changed == 1);
}

static void pending_bits_of_no_entry_are_none(void)
{
	start(3);
	CHECK(vmsix_read_pending(&m, 0, 8, UINT64_MAX) == 7);
	CHECK(!vmsix_post(&m, 3) && !vmsix_post(&m, UINT32_MAX));
}

/* ---- Messages: by the figures of "Message Address/Data Register Format" ---- */

static void only_the_interrupt_range_interrupts(void)
{
	struct vmsi_message v;

	CHECK(vmsi_decode(0xfee00000, 0x20, &v) && vmsi_decode(0xfeefffff, 0x20, &v));
	CHECK(!vmsi_decode(0xfedfffff, 0x20, &v) && !vmsi_decode(0xfef00000, 0x20, &v));
	CHECK(!vmsi_decode(0x1fee00000, 0x20, &v) && !vmsi_decode(0, 0x20, &v));
	CHECK(!vmsi_decode(UINT64_MAX, 0x20, &v));
}

static void every_field_is_where_the_manual_has_it(void)
{
	for (uint32_t bits = 0; bits < 1 << 16; bits++) {
		const uint32_t mode = bits >> 8 & 7;
		const bool sound =
			mode != 3 && mode != 6 && (!(bits >> 15 & 1) || (bits >> 14 & 1));
		struct vmsi_message v;

		CHECK(vmsi_decode(0xfee42000, bits, &v) == sound);
		if (!sound)
			continue;
		CHECK(v.vector == (bits & 0xff) && v.delivery == mode && !v.is_logical);
		CHECK(v.is_level == (bits >> 15) && v.destination == 0x42);
	}
}

static void destinations_and_hints(void)
{
	struct vmsi_message v;

	for (uint64_t id = 0; id < 256; id++)
		for (uint32_t bits = 0; bits < 4; bits++) {
			CHECK(vmsi_decode(0xfee00000 | id << 12 | bits << 2, 0x31, &v));
			CHECK(v.destination == (id == 255 ? VMSI_BROADCAST : id));
			CHECK(v.is_logical == (bits & 1));
			CHECK(v.delivery == (bits == 3 ? VMSI_LOWEST : VMSI_FIXED));
		}
	CHECK(vmsi_decode(0xfee0000c, 0x400, &v) && v.delivery == VMSI_NMI);
}

int main(void)
{
	RUN(after_a_reset_all_is_masked);
	RUN(only_aligned_accesses_of_4_and_8_bytes_count);
	RUN(a_message_comes_when_three_locks_are_open);
	RUN(what_waits_comes_once_and_by_the_new_route);
	RUN(a_route_changes_only_if_it_is_open);
	RUN(pending_bits_of_no_entry_are_none);
	RUN(only_the_interrupt_range_interrupts);
	RUN(every_field_is_where_the_manual_has_it);
	RUN(destinations_and_hints);
	return test_failed;
}
