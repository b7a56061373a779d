/* SPDX-License-Identifier: Apache-2.0 */
/* core/console.c: who speaks is never in doubt, and nobody says more than its part. */
#include <stdarg.h>
#include <string.h>
#include "arch/clock.h"
#include "core/console.h"
#include "core/log.h"
#include "tests/test.h"

#define HZ   UINT64_C(1000000000)
#define HALF (CONSOLE_BYTES_PER_SECOND / 2)

uint32_t partition_count = 2;
static const struct partition_config config_of_p = { .name = "evil" };
static struct partition p;
static char last[512]; /* the log's last line */
static bool last_is_for_machines;
static uint64_t logged_bytes;
static size_t room;

uint64_t arch_clock_tsc_hz(void)
{
	return HZ;
}

bool log_drain(uint32_t byte_count)
{
	return false;
}

size_t log_room_bytes(void)
{
	return room;
}

/* As core/log.c writes them; a UART adds a carriage return. */
void log_line(const char *source, const char *format, ...)
{
	va_list args;
	int n = snprintf(last, sizeof(last), "[%s] ", source);

	va_start(args, format);
	vsnprintf(last + n, sizeof(last) - (size_t)n, format, args);
	va_end(args);
	last_is_for_machines = false;
	logged_bytes += strlen(last) + 2;
}

void log_machine(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last, sizeof(last), format, args);
	va_end(args);
	last_is_for_machines = true;
	logged_bytes += strlen(last) + 3;
}

static void start(void)
{
	p = (struct partition){ .config = &config_of_p, .tag = "part evil" };
	logged_bytes = 0;
	room = 1 << 20;
	last[0] = 0;
}

static uint32_t say(const char *text, uint64_t now_tsc)
{
	return console_take(&p, text, (uint32_t)strlen(text), now_tsc);
}

static void a_line_names_its_speaker(void)
{
	start();
	CHECK(say("hello\r\n", 1) == 7);
	CHECK(strcmp(last, "[part evil] hello") == 0);
	CHECK(say("@{\"a\":1}\n", 2) == 9);
	CHECK(last_is_for_machines && strcmp(last, "{\"part\":\"evil\",\"a\":1}") == 0);
	CHECK(say("@{\"parts\":\"par\"}\n", 3) == 17 && last_is_for_machines);
}

/* RFC 8259, 4: with two members of one name, many readers report the last only. */
static void nobody_speaks_for_another(void)
{
	static const char *const lies[] = {
		"@{\"part\":\"rt\",\"misses\":9}\n",
		"@{\"a\":1,\"part\" :\"rt\"}\n",
		"@{\"\\u0070art\":\"rt\"}\n",
		"@{\"p\\u0061rt\":\"rt\"}\n",
		"@{\"par\"part\":1}\n",
		"@{\"\"part\":1}\n",
		"@{\"a\":\"part\"}\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		start();
		CHECK(say(lies[i], 1) == strlen(lies[i]));
		CHECK(!last_is_for_machines && strncmp(last, "[part evil] @{", 14) == 0);
	}
}

/* Whatever it prints, the line carries its share of bytes, and one burst more. */
static void flood(const char *text)
{
	const uint64_t seconds = 5;

	start();
	for (uint64_t i = 1; i <= seconds * 10000; i++)
		say(text, i * (HZ / 10000));
	CHECK(logged_bytes <= seconds * HALF + CONSOLE_BURST_BYTES);
	CHECK(logged_bytes >= (seconds * HALF + CONSOLE_BURST_BYTES) / 2);
}

static void a_flood_is_held_to_its_part(void)
{
	flood("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
	flood("a\n");
	flood("@{\n");
	flood("@{\"part\n");
	flood("a line of the usual length, as guests print them\n");
}

static void without_room_nobody_prints(void)
{
	start();
	room = CONSOLE_ROOM_KEPT_BYTES;
	CHECK(say("a\n", 1) == 0 && logged_bytes == 0);
	room++;
	CHECK(say("a\n", 2) == 2 && logged_bytes > 0);
}

static void a_long_line_is_cut_and_each_piece_has_the_name(void)
{
	char text[CONSOLE_LINE_BYTES];

	start();
	memset(text, 'x', sizeof(text));
	CHECK(console_take(&p, text, CONSOLE_TAKE_BYTES, 1) == CONSOLE_TAKE_BYTES);
	CHECK(console_take(&p, text, CONSOLE_TAKE_BYTES - 1, 1) == CONSOLE_TAKE_BYTES - 1);
	CHECK(console_take(&p, text, 1, 1) == 1);
	CHECK(strlen(last) == strlen("[part evil] ") + CONSOLE_LINE_BYTES - 1);
	CHECK(say("\n", 2) == 1 && strcmp(last, "[part evil] x") == 0);
}

/* An exit is as long as what is done in it. */
static void no_call_takes_more_than_its_part_or_a_line(void)
{
	char text[2 * CONSOLE_TAKE_BYTES];

	start();
	memset(text, '\n', sizeof(text));
	CHECK(console_take(&p, text, sizeof(text), 1) == 1);
	CHECK(logged_bytes == strlen("[part evil] ") + 2);
	CHECK(say("one\ntwo\n", 2) == 4 && strcmp(last, "[part evil] one") == 0);
	memset(text, 'x', sizeof(text));
	CHECK(console_take(&p, text, sizeof(text), 3) == CONSOLE_TAKE_BYTES);
	CHECK(strcmp(last, "[part evil] one") == 0);
}

int main(void)
{
	RUN(a_line_names_its_speaker);
	RUN(nobody_speaks_for_another);
	RUN(a_flood_is_held_to_its_part);
	RUN(without_room_nobody_prints);
	RUN(no_call_takes_more_than_its_part_or_a_line);
	RUN(a_long_line_is_cut_and_each_piece_has_the_name);
	return test_failed;
}
