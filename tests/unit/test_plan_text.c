/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people are exact, and text never ends in the middle of a word. */
#include <string.h>
#include "core/plan_text.h"
#include "tests/test.h"

static void times_are_printed_exactly(void)
{
	CHECK(strcmp(text_time(0).s, "0 ns") == 0);
	CHECK(strcmp(text_time(999).s, "999 ns") == 0);
	CHECK(strcmp(text_time(US(1)).s, "1 us") == 0);
	CHECK(strcmp(text_time(1001).s, "1.001 us") == 0);
	CHECK(strcmp(text_time(2500000).s, "2.5 ms") == 0);
	CHECK(strcmp(text_time(1000001).s, "1.000001 ms") == 0);
	CHECK(strcmp(text_time(SEC(20)).s, "20 s") == 0);
	CHECK(strcmp(text_time(1050000000).s, "1.05 s") == 0);
	CHECK(strcmp(text_time(UINT64_MAX).s, "18446744073.709551615 s") == 0);
	CHECK(strcmp(text_ms(30000).s, "0.03") == 0);
	CHECK(strcmp(text_ms(MS(50)).s, "50") == 0);
	CHECK(strcmp(text_size(KIB(4)).s, "4 KiB") == 0);
	CHECK(strcmp(text_size(4097).s, "4097 bytes") == 0);
	CHECK(strcmp(text_size(MIB(1536)).s, "1536 MiB") == 0);
	CHECK(strcmp(text_percent(961200).s, "96.12 %") == 0);
	CHECK(strcmp(text_ratio(1000001).s, "1.000001") == 0);
}

static void text_that_does_not_fit_ends_in_dots_at_a_blank(void)
{
	for (size_t bytes = 4; bytes < 24; bytes++) {
		char out[24];
		struct text t;

		memset(out, '#', sizeof(out));
		t = text_begin(out, bytes);
		text_add(&t, "%s", "one two");
		text_add(&t, " %s", "three");
		text_add(&t, "%s", " four");
		CHECK(strlen(out) < bytes);
		CHECK(bytes == sizeof(out) || out[bytes] == '#');
		if (bytes > strlen("one two three four")) {
			CHECK(strcmp(out, "one two three four") == 0);
			continue;
		}
		CHECK(t.is_full && strcmp(out + strlen(out) - 3, "...") == 0);
		out[strlen(out) - 3] = '\0';
		CHECK(strncmp(out, "one two three four", strlen(out)) == 0);
		CHECK(out[0] == '\0' || out[strlen(out) - 1] == ' ');
	}
}

int main(void)
{
	RUN(times_are_printed_exactly);
	RUN(text_that_does_not_fit_ends_in_dots_at_a_blank);
	return test_failed;
}
