/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/lib/sha256.h - SHA-256 of boot files named with a digest in the configuration.
 *
 * Source   FIPS 180-4, "SHA-256".
 */
#pragma once
#include "core/lib/base.h"

#define SHA256_BYTES 32u

void sha256(const void *data, uint64_t bytes, uint8_t digest[SHA256_BYTES]);
/* `hex`: 64 hexadecimal digits of either case, then NUL. False too if it is not that. */
bool sha256_equals_hex(const uint8_t digest[SHA256_BYTES], const char *hex);
