/* SPDX-License-Identifier: Apache-2.0 */
/* core/lib/hex.h - hexadecimal digits as users write them. */
#pragma once

/* Its value, or -1. */
static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
