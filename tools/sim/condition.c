/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sim/condition.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "configs/ssd.h"

/* --- reading: each takes what it expects from *text, or tells what is wrong and returns false ---- */

struct reader {
	const char *at;
	const char *why;
};

static bool refuse(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return false;
}

static bool is_next(const struct reader *r, char c)
{
	return *r->at == c;
}

static bool skip(struct reader *r, char c, const char *why)
{
	if (*r->at != c)
		return refuse(r, why);
	r->at++;
	return true;
}

static bool read_number(struct reader *r, uint64_t low, uint64_t high, uint64_t *value,
			const char *why)
{
	uint64_t v = 0;

	if (*r->at < '0' || *r->at > '9')
		return refuse(r, why);
	for (; *r->at >= '0' && *r->at <= '9'; r->at++) {
		const uint64_t d = (uint64_t)(*r->at - '0');

		if (v > (UINT64_MAX - d) / 10)
			return refuse(r, why);
		v = 10 * v + d;
	}
	*value = v;
	return v >= low && v <= high ? true : refuse(r, why);
}

static bool read_u32(struct reader *r, uint32_t low, uint32_t high, uint32_t *value,
		     const char *why)
{
	uint64_t v = 0;

	if (!read_number(r, low, high, &v, why))
		return false;
	*value = (uint32_t)v;
	return true;
}

#define WHY_WEIGHT "a weight is not a number from 1 to 1000"

static bool read_task(struct reader *r, struct disk_load_task *task)
{
	*task = (struct disk_load_task){ 0 };
	return read_u32(r, 1, 1000000, &task->iops, "IOPS are not a number from 1 to 1000000") &&
	       skip(r, '*', "no '*' between the IOPS and the weight of a task") &&
	       read_u32(r, 1, IOSCHED_WEIGHT_MAX, &task->weight, WHY_WEIGHT);
}

static bool read_guest(struct reader *r, struct disk_load_guest *guest)
{
	guest->task_count = 0;
	if (!read_u32(r, 1, IOSCHED_WEIGHT_MAX, &guest->weight, WHY_WEIGHT) ||
	    !skip(r, ':', "no ':' after the weight of a guest"))
		return false;
	do {
		if (guest->task_count == IOSCHED_QUEUE_MAX)
			return refuse(r, "more than 8 tasks in a guest");
		if (!read_task(r, &guest->tasks[guest->task_count++]))
			return false;
	} while (is_next(r, '+') && r->at++);
	return true;
}

static bool read_load(struct reader *r, struct disk_load *load)
{
	load->guest_count = 0;
	do {
		if (load->guest_count == IOSCHED_CLIENT_MAX)
			return refuse(r, "more than 32 guests");
		if (!read_guest(r, &load->guests[load->guest_count++]))
			return false;
	} while (is_next(r, ';') && r->at++);
	return true;
}

static bool read_task_result(struct reader *r, struct condition_task *task)
{
	uint64_t *const values[] = { &task->requests, &task->p50_ns, &task->p99_ns, &task->p9999_ns,
				     &task->max_ns };

	for (uint32_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (i > 0 && !skip(r, '/', "no '/' between the results of a task"))
			return false;
		if (!read_number(r, 0, UINT64_MAX, values[i], "a result is not a number"))
			return false;
	}
	return true;
}

static bool read_result(struct reader *r, const struct disk_load *load,
			struct condition_result *result)
{
	for (uint32_t g = 0; g < load->guest_count; g++) {
		if (g > 0 && !skip(r, ';', "results of fewer guests than there are"))
			return false;
		for (uint32_t t = 0; t < load->guests[g].task_count; t++) {
			if (t > 0 && !skip(r, '+', "results of fewer tasks than there are"))
				return false;
			if (!read_task_result(r, &result->tasks[g][t]))
				return false;
		}
	}
	return true;
}

static bool read_set(struct reader *r, enum condition_set *set)
{
	for (uint32_t i = 0; i < CONDITION_SET_COUNT; i++) {
		const char *name = condition_set_name(i);

		if (strncmp(r->at, name, strlen(name)) == 0 && r->at[strlen(name)] == ',') {
			*set = i;
			r->at += strlen(name);
			return true;
		}
	}
	return refuse(r, "the set is none of fit, held-out, out-of-grid");
}

