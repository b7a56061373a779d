/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: the screen is read back cell by cell and compared with a grid of characters that is
 * written as fbcon.h says. The font of the tests draws each character as its own number.
 */
#include <stdlib.h>
#include <string.h>
#include "drivers/fbcon.h"
#include "tests/test.h"

#define WIDTH   168u /* 21 columns of 8 pixels */
#define HEIGHT  85u  /* 10 rows of 8, and a bit */
#define COLUMNS (WIDTH / 8)
#define ROWS    (HEIGHT / 8)
#define PITCH   (WIDTH * 4 + 32)
#define PADDING UINT32_C(0xa5a5a5a5)

static uint8_t psf[4 + 256 * 8];
static uint32_t *pixels;
static char grid[ROWS][COLUMNS];
static uint32_t column, row;

static const struct boot_framebuffer fb = {
	.base = 0xfd000000, .pitch = PITCH, .width = WIDTH, .height = HEIGHT
};

/* Eight rows: the first holds the character, the rest nothing. */
static void make_font(void)
{
	memset(psf, 0, sizeof(psf));
	psf[0] = 0x36;
	psf[1] = 0x04;
	psf[3] = 8;
	for (uint32_t c = 0; c < 256; c++)
		psf[4 + c * 8] = c == ' ' ? 0 : (uint8_t)c;
}

static void start(void)
{
	make_font();
	for (size_t i = 0; i < PITCH / 4 * HEIGHT; i++)
		pixels[i] = PADDING;
	memset(grid, ' ', sizeof(grid));
	column = row = 0;
	CHECK(fbcon_init(&fb, pixels, psf, sizeof(psf)) == OK);
}

static char shown(uint32_t x, uint32_t y)
{
	const uint32_t *at = pixels + (size_t)y * 8 * (PITCH / 4) + x * 8;
	uint8_t c = 0;

	for (uint32_t i = 0; i < 8; i++)
		c = (uint8_t)(c << 1 | (at[i] != 0));
	return (char)(c == 0 ? ' ' : c);
}

static bool screen_agrees(void)
{
	for (uint32_t y = 0; y < ROWS; y++) {
		for (uint32_t x = 0; x < COLUMNS; x++) {
			if (shown(x, y) != grid[y][x])
				return false;
		}
	}
	return true;
}

static void slow_newline(void)
{
	column = 0;
	row = (row + 1) % ROWS;
	memset(grid[(row + 1) % ROWS], ' ', COLUMNS);
}

static void slow_put(char c)
{
	if (c == '\n') {
		slow_newline();
		return;
	}
	grid[row][column++] = c;
	if (column == COLUMNS)
		slow_newline();
}

/* All of it, in as many calls as it takes; and none of them does more than it may. */
static void put(const char *text, size_t chunk)
{
	size_t n = strlen(text);

	for (const char *c = text; *c != 0; c++)
		slow_put(*c);
	while (n > 0) {
		const size_t taken = fbcon_put(text, n < chunk ? n : chunk);

		text += taken;
		n -= taken;
	}
	/* A line that is still being cleared: work without progress does that. */
	for (uint32_t i = 0; i <= COLUMNS; i++)
		CHECK(fbcon_put("\r", 1) <= 1);
}

