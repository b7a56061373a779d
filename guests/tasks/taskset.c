/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "guests/rt/args.h"
#include "guests/tasks/taskset.h"

#define MS_MAX    UINT64_C(86400000) /* a day */
#define US_PER_MS 1000u

bool taskset_parse_ms(const char **text, uint64_t *us)
{
	uint64_t ms;

	if (!args_digits(text, MS_MAX, &ms))
		return false;
	*us = ms * US_PER_MS;
	if (**text != '.')
		return true;
	(*text)++;
	if (**text < '0' || **text > '9')
		return false;
	for (uint64_t unit = US_PER_MS / 10; **text >= '0' && **text <= '9'; unit /= 10) {
		if (unit == 0)
			return false; /* finer than a microsecond */
		*us += (uint64_t)(*(*text)++ - '0') * unit;
	}
	return true;
}

static const char *parse_entry(const char **text, struct taskset_entry *e)
{
	size_t length = strcspn(*text, ":, ");

	if (length == 0 || length >= sizeof(e->name))
		return "a task's name must have 1 to 15 characters";
	memcpy(e->name, *text, length);
	e->name[length] = '\0';
	*text += length;
	if (*(*text)++ != ':' || !taskset_parse_ms(text, &e->work_us))
		return "a task is name:work:period, in ms; its work does not parse";
	if (*(*text)++ != ':' || !taskset_parse_ms(text, &e->period_us))
		return "a task is name:work:period, in ms; its period does not parse";
	if (e->work_us == 0 || e->period_us == 0)
		return "work and period must be more than 0";
	e->offset_us = e->jitter_us = 0;
	if (**text == ':' && ((*text)++, !taskset_parse_ms(text, &e->offset_us)))
		return "a task's offset does not parse";
	if (**text == ':' && ((*text)++, !taskset_parse_ms(text, &e->jitter_us)))
		return "a task's jitter does not parse";
	return NULL;
}

static void sort_rate_monotonic(struct taskset *s)
{
	for (uint32_t i = 1; i < s->count; i++) {
		struct taskset_entry e = s->entry[i];
		uint32_t at = i;

		for (; at > 0 && s->entry[at - 1].period_us > e.period_us; at--)
			s->entry[at] = s->entry[at - 1];
		s->entry[at] = e;
	}
}

const char *taskset_parse(const char *text, struct taskset *out)
{
	out->count = 0;
	for (;;) {
		const char *why;

		if (out->count == RM_TASK_MAX)
			return "more tasks than the runner takes";
		why = parse_entry(&text, &out->entry[out->count]);
		if (why)
			return why;
		out->count++;
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return "tasks are separated by commas";
	}
	sort_rate_monotonic(out);
	return NULL;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

uint64_t taskset_epoch_us(const struct taskset *s, uint64_t epoch_us, uint64_t earliest_us)
{
	uint64_t hyper = 1;

	if (epoch_us >= earliest_us)
		return epoch_us;
	for (uint32_t i = 0; i < s->count; i++) {
		uint64_t period = s->entry[i].period_us;

		/* Both factors are bounded: a day times the maximum fits. */
		hyper *= period / gcd(period, hyper);
		if (hyper > TASKSET_HYPERPERIOD_MAX_US)
			return earliest_us;
	}
	return epoch_us + (earliest_us - epoch_us + hyper - 1) / hyper * hyper;
}