/* What all conditions have in common. */
static void fill_common(struct disk_load *load)
{
	*load = (struct disk_load){ .request_bytes = SSD_REQUEST_BYTES,
				    .max_budget_bytes = SSD_MAX_BUDGET_BYTES,
				    .bytes_per_s = SSD_BYTES_PER_S };
}

#define WHY_COMMA "not six columns between commas"

static bool read_settings(struct reader *r, struct condition *c)
{
	uint32_t slice_idle_us, timeout_us;

	if (!read_set(r, &c->set) || !skip(r, ',', WHY_COMMA) ||
	    !read_u32(r, 0, UINT32_MAX, &c->number, "the condition has no number") ||
	    !skip(r, ',', WHY_COMMA) ||
	    !read_u32(r, 0, 10000000, &slice_idle_us, "slice_idle is not 0 to 10000000 us") ||
	    !skip(r, ',', WHY_COMMA) ||
	    !read_u32(r, 0, 10000000, &timeout_us, "timeout is not 0 to 10000000 us") ||
	    !skip(r, ',', WHY_COMMA))
		return false;
	c->load.slice_idle_ns = US(slice_idle_us);
	c->load.timeout_ns = US(timeout_us);
	return true;
}

const char *condition_parse(struct condition *c, struct condition_result *result, const char *line)
{
	struct reader r = { .at = line };

	fill_common(&c->load);
	if (!read_settings(&r, c) || !read_load(&r, &c->load))
		return r.why;
	if (!result && (is_next(&r, '\0') || is_next(&r, '\n') || is_next(&r, ',')))
		return NULL;
	if (!skip(&r, ',', WHY_COMMA) || !read_result(&r, &c->load, result))
		return r.why;
	return is_next(&r, '\0') || is_next(&r, '\n') ? NULL : "something after the results";
}

const char *condition_parse_load(struct disk_load *load, const char *text)
{
	struct reader r = { .at = text };

	fill_common(load);
	if (!read_load(&r, load))
		return r.why;
	return is_next(&r, '\0') ? NULL : "something after the tasks of the last guest";
}

/* --- printing -------------------------------------------------------------------------------------- */

struct writer {
	char *text;
	size_t bytes, used; /* used > bytes: it did not fit */
};

static void put(struct writer *w, const char *format, ...) PRINTF(2, 3);
static void put(struct writer *w, const char *format, ...)
{
	size_t left = w->used < w->bytes ? w->bytes - w->used : 0;
	va_list args;

	va_start(args, format);
	w->used += (size_t)vsnprintf(left ? w->text + w->used : NULL, left, format, args);
	va_end(args);
}

const char *condition_set_name(enum condition_set set)
{
	static const char *const names[CONDITION_SET_COUNT] = { "fit", "held-out", "out-of-grid" };

	return names[set];
}

static void put_load(struct writer *w, const struct disk_load *load)
{
	for (uint32_t g = 0; g < load->guest_count; g++) {
		const struct disk_load_guest *guest = &load->guests[g];

		put(w, "%s%u:", g > 0 ? ";" : "", guest->weight);
		for (uint32_t t = 0; t < guest->task_count; t++)
			put(w, "%s%u*%u", t > 0 ? "+" : "", guest->tasks[t].iops,
			    guest->tasks[t].weight);
	}
}

static void put_result(struct writer *w, const struct disk_load *load,
		       const struct condition_result *result)
{
	for (uint32_t g = 0; g < load->guest_count; g++) {
		for (uint32_t t = 0; t < load->guests[g].task_count; t++) {
			const struct condition_task *r = &result->tasks[g][t];

			put(w, "%s%llu/%llu/%llu/%llu/%llu",
			    t > 0   ? "+"
			    : g > 0 ? ";"
				    : "",
			    (unsigned long long)r->requests, (unsigned long long)r->p50_ns,
			    (unsigned long long)r->p99_ns, (unsigned long long)r->p9999_ns,
			    (unsigned long long)r->max_ns);
		}
	}
}

size_t condition_print(char *line, size_t bytes, const struct condition *c,
		       const struct condition_result *result)
{
	struct writer w = { line, bytes, 0 };

	put(&w, "%s,%u,%llu,%llu,", condition_set_name(c->set), c->number,
	    (unsigned long long)(c->load.slice_idle_ns / US(1)),
	    (unsigned long long)(c->load.timeout_ns / US(1)));
	put_load(&w, &c->load);
	if (result) {
		put(&w, ",");
		put_result(&w, &c->load, result);
	}
	put(&w, "\n");
	return w.used < bytes ? w.used : 0;
}
