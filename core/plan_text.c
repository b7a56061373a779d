/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/lib/fmt.h"
#include "core/plan_text.h"

#define LINE_BYTES 300u
#define QUOTED_MAX 24u

/* value / 10^digits, without the zeros at the end. */
static struct short_text decimal(uint64_t value, uint32_t digits, const char *unit)
{
	char fraction[12] = "";
	struct short_text t;

	while (digits > 0 && value % 10 == 0) {
		value /= 10;
		digits--;
	}
	if (digits > 0) {
		for (uint32_t i = digits; i > 0; i--, value /= 10)
			fraction[i] = (char)('0' + value % 10);
		fraction[0] = '.';
	}
	fmt_text(t.s, sizeof(t.s), "%llu%s%s", (unsigned long long)value, fraction, unit);
	return t;
}

struct short_text text_time(uint64_t ns)
{
	if (ns >= SEC(1))
		return decimal(ns, 9, " s");
	if (ns >= MS(1))
		return decimal(ns, 6, " ms");
	if (ns >= US(1))
		return decimal(ns, 3, " us");
	return decimal(ns, 0, " ns");
}

struct short_text text_ms(uint64_t ns)
{
	return decimal(ns, 6, "");
}

struct short_text text_size(uint64_t bytes)
{
	if (bytes >= GIB(1) && bytes % GIB(1) == 0)
		return decimal(bytes / GIB(1), 0, " GiB");
	if (bytes >= MIB(1) && bytes % MIB(1) == 0)
		return decimal(bytes / MIB(1), 0, " MiB");
	if (bytes >= KIB(1) && bytes % KIB(1) == 0)
		return decimal(bytes / KIB(1), 0, " KiB");
	return decimal(bytes, 0, " bytes");
}

struct short_text text_ratio(uint64_t ppm)
{
	return decimal(ppm, 6, "");
}

struct short_text text_percent(uint64_t ppm)
{
	return decimal(ppm, 4, " %");
}

struct short_text text_quoted(const char *text)
{
	struct short_text t = { "'" };
	uint32_t n = 1;

	for (uint32_t i = 0; text && text[i] != '\0' && i < QUOTED_MAX; i++)
		t.s[n++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	if (text && n == QUOTED_MAX + 1 && text[QUOTED_MAX] != '\0') {
		memcpy(t.s + n, "...", 3);
		n += 3;
	}
	t.s[n++] = '\'';
	t.s[n] = '\0';
	return t;
}
_Static_assert(sizeof(struct short_text) > QUOTED_MAX + 3 + 2, "quotes and dots fit");

struct text text_begin(char *out, size_t bytes)
{
	out[0] = '\0';
	return (struct text){ .out = out, .bytes = bytes };
}

/* Ends the text with "..." in place of the word that did not fit. */
static void mark_full(struct text *t)
{
	size_t end = t->bytes - 4;

	while (end > 0 && t->out[end - 1] != ' ')
		end--;
	memcpy(t->out + end, "...", 4);
	t->length = end + 3;
	t->is_full = true;
}

void text_add(struct text *t, const char *format, ...)
{
	size_t room = t->bytes - t->length;
	va_list args;
	int n;

	if (t->is_full)
		return;
	va_start(args, format);
	n = fmt_text_v(t->out + t->length, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		mark_full(t);
	else
		t->length += (size_t)n;
}

void text_line(void (*put)(const char *line), const char *format, ...)
{
	char text[LINE_BYTES];
	va_list args;

	va_start(args, format);
	fmt_text_v(text, sizeof(text), format, args);
	va_end(args);
	put(text);
}
