/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "guests/net/traffic.h"

#define AT_TYPE     12u
#define AT_KIND     14u
#define AT_BYTES    18u
#define AT_CHECKSUM 20u
#define AT_SEQUENCE 24u
#define AT_TIME     32u
#define AT_VALUE    40u
#define MIX         UINT64_C(0x9e3779b97f4a7c15) /* odd: no bit of a word is lost in a product */

_Static_assert(AT_VALUE + 8 == TRAFFIC_HEAD_BYTES && TRAFFIC_HEAD_BYTES <= FRAME_BYTES_MIN,
	       "every frame has room for the head");

static uint64_t get(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void put(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* Of all behind the type, the checksum left out. */
static uint32_t checksum(const uint8_t *data)
{
	uint64_t sum = get(data + AT_TYPE) * MIX;

	sum = (sum ^ get(data + AT_SEQUENCE)) * MIX;
	sum = (sum ^ sum >> 32 ^ get(data + AT_TIME)) * MIX;
	sum = (sum ^ sum >> 32 ^ get(data + AT_VALUE)) * MIX;
	return (uint32_t)(sum >> 32);
}

void traffic_write(const struct traffic_head *head, uint8_t *room)
{
	const uint16_t bytes = (uint16_t)head->bytes;
	uint32_t sum;

	memcpy(room, head->to, FRAME_MAC_BYTES);
	memcpy(room + FRAME_MAC_BYTES, head->from, FRAME_MAC_BYTES);
	room[AT_TYPE] = TRAFFIC_TYPE >> 8;
	room[AT_TYPE + 1] = TRAFFIC_TYPE & 0xff;
	room[AT_KIND] = head->kind;
	room[AT_KIND + 1] = 0;
	memcpy(room + TRAFFIC_AT_FLOW, &head->flow, sizeof(head->flow));
	memcpy(room + AT_BYTES, &bytes, sizeof(bytes));
	put(room + AT_SEQUENCE, head->sequence);
	put(room + AT_TIME, head->time);
	put(room + AT_VALUE, head->value);
	sum = checksum(room);
	memcpy(room + AT_CHECKSUM, &sum, sizeof(sum));
}

bool traffic_read(const uint8_t *data, uint32_t bytes, struct traffic_head *head)
{
	uint16_t claimed;
	uint32_t sum;

	if (bytes < FRAME_BYTES_MIN || data[AT_TYPE] != TRAFFIC_TYPE >> 8 ||
	    data[AT_TYPE + 1] != (TRAFFIC_TYPE & 0xff))
		return false;
	memcpy(&sum, data + AT_CHECKSUM, sizeof(sum));
	memcpy(&claimed, data + AT_BYTES, sizeof(claimed));
	/* The device may leave its CRC behind the frame. */
	if (sum != checksum(data) || claimed < FRAME_BYTES_MIN || claimed > bytes)
		return false;
	memcpy(head->to, data, FRAME_MAC_BYTES);
	memcpy(head->from, data + FRAME_MAC_BYTES, FRAME_MAC_BYTES);
	head->kind = data[AT_KIND];
	memcpy(&head->flow, data + TRAFFIC_AT_FLOW, sizeof(head->flow));
	head->bytes = claimed;
	head->sequence = get(data + AT_SEQUENCE);
	head->time = get(data + AT_TIME);
	head->value = get(data + AT_VALUE);
	return true;
}

void traffic_fill(uint8_t *room, uint32_t bytes)
{
	for (uint32_t i = TRAFFIC_HEAD_BYTES; i < bytes; i++)
		room[i] = (uint8_t)(i * 7 + (i >> 8));
}

/* Words, then what is left of one: each counts by its place. */
uint64_t traffic_sum(const uint8_t *data, uint32_t bytes)
{
	uint64_t sum = bytes, last = 0;
	uint32_t i = TRAFFIC_HEAD_BYTES;

	for (; i + 8 <= bytes; i += 8)
		sum = (sum << 1 | sum >> 63) + get(data + i);
	memcpy(&last, data + i, bytes - i);
	return sum + last * MIX;
}

uint64_t traffic_due(const struct traffic_schedule *s, uint64_t k)
{
	uint64_t t = k * s->hz / s->rate;

	if (s->off_tsc)
		t = t / s->on_tsc * (s->on_tsc + s->off_tsc) + t % s->on_tsc;
	return s->start_tsc + t;
}
