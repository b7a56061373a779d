/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sim/rtvirtio_runs.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "configs/ssd.h"
#include "tools/sim/lines.h"
#include "tools/sim/sim_random.h"

#define PHASE_NS     SEC(100)
#define LINE_BYTES   8192u
#define HEADER_BYTES 512u

static const struct service_time_config ssd = SSD_TIMES();
static const uint32_t scales[] = { 100, 50, 75, 150, 200 };
static const enum rtvirtio_scheme changing[] = { RTVIRTIO_BFQ, RTVIRTIO_ANALYTIC, RTVIRTIO_MLP,
						 RTVIRTIO_ANALYTIC_PAPER, RTVIRTIO_MLP_PAPER };

struct job {
	struct rtvirtio_runs runs;
	struct rtvirtio_tails tails;
};

/* One line: which run of what. */
struct item {
	uint32_t from, number; /* cases */
	enum rtvirtio_scheme scheme;
	uint32_t run;
	bool is_change, is_again;
};

/* --- which line is what ----------------------------------------------------------------------------- */

static uint32_t digit(uint32_t *index, uint32_t base)
{
	const uint32_t d = *index % base;

	*index /= base;
	return d;
}

static struct item item_of_run(const struct job *j, uint32_t index)
{
	const bool is_plain = j->runs.part == RTVIRTIO_PLAIN;
	struct item i = { 0 };

	i.run = digit(&index, j->runs.runs);
	if (is_plain)
		i.scheme = digit(&index, RTVIRTIO_ANALYTIC);
	else
		i.scheme = RTVIRTIO_ANALYTIC +
			   digit(&index, RTVIRTIO_SCHEME_COUNT - RTVIRTIO_ANALYTIC);
	i.number = index;
	return i;
}

/* bfq has nothing to settle again: its only mode is the first. */
static struct item item_of_change(const struct job *j, uint32_t index)
{
	struct item i = { .is_change = true };
	uint32_t guests, set, which;

	i.run = digit(&index, j->runs.runs);
	which = digit(&index, 2 * (uint32_t)ARRAY_SIZE(changing) - 1);
	i.scheme = changing[(which + 1) / 2];
	i.is_again = which > 0 && which % 2 == 0;
	i.from = digit(&index, RTVIRTIO_CASES);
	guests = i.from / RTVIRTIO_SETS;
	set = i.from % RTVIRTIO_SETS;
	if (index == 0)
		set = (set + 1) % RTVIRTIO_SETS;
	else
		guests = (guests + 1) % RTVIRTIO_GUESTS;
	i.number = guests * RTVIRTIO_SETS + set;
	return i;
}

static uint32_t line_count(const struct job *j)
{
	switch (j->runs.part) {
	case RTVIRTIO_PLAIN:
		return RTVIRTIO_CASES * j->runs.runs * RTVIRTIO_ANALYTIC;
	case RTVIRTIO_MODELS:
		return RTVIRTIO_CASES * j->runs.runs * (RTVIRTIO_SCHEME_COUNT - RTVIRTIO_ANALYTIC);
	default:
		return RTVIRTIO_CASES * 2 * j->runs.runs * (2 * (uint32_t)ARRAY_SIZE(changing) - 1);
	}
}

/* --- printing --------------------------------------------------------------------------------------- */

struct text {
	char *at;
	size_t bytes, used;
};

static void put(struct text *t, const char *format, ...) PRINTF(2, 3);
static void put(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->used += (size_t)vsnprintf(t->used < t->bytes ? t->at + t->used : NULL,
				     t->used < t->bytes ? t->bytes - t->used : 0, format, args);
	va_end(args);
}

static void put_item(struct text *t, const struct item *i)
{
	put(t, "{\"guests\":%u,\"set\":\"%s\",", i->number / RTVIRTIO_SETS + 1,
	    rtvirtio_set_name(i->number % RTVIRTIO_SETS));
	if (i->is_change)
		put(t, "\"from\":[%u,\"%s\"],\"mode\":\"%s\",", i->from / RTVIRTIO_SETS + 1,
		    rtvirtio_set_name(i->from % RTVIRTIO_SETS), i->is_again ? "again" : "once");
	put(t, "\"scheme\":\"%s\",\"run\":%u,", rtvirtio_scheme_name(i->scheme), i->run);
}

