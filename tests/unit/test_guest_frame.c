/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_guest_frame.c - the frames of guests/net, damaged in every way, and their count. */
#include <string.h>
#include "guests/net/frame.h"
#include "tests/test.h"

static struct frame example(uint8_t kind, uint32_t bytes)
{
	return (struct frame){ .to = { 2, 0, 0, 0, 0, 1 },
			       .from = { 2, 0, 0, 0, 0, 2 },
			       .kind = kind,
			       .bytes = bytes,
			       .sequence = UINT64_C(0x123456789abcdef0),
			       .time = UINT64_C(0xfedcba9876543210),
			       .counts = { 1, UINT64_C(0xffffffffffffff), 3 } };
}

static bool same(const struct frame *a, const struct frame *b)
{
	return memcmp(a->to, b->to, 6) == 0 && memcmp(a->from, b->from, 6) == 0 &&
	       a->kind == b->kind && a->bytes == b->bytes && a->sequence == b->sequence &&
	       a->time == b->time && memcmp(a->counts, b->counts, sizeof(a->counts)) == 0;
}

static void what_is_written_is_read(void)
{
	static const uint32_t sizes[] = { FRAME_BYTES_MIN, 61, 100, 1513, FRAME_BYTES_MAX };

	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct frame in = example(FRAME_ACK, sizes[i]);
		uint8_t room[FRAME_BYTES_MAX + 4] = { 0 };
		struct frame out;
		bool is_foreign = true;

		frame_write(&in, room);
		CHECK(frame_read(room, in.bytes, &out, &is_foreign) && !is_foreign);
		CHECK(same(&in, &out));
		CHECK(frame_read(room, in.bytes + 4, &out, &is_foreign)); /* with its CRC */
		CHECK(!frame_read(room, in.bytes - 1, &out, &is_foreign) && !is_foreign);
	}
}

static void every_bit_counts(void)
{
	const struct frame in = example(FRAME_DATA, 80);
	uint8_t room[80];
	struct frame out;
	bool is_foreign;

	frame_write(&in, room);
	for (uint32_t bit = 8 * 12; bit < 8 * 80; bit++) {
		room[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK(!frame_read(room, 80, &out, &is_foreign));
		CHECK(is_foreign == (bit < 8 * 14));
		room[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CHECK(frame_read(room, 80, &out, &is_foreign));
}

static void the_checksum_is_that_of_ethernet(void)
{
	const struct frame in = example(FRAME_PING, 60);
	uint8_t room[60];
	uint32_t crc = UINT32_MAX, said;

	frame_write(&in, room);
	memcpy(&said, room + 18, 4);
	memset(room + 18, 0, 4);
	for (uint32_t i = 14; i < 60; i++)
		for (uint32_t bit = 0; bit < 8; bit++) {
			const uint32_t odd = (crc ^ (uint32_t)room[i] >> bit) & 1;

			crc = crc >> 1 ^ (odd ? 0xedb88320 : 0);
		}
	CHECK(said == ~crc);
}

static void foreign_and_short_frames_are_told_apart(void)
{
	uint8_t room[60] = { 0 };
	struct frame out;
	bool is_foreign;

	CHECK(!frame_read(room, 60, &out, &is_foreign) && is_foreign);
	for (uint32_t bytes = 0; bytes < 14; bytes++)
		CHECK(!frame_read(room, bytes, &out, &is_foreign) && !is_foreign);
}

/* Oracle: all that was ever sent, written out. */
static void a_flow_adds_up(void)
{
	uint32_t state = 1;
	bool came[300] = { false };
	uint64_t highest = 0, received = 0, late = 0, gaps = 0;
	struct flow f = { 0 };

	for (uint32_t i = 0; i < 200; i++) {
		state = state * 1664525 + 1013904223;
		const uint64_t sequence = i + (state >> 28);

		flow_take(&f, sequence);
		if (i == 0 || sequence > highest) {
			came[sequence] = true;
			highest = sequence;
			received++;
		} else {
			late++;
		}
	}
	for (uint64_t s = 0; s <= highest; s++)
		gaps += !came[s];
	CHECK(f.received == received && f.late == late && f.lost == gaps);
	CHECK(f.next == highest + 1 && f.received + f.lost == f.next);
}

static void addresses_are_read_strictly(void)
{
	static const char *const bad[] = { "",
					   "02:00:00:00:00",
					   "02:00:00:00:00:1",
					   "02:00:00:00:00:0g",
					   "02-00-00-00-00-01",
					   "02:00:00:00:00:01 ",
					   "2:00:00:00:00:001" };
	const uint8_t expected[6] = { 0x02, 0xab, 0xCD, 0, 0x10, 0xff };
	uint8_t mac[6];

	CHECK(frame_parse_mac("02:ab:CD:00:10:Ff", mac) && memcmp(mac, expected, 6) == 0);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!frame_parse_mac(bad[i], mac));
}

int main(void)
{
	RUN(what_is_written_is_read);
	RUN(every_bit_counts);
	RUN(the_checksum_is_that_of_ethernet);
	RUN(foreign_and_short_frames_are_told_apart);
	RUN(a_flow_adds_up);
	RUN(addresses_are_read_strictly);
	return test_failed;
}
