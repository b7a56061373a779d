/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/lib/mem.c - the few C library functions that compilers call by themselves.
 *
 * Not newlib's: those may use vector registers, which hold the guest's state while the
 * hypervisor runs. Image only; host builds use the C library's.
 */
#include <string.h>
#include "core/lib/base.h"

void *memcpy(void *to, const void *from, size_t bytes)
{
	void *d = to;
	size_t words = bytes / 8;
	size_t tail = bytes % 8;

	__asm__ volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(words)::"memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(tail)::"memory");
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if ((uintptr_t)to - (uintptr_t)from >= bytes)
		return memcpy(to, from, bytes);
	while (bytes--) {
		d[bytes] = s[bytes];
		__asm__ volatile("" ::: "memory"); /* or GCC would call memmove() here */
	}
	return to;
}

void *memset(void *to, int byte, size_t bytes)
{
	void *d = to;
	size_t words = bytes / 8;
	size_t tail = bytes % 8;
	uint64_t pattern = 0x0101010101010101u * (unsigned char)byte;

	__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(tail) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const unsigned char *x = a;
	const unsigned char *y = b;

	for (size_t i = 0; i < bytes; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] || !a[i])
			return (unsigned char)a[i] - (unsigned char)b[i];
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}
