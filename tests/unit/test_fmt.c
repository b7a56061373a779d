/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: the C library's snprintf(), for every conversion that fmt.h claims. */
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include "core/lib/fmt.h"
#include "tests/test.h"

#define ROOM 200

static const unsigned long values[] = {
	0,
	1,
	9,
	10,
	15,
	16,
	99,
	100,
	255,
	256,
	4095,
	65535,
	65536,
	999999999,
	1000000000,
	INT_MAX,
	(unsigned long)INT_MAX + 1,
	UINT_MAX,
	(unsigned long)UINT_MAX + 1,
	9999999999999999999u,
	LONG_MAX,
	(unsigned long)LONG_MAX + 1,
	ULONG_MAX - 1,
	ULONG_MAX,
};

static const char *const flags[] = { "", "0", "-", "1", "7", "07", "-7", "20", "020", "-20", "25" };

/* GCC would rightly warn of a format that is not a literal: these are made of literals. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#define SAME(format, ...) \
	do { \
		char ours[ROOM], theirs[ROOM]; \
		const int n = fmt_text(ours, ROOM, format, __VA_ARGS__); \
		CHECK(n == snprintf(theirs, ROOM, format, __VA_ARGS__)); \
		CHECK(strcmp(ours, theirs) == 0); \
	} while (0)

static void numbers_of_every_size_agree(void)
{
	static const char *const kinds[] = { "d",  "i",   "u",   "x",   "ld", "lu",
					     "lx", "lld", "llu", "llx", "zu", "zx" };

	for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
		for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
			for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
				char format[32];

				snprintf(format, sizeof(format), "<%%%s%s>", flags[f], kinds[k]);
				if (strlen(kinds[k]) == 1) {
					SAME(format, (unsigned int)values[v]);
					SAME(format, 0u - (unsigned int)values[v]);
				} else {
					SAME(format, values[v]);
					SAME(format, 0ul - values[v]);
				}
			}
		}
	}
}

static void strings_agree(void)
{
	static const char *const texts[] = { "", "a", "seven..", "a longer one that is cut" };
	static const char *const widths[] = { "",   "3",  "-3",   "10",    "-10",
					      ".0", ".3", "10.3", "-10.3", ".30" };

	for (size_t t = 0; t < ARRAY_SIZE(texts); t++) {
		for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
			char format[32];

			snprintf(format, sizeof(format), "<%%%ss>", widths[w]);
			SAME(format, texts[t]);
		}
	}
}

static void mixtures_and_plain_text_agree(void)
{
	SAME("%s", "");
	SAME("100 %% of %s%c%5c|%-5c|", "it", 'x', 'y', 'z');
	SAME("%d %s %lx %c %u %lld", -1, "two", 3ul, '4', 5u, -6ll);
	SAME("%p %9p %10p %11p %-13p", (void *)0x1234abcd, (void *)0x1234abcd, (void *)0x1234abcd,
	     (void *)0x1234abcd, (void *)0x1234abcd);
}

/* Precision bounds what is read, not only what is written. */
static void a_string_with_precision_need_not_end(void)
{
	const char text[3] = { 'a', 'b', 'c' };
	char out[8];

	CHECK(fmt_text(out, sizeof(out), "%.3s", text) == 3);
	CHECK(strcmp(out, "abc") == 0);
}

static void what_does_not_fit_is_cut_and_counted(void)
{
	for (size_t room = 0; room < 20; room++) {
		char ours[32], theirs[32];
		int n;

		memset(ours, '#', sizeof(ours));
		memset(theirs, '#', sizeof(theirs));
		n = fmt_text(ours, room, "%s-%06d-%x", "abc", 42, 0xbeefu);
		CHECK(n == snprintf(theirs, room, "%s-%06d-%x", "abc", 42, 0xbeefu));
		CHECK(memcmp(ours, theirs, sizeof(ours)) == 0);
	}
}

static void nonsense_is_shown_not_obeyed(void)
{
	char format[] = "%q %"; /* not constant, or the compiler would object */
	char out[16];

	fmt_text(out, sizeof(out), format, 0);
	CHECK(strcmp(out, "%q %") == 0);
}

static void a_null_string_is_no_fault(void)
{
	const char *const volatile nothing = NULL;
	char out[16];

	fmt_text(out, sizeof(out), "%s", nothing);
	CHECK(strcmp(out, "(null)") == 0);
}

int main(void)
{
	RUN(numbers_of_every_size_agree);
	RUN(strings_agree);
	RUN(mixtures_and_plain_text_agree);
	RUN(a_string_with_precision_need_not_end);
	RUN(what_does_not_fit_is_cut_and_counted);
	RUN(nonsense_is_shown_not_obeyed);
	RUN(a_null_string_is_no_fault);
	return test_failed;
}