static void put_load(struct text *t, const struct disk_load *load)
{
	put(t, "\"slice_idle_us\":%llu,\"timeout_us\":%llu,\"load\":\"",
	    (unsigned long long)(load->slice_idle_ns / US(1)),
	    (unsigned long long)(load->timeout_ns / US(1)));
	for (uint32_t g = 0; g < load->guest_count; g++) {
		put(t, "%s%u:", g > 0 ? ";" : "", load->guests[g].weight);
		for (uint32_t n = 0; n < load->guests[g].task_count; n++)
			put(t, "%s%u*%u", n > 0 ? "+" : "", load->guests[g].tasks[n].iops,
			    load->guests[g].tasks[n].weight);
	}
	put(t, "\",");
}

/* Tasks of `load`; predictions of `s`, or none. */
static void put_tasks(struct text *t, const char *name, const struct disk_load *load,
		      const struct rtvirtio_settings *s, const struct condition_result *result)
{
	bool is_first = true;

	put(t, "\"%s\":[", name);
	for (uint32_t g = 0; g < load->guest_count; g++) {
		for (uint32_t n = 0; n < load->guests[g].task_count; n++) {
			put(t, "%s[%u,%u,%llu,%llu", is_first ? "" : ",", g,
			    load->guests[g].tasks[n].iops,
			    (unsigned long long)load->guests[g].tasks[n].target_ns,
			    (unsigned long long)result->tasks[g][n].p9999_ns);
			if (s && s->is_predicted)
				put(t, ",%llu", (unsigned long long)s->predicted_ns[g][n]);
			put(t, "]");
			is_first = false;
		}
	}
	put(t, "]");
}

/* --- a run ------------------------------------------------------------------------------------------ */

static struct disk_sim *sim_of(const struct job *j, const struct item *i)
{
	struct sim_random random =
		sim_random_stream(j->runs.seed, (uint64_t)i->run * RTVIRTIO_CASES + i->number);

	return disk_sim_new(&(struct disk_sim_config){ .time = &ssd,
						       .seed = sim_random_u64(&random),
						       .send_ns = DISK_SIM_SEND_NS,
						       .return_ns = DISK_SIM_RETURN_NS });
}

/* Are the disk and its guests the same? */
static bool is_same(const struct rtvirtio_settings *a, const struct rtvirtio_settings *b)
{
	return a->sched.slice_idle_tsc == b->sched.slice_idle_tsc &&
	       a->sched.timeout_tsc == b->sched.timeout_tsc &&
	       memcmp(a->clients, b->clients, sizeof(a->clients)) == 0;
}

/* With one scale. *last are the settings that *result is of: these are not simulated again. */
static bool run_scale(const struct job *j, const struct item *i, uint32_t scale,
		      struct rtvirtio_settings *last, struct condition_result *result,
		      struct text *t)
{
	static struct rtvirtio_settings s;
	struct disk_load load;

	rtvirtio_load(&load, i->number, &j->tails, scale);
	if (rtvirtio_settle(&s, i->scheme, &load) != OK)
		return false;
	if (!is_same(&s, last)) {
		struct disk_sim *const sim = sim_of(j, i);

		if (!sim || disk_sim_phase(sim, &load, &s.sched, PHASE_NS, result) != OK)
			return false;
		disk_sim_free(sim);
		*last = s;
	}
	put(t, "{\"scale\":%u,", scale);
	put_load(t, &s.load);
	if (s.is_predicted)
		put(t, "\"met\":%s,", s.is_met ? "true" : "false");
	put_tasks(t, "tasks", &load, &s, result);
	put(t, "}");
	return true;
}

static bool run(const struct job *j, const struct item *i, struct text *t)
{
	static struct rtvirtio_settings last;
	static struct condition_result result;
	const uint32_t count = rtvirtio_has_targets(i->scheme) ? ARRAY_SIZE(scales) : 1;
	bool is_good = true;

	memset(&last, 0, sizeof(last));
	put(t, "\"scales\":[");
	for (uint32_t n = 0; is_good && n < count; n++) {
		put(t, "%s", n > 0 ? "," : "");
		is_good = run_scale(j, i, scales[n], &last, &result, t);
	}
	put(t, "]");
	return is_good;
}

