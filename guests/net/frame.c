/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "guests/net/frame.h"

#define VERSION      1u
#define AT_TYPE      12u
#define AT_VERSION   14u
#define AT_KIND      15u
#define AT_BYTES     16u
#define AT_CHECKSUM  18u
#define AT_SEQUENCE  22u
#define AT_TIME      30u
#define COUNT_BYTES  7u          /* three of them fit into the least frame */
#define CRC_REVERSED 0xedb88320u /* IEEE 802.3, "Frame Check Sequence (FCS) field" */
#define MAC_TEXT     17u

_Static_assert(AT_TIME + 8 == FRAME_HEADER_BYTES, "the payload begins behind the time");
_Static_assert(FRAME_HEADER_BYTES + FRAME_COUNTS * COUNT_BYTES <= FRAME_BYTES_MIN,
	       "every frame has room for the counts");

static uint32_t crc_update(uint32_t crc, const uint8_t *data, uint32_t bytes)
{
	static uint32_t table[256];

	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t value = i;

			for (uint32_t bit = 0; bit < 8; bit++)
				value = value >> 1 ^ (value & 1 ? CRC_REVERSED : 0);
			table[i] = value;
		}
	while (bytes--)
		crc = crc >> 8 ^ table[(crc ^ *data++) & 0xff];
	return crc;
}

static uint32_t checksum(const uint8_t *data, uint32_t bytes)
{
	static const uint8_t zero[4];
	uint32_t crc = UINT32_MAX;

	crc = crc_update(crc, data + AT_VERSION, AT_CHECKSUM - AT_VERSION);
	crc = crc_update(crc, zero, sizeof(zero));
	return ~crc_update(crc, data + AT_SEQUENCE, bytes - AT_SEQUENCE);
}

/* Little endian, as all of ours is. */
static void put(uint8_t *at, uint64_t value, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *at, uint32_t bytes)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

/* Xorshift64 (Marsaglia), a byte a step: no two frames are alike. */
static void fill(uint8_t *at, uint32_t bytes, uint64_t sequence)
{
	uint64_t state = sequence + 1 ? sequence + 1 : 1;

	while (bytes--) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		*at++ = (uint8_t)state;
	}
}

void frame_write(const struct frame *frame, uint8_t *room)
{
	uint8_t *payload = room + FRAME_HEADER_BYTES;

	memcpy(room, frame->to, FRAME_MAC_BYTES);
	memcpy(room + FRAME_MAC_BYTES, frame->from, FRAME_MAC_BYTES);
	room[AT_TYPE] = FRAME_TYPE >> 8;
	room[AT_TYPE + 1] = FRAME_TYPE & 0xff;
	room[AT_VERSION] = VERSION;
	room[AT_KIND] = frame->kind;
	put(room + AT_BYTES, frame->bytes, 2);
	put(room + AT_SEQUENCE, frame->sequence, 8);
	put(room + AT_TIME, frame->time, 8);
	fill(payload, frame->bytes - FRAME_HEADER_BYTES, frame->sequence);
	for (uint32_t i = 0; frame->kind == FRAME_ACK && i < FRAME_COUNTS; i++)
		put(payload + COUNT_BYTES * i, frame->counts[i], COUNT_BYTES);
	put(room + AT_CHECKSUM, checksum(room, frame->bytes), 4);
}

bool frame_read(const uint8_t *data, uint32_t bytes, struct frame *frame, bool *is_foreign)
{
	*is_foreign = bytes >= AT_VERSION && (data[AT_TYPE] != FRAME_TYPE >> 8 ||
					      data[AT_TYPE + 1] != (FRAME_TYPE & 0xff));
	if (*is_foreign || bytes < FRAME_BYTES_MIN)
		return false;
	frame->bytes = (uint32_t)get(data + AT_BYTES, 2);
	/* The device may leave its CRC behind the frame. */
	if (data[AT_VERSION] != VERSION || frame->bytes < FRAME_BYTES_MIN || frame->bytes > bytes ||
	    get(data + AT_CHECKSUM, 4) != checksum(data, frame->bytes))
		return false;
	memcpy(frame->to, data, FRAME_MAC_BYTES);
	memcpy(frame->from, data + FRAME_MAC_BYTES, FRAME_MAC_BYTES);
	frame->kind = data[AT_KIND];
	frame->sequence = get(data + AT_SEQUENCE, 8);
	frame->time = get(data + AT_TIME, 8);
	for (uint32_t i = 0; i < FRAME_COUNTS; i++)
		frame->counts[i] = get(data + FRAME_HEADER_BYTES + COUNT_BYTES * i, COUNT_BYTES);
	return true;
}

void flow_take(struct flow *f, uint64_t sequence)
{
	if (sequence < f->next) {
		f->late++;
		return;
	}
	f->lost += sequence - f->next;
	f->next = sequence + 1;
	f->received++;
}

static bool hex_digit(char c, uint32_t *digit)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = c ? strchr(digits, c) : NULL;

	*digit = found ? (uint32_t)(found - digits) % 16 : 0;
	return found;
}

bool frame_parse_mac(const char *text, uint8_t mac[FRAME_MAC_BYTES])
{
	if (strlen(text) != MAC_TEXT)
		return false;
	for (uint32_t i = 0; i < FRAME_MAC_BYTES; i++) {
		uint32_t high, low;

		if (!hex_digit(text[3 * i], &high) || !hex_digit(text[3 * i + 1], &low) ||
		    (i + 1 < FRAME_MAC_BYTES && text[3 * i + 2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
