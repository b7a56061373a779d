/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_guest_traffic.c - heads of a load's frames, and schedules. */
#include <string.h>
#include "guests/net/traffic.h"
#include "tests/test.h"

static uint8_t room[FRAME_BYTES_MAX + 4] __attribute__((aligned(8)));

static struct traffic_head sample(uint32_t bytes)
{
	return (struct traffic_head){ .to = { 2, 0, 0, 0, 0, 1 },
				      .from = { 2, 0, 0, 0, 0, 9 },
				      .kind = TRAFFIC_ANSWER,
				      .flow = 0x1234,
				      .bytes = bytes,
				      .sequence = UINT64_C(0x1122334455667788),
				      .time = UINT64_C(0xa5a5a5a512345678),
				      .value = UINT64_C(0xfedcba9876543210) };
}

static void what_is_written_is_read(void)
{
	static const uint32_t sizes[] = { FRAME_BYTES_MIN, 92, 554, FRAME_BYTES_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct traffic_head out = sample(sizes[i]);
		struct traffic_head in;

		traffic_write(&out, room);
		CHECK(traffic_read(room, sizes[i], &in) && traffic_read(room, sizes[i] + 4, &in));
		CHECK(!traffic_read(room, sizes[i] - 1, &in));
		CHECK(memcmp(in.to, out.to, 6) == 0 && memcmp(in.from, out.from, 6) == 0);
		CHECK(in.kind == out.kind && in.flow == out.flow && in.bytes == out.bytes);
		CHECK(in.sequence == out.sequence && in.time == out.time && in.value == out.value);
		CHECK(traffic_flow(room) == out.flow);
	}
}

/* Any bit of the type, the kind, the flow, the length, the checksum or a word. */
static void a_damaged_head_is_refused(void)
{
	const struct traffic_head out = sample(100);
	struct traffic_head in;

	traffic_write(&out, room);
	for (uint32_t bit = 12 * 8; bit < TRAFFIC_HEAD_BYTES * 8; bit++) {
		room[bit / 8] = (uint8_t)(room[bit / 8] ^ 1u << bit % 8);
		CHECK(!traffic_read(room, FRAME_BYTES_MAX, &in));
		room[bit / 8] = (uint8_t)(room[bit / 8] ^ 1u << bit % 8);
	}
	CHECK(traffic_read(room, FRAME_BYTES_MAX, &in));
}

static void frames_of_others_are_refused(void)
{
	const struct frame other = { .kind = FRAME_PING, .bytes = 60, .sequence = 3 };
	const struct traffic_head ours = sample(60);
	struct traffic_head head;
	struct frame frame;
	bool is_foreign;

	frame_write(&other, room);
	CHECK(!traffic_read(room, 60, &head));
	traffic_write(&ours, room);
	CHECK(!frame_read(room, 60, &frame, &is_foreign) && is_foreign);
}

static void the_sum_sees_every_byte_of_the_payload_and_none_of_the_head(void)
{
	static const uint32_t sizes[] = { FRAME_BYTES_MIN, 61, 67, 92, 554, FRAME_BYTES_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t sum;

		traffic_fill(room, sizes[i]);
		sum = traffic_sum(room, sizes[i]);
		for (uint32_t at = 0; at < sizes[i]; at++) {
			room[at] ^= 0x10;
			CHECK((traffic_sum(room, sizes[i]) == sum) == (at < TRAFFIC_HEAD_BYTES));
			room[at] ^= 0x10;
		}
		room[sizes[i]] ^= 1;
		CHECK(traffic_sum(room, sizes[i]) == sum);
		CHECK(traffic_sum(room, sizes[i] - 1) != sum);
	}
}

/* Each frame is within a tick of its exact time, however many came before it. */
static void a_rate_does_not_drift(void)
{
	static const uint64_t rates[] = { 1, 3, 700, 48000, 999983 };

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const struct traffic_schedule s = { .start_tsc = 77,
						    .hz = 200000000,
						    .rate = rates[i] };

		for (uint64_t k = 0; k < 100000; k += 1 + k / 7) {
			const unsigned __int128 exact = (unsigned __int128)k * s.hz;
			const uint64_t t = traffic_due(&s, k) - 77;

			CHECK((unsigned __int128)t * s.rate <= exact);
			CHECK((unsigned __int128)(t + 1) * s.rate > exact);
		}
		CHECK(traffic_due(&s, rates[i]) == 77 + s.hz);
	}
}

static void bursts_are_sent_while_on_and_lose_nothing(void)
{
	const struct traffic_schedule s = {
		.start_tsc = 1000, .hz = 1000000, .rate = 1000, .on_tsc = 25000, .off_tsc = 75000
	};

	for (uint64_t k = 0; k < 1000; k++) {
		const uint64_t t = traffic_due(&s, k) - 1000;

		CHECK(t % 100000 < 25000); /* in the burst */
		CHECK(t / 100000 == k / 25 && t % 100000 == k % 25 * 1000);
	}
}

int main(void)
{
	RUN(what_is_written_is_read);
	RUN(a_damaged_head_is_refused);
	RUN(frames_of_others_are_refused);
	RUN(the_sum_sees_every_byte_of_the_payload_and_none_of_the_head);
	RUN(a_rate_does_not_drift);
	RUN(bursts_are_sent_while_on_and_lose_nothing);
	return test_failed;
}
