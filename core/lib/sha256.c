/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/lib/hex.h"
#include "core/lib/sha256.h"

#define BLOCK_BYTES 64u
#define ROUND_COUNT 64u

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[ROUND_COUNT] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t x, uint32_t bits)
{
	return x >> bits | x << (32 - bits);
}

static uint32_t load_big(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store_big(uint8_t *at, uint32_t v)
{
	for (uint32_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* "SHA-256 Hash Computation", steps 1 to 4, for one block; a..h are s[0]..s[7]. */
static void hash_block(uint32_t hash[8], const uint8_t *block)
{
	uint32_t w[ROUND_COUNT];
	uint32_t s[8];

	for (uint32_t t = 0; t < 16; t++)
		w[t] = load_big(block + 4 * t);
	for (uint32_t t = 16; t < ROUND_COUNT; t++) {
		const uint32_t x = w[t - 15], y = w[t - 2];

		w[t] = w[t - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[t - 7] +
		       (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
	}
	memcpy(s, hash, sizeof(s));
	for (uint32_t t = 0; t < ROUND_COUNT; t++) {
		const uint32_t a = s[0], e = s[4];
		const uint32_t choose = (e & s[5]) ^ (~e & s[6]);
		const uint32_t majority = (a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]);
		const uint32_t t1 = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + choose +
				    constants[t] + w[t];
		const uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority;

		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (uint32_t i = 0; i < 8; i++)
		hash[i] += s[i];
}

void sha256(const void *data, uint64_t bytes, uint8_t digest[SHA256_BYTES])
{
	uint32_t hash[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	uint8_t tail[2 * BLOCK_BYTES] = { 0 };
	const uint8_t *at = data;
	const uint64_t rest = bytes % BLOCK_BYTES;
	const uint64_t tail_bytes = rest + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;

	for (uint64_t i = 0; i < bytes / BLOCK_BYTES; i++)
		hash_block(hash, at + i * BLOCK_BYTES);
	/* "Padding the Message": a one bit, zeros, the length in bits as a 64-bit number. */
	if (rest)
		memcpy(tail, at + bytes - rest, rest);
	tail[rest] = 0x80;
	store_big(tail + tail_bytes - 8, (uint32_t)(bytes >> 29));
	store_big(tail + tail_bytes - 4, (uint32_t)(bytes << 3));
	for (uint64_t i = 0; i < tail_bytes; i += BLOCK_BYTES)
		hash_block(hash, tail + i);
	for (uint32_t i = 0; i < 8; i++)
		store_big(digest + 4 * i, hash[i]);
}

bool sha256_equals_hex(const uint8_t digest[SHA256_BYTES], const char *hex)
{
	bool is_equal = true;

	for (uint32_t i = 0; i < SHA256_BYTES; i++) {
		const int high = hex_digit(hex[2 * i]);
		/* The NUL of a short text is no digit: nothing behind it is read. */
		const int low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);

		if (low < 0)
			return false;
		is_equal &= digest[i] == (high << 4 | low);
	}
	return is_equal && hex[2 * SHA256_BYTES] == 0;
}