static void text_wraps_around_and_leaves_an_empty_line(void)
{
	static const size_t chunks[] = { 1, 3, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
		start();
		for (uint32_t line = 0; line < 3 * ROWS; line++) {
			char text[64];

			snprintf(text, sizeof(text), "%u%.*s\n", line, (int)(line * 7 % 40),
				 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
			put(text, chunks[i]);
			CHECK(screen_agrees());
		}
	}
}

static uint32_t changed_pixels(const uint32_t *before)
{
	uint32_t n = 0;

	for (size_t i = 0; i < PITCH / 4 * HEIGHT; i++)
		n += pixels[i] != before[i];
	return n;
}

static void work_is_bounded_by_what_is_offered(void)
{
	uint32_t *before = malloc(PITCH * HEIGHT);
	uint32_t calls = 0;

	start();
	for (uint32_t i = 0; i < 2 * ROWS * COLUMNS; i++) /* every cell is in use */
		fbcon_put("x", 1);
	for (const char *text = "a\nb\nc\n"; *text != 0; calls++) {
		memcpy(before, pixels, PITCH * HEIGHT);
		text += fbcon_put(text, 1);
		CHECK(changed_pixels(before) <= 8 * 8);
	}
	CHECK(calls <= 6 + 3 * COLUMNS);
	free(before);
}

static void nothing_is_written_beside_the_screen(void)
{
	start();
	put("012345678901234567890123456789012345678901234567890\n\n\n\n\n\n\n\n\n\n\nend", 5);
	for (uint32_t y = 0; y < HEIGHT; y++) {
		for (uint32_t x = WIDTH; x < PITCH / 4; x++)
			CHECK(pixels[y * (PITCH / 4) + x] == PADDING);
	}
}

static void what_is_not_printable_shows_as_a_question_mark(void)
{
	start();
	fbcon_put("\x01\x7f\xff\t", 4);
	CHECK(memcmp("????", (char[]){ shown(0, 0), shown(1, 0), shown(2, 0), shown(3, 0) }, 4) ==
	      0);
}

static enum err init_with(const uint8_t *font, size_t bytes)
{
	uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
	enum err e;

	memcpy(copy, font, bytes);
	e = fbcon_init(&fb, pixels, copy, bytes);
	if (e == OK)
		fbcon_put("~~~ ABC\n", 8);
	free(copy);
	return e;
}

static void a_font_cut_anywhere_is_refused(void)
{
	make_font();
	for (size_t n = 0; n < sizeof(psf); n++)
		CHECK(init_with(psf, n) == ERR_INVAL);
	CHECK(init_with(psf, sizeof(psf)) == OK);
	psf[2] = 1; /* 512 glyphs, says the header */
	CHECK(init_with(psf, sizeof(psf)) == ERR_INVAL);
}

static void psf2_headers_are_checked(void)
{
	static const struct {
		uint32_t header, count, bytes, height, width;
		enum err expected;
	} cases[] = {
		{ 32, 128, 8, 8, 8, OK },
		{ 40, 127, 8, 8, 8, OK },
		{ 32, 126, 8, 8, 8, ERR_INVAL }, /* no '~' */
		{ 32, 129, 8, 8, 8, ERR_INVAL }, /* beyond the end */
		{ 31, 128, 8, 8, 8, ERR_INVAL },
		{ 2000, 128, 8, 8, 8, ERR_INVAL },
		{ 32, 128, 0, 8, 8, ERR_INVAL },
		{ 32, 128, 8, 8, 9, ERR_INVAL },
		{ 32, 128, 8, 9, 8, ERR_INVAL },
		{ 32, 128, 8, 0, 8, ERR_INVAL },
		{ 32, 128, 8, 8, 0, ERR_INVAL },
		{ 32, UINT32_MAX, UINT32_MAX, 8, 8, ERR_INVAL },
		{ 32, 0x20000080, 8, 8, 8, ERR_INVAL },
	};
	uint8_t font2[32 + 128 * 8];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint32_t header[8] = { 0x864ab572,      0,
					     cases[i].header, 0,
					     cases[i].count,  cases[i].bytes,
					     cases[i].height, cases[i].width };

		memset(font2, 0, sizeof(font2));
		memcpy(font2, header, sizeof(header));
		CHECK(init_with(font2, sizeof(font2)) == cases[i].expected);
	}
}

static void implausible_frame_buffers_are_refused(void)
{
	static const struct boot_framebuffer bad[] = {
		{ .base = 0, .pitch = PITCH, .width = WIDTH, .height = HEIGHT },
		{ .base = 1, .pitch = WIDTH * 4 - 4, .width = WIDTH, .height = HEIGHT },
		{ .base = 1, .pitch = PITCH, .width = 0, .height = HEIGHT },
		{ .base = 1, .pitch = PITCH, .width = WIDTH, .height = 0 },
		{ .base = 1, .pitch = PITCH + 2, .width = WIDTH, .height = HEIGHT },
		{ .base = 1, .pitch = UINT32_MAX - 3, .width = WIDTH, .height = HEIGHT },
		{ .base = 1, .pitch = 4, .width = 0x40000001, .height = HEIGHT },
		{ .base = 1, .pitch = PITCH, .width = 8, .height = HEIGHT },
		{ .base = 1, .pitch = PITCH, .width = WIDTH, .height = 16 },
	};

	make_font();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK(fbcon_init(&bad[i], pixels, psf, sizeof(psf)) == ERR_INVAL);
		CHECK(!fbcon_is_present());
	}
	CHECK(fbcon_put("swallowed", 9) == 9);
}

int main(void)
{
	pixels = malloc(PITCH * HEIGHT);
	RUN(text_wraps_around_and_leaves_an_empty_line);
	RUN(work_is_bounded_by_what_is_offered);
	RUN(nothing_is_written_beside_the_screen);
	RUN(what_is_not_printable_shows_as_a_question_mark);
	RUN(a_font_cut_anywhere_is_refused);
	RUN(psf2_headers_are_checked);
	RUN(implausible_frame_buffers_are_refused);
	free(pixels);
	return test_failed;
}
