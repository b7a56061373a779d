/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_text.h - text for people, of core/plan*.c only: bounded, exact, never cut silently.
 *
 * Model    Numbers become short_text by value, for use as "%s" arguments. struct text appends
 *	    to a buffer; what does not fit whole is replaced by "...", at a blank.
 * Units    *_ns nanoseconds, printed exactly, in the largest unit that is not above them.
 * Errors   None. Strings of the configuration may be NULL, endless or full of control
 *	    characters: they are printed quoted, shortened to 24 characters, '?' for controls.
 */
#pragma once
#include "core/lib/base.h"

struct short_text {
	char s[40];
};

struct short_text text_time(uint64_t ns);        /* "28 ms", "2.5 us", "1.000001 ms" */
struct short_text text_ms(uint64_t ns);          /* the number of milliseconds alone: "0.03" */
struct short_text text_size(uint64_t bytes);     /* "256 MiB", "4097 bytes" */
struct short_text text_ratio(uint64_t ppm);      /* "0.9612" */
struct short_text text_percent(uint64_t ppm);    /* "96.12 %" */
struct short_text text_quoted(const char *text); /* "'rt0'"; "''" for NULL */

struct text {
	char *out;
	size_t bytes;
	size_t length;
	bool is_full; /* "..." stands at its end */
};

struct text text_begin(char *out, size_t bytes); /* at least 4 bytes */
void text_add(struct text *t, const char *format, ...) PRINTF(2, 3);

/* One line of the plan, cut at what a log line holds beside its source. */
void text_line(void (*put)(const char *line), const char *format, ...) PRINTF(2, 3);
