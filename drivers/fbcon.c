/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/fbcon.h"
#include <string.h>

#define PIXEL_BYTES 4u
#define PIXELS_MAX  16384u /* a side */
#define ROWS_MAX    1024u
#define COLUMNS_MIN 16u
#define ROWS_MIN    4u
#define FOREGROUND  UINT32_C(0x00d0d0d0) /* grey: the order of the colours does not matter */
#define BACKGROUND  UINT32_C(0x00000000)

/* PSF1: magic (2 bytes), mode, height; 8 pixels wide. */
#define PSF1_MAGIC        0x0436u
#define PSF1_HEADER_BYTES 4u
#define PSF1_MODE_512     0x01u
#define PSF1_WIDTH        8u

/* PSF2: eight 32-bit words. */
#define PSF2_MAGIC 0x864ab572u
struct psf2_header {
	uint32_t magic;
	uint32_t version;
	uint32_t header_bytes;
	uint32_t flags;
	uint32_t glyph_count;
	uint32_t glyph_bytes;
	uint32_t height;
	uint32_t width;
};

#define GLYPH_WIDTH_MAX  32u
#define GLYPH_HEIGHT_MAX 64u
#define FIRST_PRINTABLE  ' '
#define LAST_PRINTABLE   '~'

struct glyphs {
	const uint8_t *at;
	uint32_t count;
	uint32_t bytes; /* one glyph */
	uint32_t width;
	uint32_t height;
};

static struct {
	bool is_present;
	uint8_t *pixels;
	uint32_t pitch;
	uint32_t columns, rows;
	struct glyphs glyphs;
	uint32_t column, row;
	/* The row below is emptied cell by cell before anything else is shown. */
	uint32_t clearing_row;
	uint32_t to_clear;       /* cells of it that are not empty yet, from the left */
	uint16_t used[ROWS_MAX]; /* cells of a row that are not empty, from the left */
} con;

static enum err parse_psf1(const uint8_t *font, size_t bytes, struct glyphs *g)
{
	const uint8_t mode = font[2];

	*g = (struct glyphs){ .at = font + PSF1_HEADER_BYTES,
			      .count = mode & PSF1_MODE_512 ? 512 : 256,
			      .bytes = font[3],
			      .width = PSF1_WIDTH,
			      .height = font[3] };
	return (bytes - PSF1_HEADER_BYTES) / max_u64(g->bytes, 1) >= g->count ? OK : ERR_INVAL;
}

static enum err parse_psf2(const uint8_t *font, size_t bytes, struct glyphs *g)
{
	struct psf2_header h;

	if (bytes < sizeof(h))
		return ERR_INVAL;
	memcpy(&h, font, sizeof(h));
	if (h.header_bytes < sizeof(h) || h.header_bytes > bytes || h.glyph_bytes == 0 ||
	    (bytes - h.header_bytes) / h.glyph_bytes < h.glyph_count)
		return ERR_INVAL;
	*g = (struct glyphs){ .at = font + h.header_bytes,
			      .count = h.glyph_count,
			      .bytes = h.glyph_bytes,
			      .width = h.width,
			      .height = h.height };
	return OK;
}

static enum err parse_font(const uint8_t *font, size_t bytes, struct glyphs *g)
{
	enum err e = ERR_INVAL;
	uint32_t magic;

	if (bytes < sizeof(magic))
		return ERR_INVAL;
	memcpy(&magic, font, sizeof(magic));
	if (magic == PSF2_MAGIC)
		e = parse_psf2(font, bytes, g);
	else if ((magic & 0xffff) == PSF1_MAGIC)
		e = parse_psf1(font, bytes, g);
	if (e != OK)
		return e;
	if (g->width == 0 || g->width > GLYPH_WIDTH_MAX || g->height == 0 ||
	    g->height > GLYPH_HEIGHT_MAX || g->count <= LAST_PRINTABLE ||
	    g->bytes != (g->width + 7) / 8 * g->height)
		return ERR_INVAL;
	return OK;
}

bool fbcon_can_show(const struct boot_framebuffer *fb)
{
	return fb->base != 0 && fb->width > 0 && fb->width <= PIXELS_MAX && fb->height > 0 &&
	       fb->height <= PIXELS_MAX && fb->pitch >= fb->width * PIXEL_BYTES &&
	       fb->pitch <= 2 * PIXELS_MAX * PIXEL_BYTES && fb->pitch % PIXEL_BYTES == 0;
}

static volatile uint32_t *line_at(uint32_t x, uint32_t y)
{
	return (volatile uint32_t *)(void *)(con.pixels + (size_t)y * con.pitch) + x;
}

/* Glyph rows are padded to whole bytes, leftmost pixel in the highest bit. */
static void draw(uint32_t column, uint32_t row, char c)
{
	const struct glyphs *g = &con.glyphs;
	const uint8_t *bits = g->at + (size_t)(uint8_t)c * g->bytes;

	for (uint32_t y = 0; y < g->height; y++) {
		volatile uint32_t *to = line_at(column * g->width, row * g->height + y);

		for (uint32_t x = 0; x < g->width; x++)
			to[x] = bits[x / 8] & (0x80u >> x % 8) ? FOREGROUND : BACKGROUND;
		bits += (g->width + 7) / 8;
	}
}

static void start_clearing(uint32_t row)
{
	con.clearing_row = row;
	con.to_clear = con.used[row];
	con.used[row] = 0;
}

static void next_row(void)
{
	con.column = 0;
	con.row = (con.row + 1) % con.rows;
	start_clearing((con.row + 1) % con.rows);
}

enum err fbcon_init(const struct boot_framebuffer *fb, void *pixels, const uint8_t *font,
		    size_t font_bytes)
{
	struct glyphs g;

	con.is_present = false;
	if (!fbcon_can_show(fb) || parse_font(font, font_bytes, &g) != OK)
		return ERR_INVAL;
	con.pixels = pixels;
	con.pitch = fb->pitch;
	con.glyphs = g;
	con.columns = fb->width / g.width;
	con.rows = (uint32_t)min_u64(fb->height / g.height, ROWS_MAX);
	con.row = con.column = con.to_clear = 0;
	if (con.columns < COLUMNS_MIN || con.rows < ROWS_MIN)
		return ERR_INVAL;
	memset(con.used, 0, sizeof(con.used));
	for (uint32_t y = 0; y < fb->height; y++) {
		for (uint32_t x = 0; x < fb->width; x++)
			line_at(0, y)[x] = BACKGROUND;
	}
	con.is_present = true;
	return OK;
}

bool fbcon_is_present(void)
{
	return con.is_present;
}

static void show(char c)
{
	if (c == '\n') {
		next_row();
		return;
	}
	if (c == '\r')
		return;
	draw(con.column, con.row, c >= FIRST_PRINTABLE && c <= LAST_PRINTABLE ? c : '?');
	con.column++;
	con.used[con.row] = (uint16_t)con.column;
	if (con.column == con.columns)
		next_row();
}

size_t fbcon_put(const char *text, size_t bytes)
{
	size_t taken = 0;

	if (!con.is_present)
		return bytes;
	for (size_t work = 0; work < bytes; work++) {
		if (con.to_clear > 0)
			draw(--con.to_clear, con.clearing_row, ' ');
		else
			show(text[taken++]);
	}
	return taken;
}
