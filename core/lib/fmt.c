/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/lib/base.h"
#include "core/lib/fmt.h"

/* Where the text goes; `length` counts on when the room has ended. */
struct sink {
	char *out;
	size_t bytes;
	size_t length;
};

/* One conversion: %[flags][width][.precision][size]kind */
struct spec {
	bool left;
	bool zero;
	bool has_precision;
	size_t width;
	size_t precision;
	enum { SIZE_INT, SIZE_LONG, SIZE_LONG_LONG } size;
	char kind;
};

#define FIELD_MAX 1024u /* a width or precision beyond this is a mistake, and cut */

static void put(struct sink *s, char c)
{
	if (s->length + 1 < s->bytes)
		s->out[s->length] = c;
	s->length++;
}

static void put_text(struct sink *s, const char *text, size_t n)
{
	if (s->length + 1 < s->bytes)
		memcpy(s->out + s->length, text, min_u64(n, s->bytes - 1 - s->length));
	s->length += n;
}

static void put_many(struct sink *s, char c, size_t n)
{
	while (n-- > 0)
		put(s, c);
}

/* `text` padded to the width; zeros go between a sign and the digits. */
static void put_field(struct sink *s, const struct spec *f, const char *sign, const char *text,
		      size_t n)
{
	size_t sign_bytes = 0;
	size_t pad;

	while (sign[sign_bytes] != 0)
		sign_bytes++;
	pad = f->width > n + sign_bytes ? f->width - n - sign_bytes : 0;
	if (!f->left && !f->zero)
		put_many(s, ' ', pad);
	for (; *sign != 0; sign++)
		put(s, *sign);
	if (!f->left && f->zero)
		put_many(s, '0', pad);
	put_text(s, text, n);
	if (f->left)
		put_many(s, ' ', pad);
}

static void put_number(struct sink *s, const struct spec *f, const char *sign, uint64_t v,
		       uint32_t radix)
{
	char digits[20]; /* 2^64 has 20 decimal digits */
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[v % radix];
		v /= radix;
	} while (v != 0);
	put_field(s, f, sign, &digits[at], sizeof(digits) - at);
}

static void put_string(struct sink *s, const struct spec *f, const char *text)
{
	size_t n = 0;

	if (text == NULL)
		text = "(null)";
	while ((!f->has_precision || n < f->precision) && text[n] != 0)
		n++;
	put_field(s, f, "", text, n);
}

static size_t read_number(const char **format)
{
	size_t v = 0;

	for (; **format >= '0' && **format <= '9'; (*format)++)
		v = v < FIELD_MAX ? v * 10 + (size_t)(**format - '0') : FIELD_MAX;
	return v < FIELD_MAX ? v : FIELD_MAX;
}

/* Reads what follows '%' and leaves *format behind it. */
static struct spec read_spec(const char **format)
{
	struct spec f = { .size = SIZE_INT };

	for (;; (*format)++) {
		if (**format == '-')
			f.left = true;
		else if (**format == '0')
			f.zero = true;
		else
			break;
	}
	f.width = read_number(format);
	if (**format == '.') {
		(*format)++;
		f.has_precision = true;
		f.precision = read_number(format);
	}
	while (**format == 'l' || **format == 'z') {
		f.size = f.size == SIZE_INT ? SIZE_LONG : SIZE_LONG_LONG;
		(*format)++;
	}
	f.kind = **format;
	if (f.kind != 0)
		(*format)++;
	return f;
}

/* va_list by pointer: which of the arguments is next must survive the call. */
static uint64_t next_unsigned(const struct spec *f, va_list *args)
{
	return f->size == SIZE_INT ? va_arg(*args, unsigned int) : va_arg(*args, unsigned long);
}

static void put_signed(struct sink *s, const struct spec *f, va_list *args)
{
	const int64_t v = f->size == SIZE_INT ? va_arg(*args, int) : va_arg(*args, long);

	/* The negation is done on the unsigned value: INT64_MIN has no positive counterpart. */
	put_number(s, f, v < 0 ? "-" : "", v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
}

static void put_conversion(struct sink *s, struct spec *f, va_list *args)
{
	char c;

	switch (f->kind) {
	case 's':
		f->zero = false;
		put_string(s, f, va_arg(*args, const char *));
		break;
	case 'c':
		f->zero = false;
		c = (char)va_arg(*args, int);
		put_field(s, f, "", &c, 1);
		break;
	case 'd':
	case 'i':
		put_signed(s, f, args);
		break;
	case 'u':
		put_number(s, f, "", next_unsigned(f, args), 10);
		break;
	case 'x':
		put_number(s, f, "", next_unsigned(f, args), 16);
		break;
	case 'p':
		put_number(s, f, "0x", (uintptr_t)va_arg(*args, void *), 16);
		break;
	case '%':
		put(s, '%');
		break;
	default: /* not ours: show that it is there */
		put(s, '%');
		if (f->kind != 0)
			put(s, f->kind);
	}
}

int fmt_text_v(char *out, size_t bytes, const char *format, va_list args)
{
	struct sink s = { out, bytes, 0 };
	va_list own;

	va_copy(own, args);
	while (*format != 0) {
		struct spec f;

		if (*format != '%') {
			put(&s, *format++);
			continue;
		}
		format++;
		f = read_spec(&format);
		put_conversion(&s, &f, &own);
	}
	va_end(own);
	if (bytes > 0)
		out[s.length < bytes ? s.length : bytes - 1] = 0;
	return (int)s.length;
}

int fmt_text(char *out, size_t bytes, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = fmt_text_v(out, bytes, format, args);
	va_end(args);
	return n;
}