static bool change(const struct job *j, const struct item *i, struct text *t)
{
	static struct rtvirtio_settings s;
	static struct condition_result before, after;
	struct disk_sim *const sim = sim_of(j, i);
	struct disk_load first, second;
	bool is_good;

	rtvirtio_load(&first, i->from, &j->tails, 100);
	rtvirtio_load(&second, i->number, &j->tails, 100);
	is_good = sim && rtvirtio_settle(&s, i->scheme, &first) == OK;
	if (!i->is_again)
		rtvirtio_extend(&s, &second);
	is_good = is_good && disk_sim_phase(sim, &first, &s.sched, PHASE_NS, &before) == OK;
	if (i->is_again)
		is_good = is_good && rtvirtio_settle(&s, i->scheme, &second) == OK;
	is_good = is_good && disk_sim_phase(sim, &second, i->is_again ? &s.sched : NULL, PHASE_NS,
					    &after) == OK;
	if (sim)
		disk_sim_free(sim);
	put(t, "\"scale\":100,");
	put_load(t, &s.load);
	put_tasks(t, "before", &first, NULL, &before);
	put(t, ",");
	put_tasks(t, "tasks", &second, i->is_again ? &s : NULL, &after);
	return is_good;
}

/* --- the file --------------------------------------------------------------------------------------- */

static struct item item_of(const struct job *j, uint32_t index)
{
	return j->runs.part == RTVIRTIO_CHANGES ? item_of_change(j, index) : item_of_run(j, index);
}

static size_t begin(void *context, uint32_t index, char *line, size_t bytes)
{
	const struct item i = item_of(context, index);
	struct text t = { line, bytes, 0 };

	put_item(&t, &i);
	return t.used < bytes ? t.used : 0;
}

static size_t make(void *context, uint32_t index, char *line, size_t bytes)
{
	const struct item i = item_of(context, index);
	struct text t = { line, bytes, 0 };

	put_item(&t, &i);
	if (!(i.is_change ? change(context, &i, &t) : run(context, &i, &t)))
		return 0;
	put(&t, "}\n");
	return t.used < bytes ? t.used : 0;
}

static void mix(uint64_t *hash, uint64_t value)
{
	struct sim_random r = { *hash ^ value };

	*hash = sim_random_u64(&r);
}

/* Of all decisions and predictions: other models, or another optimizer, have another one. */
static uint64_t decisions_of(const struct job *j)
{
	static struct rtvirtio_settings s;
	struct disk_load load;
	uint64_t hash = 0;

	for (uint32_t i = 0; i < RTVIRTIO_CASES * RTVIRTIO_SCHEME_COUNT; i++) {
		rtvirtio_load(&load, i % RTVIRTIO_CASES, &j->tails, 100);
		if (rtvirtio_settle(&s, i / RTVIRTIO_CASES, &load) != OK || !s.is_predicted)
			continue;
		mix(&hash, s.sched.slice_idle_tsc);
		mix(&hash, s.sched.timeout_tsc);
		for (uint32_t g = 0; g < load.guest_count; g++) {
			mix(&hash, s.clients[g].weight);
			for (uint32_t t = 0; t < load.guests[g].task_count; t++) {
				mix(&hash, s.clients[g].queue_weights[t]);
				mix(&hash, s.predicted_ns[g][t]);
			}
		}
	}
	return hash;
}

static void put_header(struct text *t, const struct job *j)
{
	put(t, "{\"seed\":%llu,\"runs\":%u,\"uncontended\":[%llu,%llu,%llu]",
	    (unsigned long long)j->runs.seed, j->runs.runs, (unsigned long long)j->tails.ns[0],
	    (unsigned long long)j->tails.ns[1], (unsigned long long)j->tails.ns[2]);
	if (j->runs.part != RTVIRTIO_PLAIN)
		put(t, ",\"decisions\":\"%016llx\"", (unsigned long long)decisions_of(j));
	put(t, "}\n");
}

int rtvirtio_runs_make(const struct rtvirtio_runs *r)
{
	struct job j = { .runs = *r, .tails = rtvirtio_uncontended_ns(r->seed) };
	char header[HEADER_BYTES];
	struct text t = { header, sizeof(header), 0 };

	put_header(&t, &j);
	return lines_make(&(struct lines){ .path = r->path,
					   .header = header,
					   .count = line_count(&j),
					   .jobs = r->jobs,
					   .line_bytes = LINE_BYTES,
					   .is_quiet = r->is_quiet,
					   .context = &j,
					   .make = make,
					   .begin = begin });
}
