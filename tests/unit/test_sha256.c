/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_sha256.c - digests that others have computed, and texts that are no digests. */
#include <stdlib.h>
#include <string.h>
#include "core/lib/sha256.h"
#include "tests/test.h"

static bool has_digest(const void *data, uint64_t bytes, const char *hex)
{
	uint8_t digest[SHA256_BYTES];

	sha256(data, bytes, digest);
	return sha256_equals_hex(digest, hex);
}

/* The examples that NIST publishes with FIPS 180-4, and the empty message. */
static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void published_examples_agree(void)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	char *million = malloc(1000000);

	memset(million, 'a', 1000000);
	CHECK(has_digest("abc", 3, abc));
	CHECK(has_digest("", 0,
			 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	CHECK(has_digest(two_blocks, strlen(two_blocks),
			 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
	CHECK(has_digest(million, 1000000,
			 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
	free(million);
}

/*
 * Every length over four blocks, at every place where the padding can begin. The digests are
 * folded into one, acc = SHA-256(acc, SHA-256(message)), as Python's hashlib computed it.
 */
static void every_length_agrees(void)
{
	uint8_t acc[2 * SHA256_BYTES] = { 0 };

	for (uint32_t n = 0; n < 300; n++) {
		uint8_t *message = malloc(n ? n : 1); /* exactly: the sanitizer sees one too far */

		for (uint32_t i = 0; i < n; i++)
			message[i] = (uint8_t)(i * 7 + n);
		sha256(message, n, acc + SHA256_BYTES);
		sha256(acc, sizeof(acc), acc);
		free(message);
	}
	CHECK(sha256_equals_hex(
		acc, "4dddc40d9b1fcd9c7a2a2b455e7cac581e0b0dd5e1a7b419400a52e254e93af7"));
}

static void one_wrong_digit_is_seen(void)
{
	char hex[sizeof(abc)];

	for (uint32_t i = 0; i < 64; i++) {
		memcpy(hex, abc, sizeof(hex));
		hex[i] = hex[i] == '0' ? '1' : '0';
		CHECK(!has_digest("abc", 3, hex));
	}
}

static void digits_have_either_case(void)
{
	char hex[sizeof(abc)];

	for (uint32_t i = 0; i < sizeof(hex); i++)
		hex[i] = (char)(abc[i] >= 'a' ? abc[i] - 'a' + 'A' : abc[i]);
	CHECK(has_digest("abc", 3, hex));
}

static void what_is_no_digest_equals_none(void)
{
	char longer[sizeof(abc) + 1];

	for (uint32_t n = 0; n < 64; n++) {
		char *shorter = calloc(1, n + 1);

		memcpy(shorter, abc, n);
		CHECK(!has_digest("abc", 3, shorter));
		free(shorter);
	}
	snprintf(longer, sizeof(longer), "%s0", abc);
	CHECK(!has_digest("abc", 3, longer));
	for (const char *c = "g/:@G`x -"; *c; c++) {
		char hex[sizeof(abc)];

		memcpy(hex, abc, sizeof(hex));
		hex[17] = *c;
		CHECK(!has_digest("abc", 3, hex));
	}
}

int main(void)
{
	RUN(published_examples_agree);
	RUN(every_length_agrees);
	RUN(one_wrong_digit_is_seen);
	RUN(digits_have_either_case);
	RUN(what_is_no_digest_equals_none);
	return test_failed;
}
