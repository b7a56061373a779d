/* SPDX-License-Identifier: Apache-2.0 */
/* io/disk_optimizer.h: what is refused, whom the compromise keeps, what may be chosen. */
#include <string.h>
#include "io/disk_optimizer.h"
#include "io/latency_table.h"
#include "tests/test.h"

#define AN_HOUR SEC(3600) /* a target that is always met */

static struct disk_optimum optimum, again;

static struct disk_load load_of(uint32_t guest_count, uint32_t task_count)
{
	struct disk_load load = { .guest_count = guest_count,
				  .request_bytes = 4096,
				  .slice_idle_ns = MS(8),
				  .timeout_ns = MS(125),
				  .max_budget_bytes = MIB(8),
				  .bytes_per_s = 245000000 };

	for (uint32_t i = 0; i < guest_count && i < IOSCHED_CLIENT_MAX; i++) {
		load.guests[i].weight = 100;
		load.guests[i].task_count = task_count;
		for (uint32_t j = 0; j < task_count; j++)
			load.guests[i].tasks[j] = (struct disk_load_task){ .iops = 500,
									   .weight = 100,
									   .target_ns = AN_HOUR };
	}
	return load;
}

/* --- what is refused ---------------------------------------------------------------------- */

static bool is_refused(const struct disk_load *load, uint32_t guest, uint32_t task, const char *why)
{
	memset(&optimum, 0, sizeof(optimum));
	if (disk_optimize(load, LATENCY_MLP, &disk_optimizer_range, &optimum) != ERR_INVAL)
		return false;
	if (!optimum.why || !strstr(optimum.why, why))
		return false;
	return optimum.why_guest == guest && optimum.why_task == task && !optimum.is_met;
}

#define CHECK_REFUSED(change, guest, task, why) \
	do { \
		struct disk_load load = load_of(3, 2); \
		change; \
		CHECK(is_refused(&load, guest, task, why)); \
	} while (0)

static void nonsense_is_refused_in_words(void)
{
	CHECK_REFUSED(load.guest_count = 0, 0, 0, "no guest");
	CHECK_REFUSED(load.guest_count = 33, 32, 0, "more guests");
	CHECK_REFUSED(load.guest_count = 64, 32, 0, "more guests");
	CHECK_REFUSED(load.guest_count = UINT32_MAX, 32, 0, "more guests");
	CHECK_REFUSED(load.guests[1].task_count = 0, 1, 0, "without a task");
	CHECK_REFUSED(load.guests[2].task_count = 9, 2, 0, "more tasks");
	CHECK_REFUSED(load.guests[1].weight = 0, 1, 0, "guest's weight");
	CHECK_REFUSED(load.guests[1].weight = 1001, 1, 0, "guest's weight");
	CHECK_REFUSED(load.guests[1].tasks[1].weight = 0, 1, 1, "task's weight");
	CHECK_REFUSED(load.guests[1].tasks[1].weight = 1001, 1, 1, "task's weight");
	CHECK_REFUSED(load.guests[2].tasks[1].iops = 0, 2, 1, "0 IOPS");
	CHECK_REFUSED(load.request_bytes = 0, 0, 0, "0 bytes");
	CHECK_REFUSED(load.bytes_per_s = 0, 0, 0, "0 bytes");
	CHECK_REFUSED(for (uint32_t i = 0; i < 3; i++) load.guests[i].tasks[0].target_ns =
			      load.guests[i].tasks[1].target_ns = 0,
		      0, 0, "no task has a target");
}

static void ranges_without_sense_are_refused(void)
{
	static const uint32_t weights[] = { 0, 1001 };
	struct disk_load load = load_of(1, 1);
	struct disk_optimizer_range range = disk_optimizer_range;

	CHECK(disk_optimize(&load, LATENCY_MODEL_COUNT, &range, &optimum) == ERR_INVAL);
	range.slice_idle_count = 0;
	CHECK(disk_optimize(&load, LATENCY_MLP, &range, &optimum) == ERR_INVAL);
	range = disk_optimizer_range;
	range.timeout_count = 0;
	CHECK(disk_optimize(&load, LATENCY_MLP, &range, &optimum) == ERR_INVAL);
	range = disk_optimizer_range;
	range.weight_count = 0;
	CHECK(disk_optimize(&load, LATENCY_MLP, &range, &optimum) == ERR_INVAL);
	for (uint32_t i = 0; i < 2; i++) {
		range.weights = &weights[i];
		range.weight_count = 1;
		CHECK(disk_optimize(&load, LATENCY_MLP, &range, &optimum) == ERR_INVAL);
	}
}

/* --- compromise --------------------------------------------------------------------------- */

/* Where weight decides: nobody can be helped by shorter waits or turns. */
static const uint64_t one_slice_idle[] = { MS(8) }, one_timeout[] = { MS(125) };
static const uint32_t all_weights[] = { 50, 70, 100, 150, 200, 250, 300, 400, 500, 700, 1000 };
static const struct disk_optimizer_range weights_only = {
	.slice_idle_ns = one_slice_idle,
	.timeout_ns = one_timeout,
	.weights = all_weights,
	.slice_idle_count = 1,
	.timeout_count = 1,
	.weight_count = ARRAY_SIZE(all_weights),
};

/* What a guest is predicted if all weight goes to it: others at the least, it at the most. */
static uint64_t best_alone(enum latency_model model, struct disk_load load, uint32_t guest)
{
	struct latency_sums sums;

	for (uint32_t i = 0; i < load.guest_count; i++)
		load.guests[i].weight = i == guest ? 1000 : 50;
	latency_sum(&load, &sums);
	return latency_predict_ns(model, &load, &sums, guest, 0);
}

enum want {
	EASY,       /* met whatever happens */
	FAVOURED,   /* 2 % above what is possible if all weight is its own */
	MISSED,     /* a nanosecond below that */
	IMPOSSIBLE, /* below one service time */
	NOTHING     /* no target */
};
static const struct compromise {
	enum want wants[3];
	uint32_t critical, kept; /* a bit each */
} compromises[] = {
	{ { EASY, EASY, EASY }, 0, 7 },
	{ { EASY, EASY, IMPOSSIBLE }, 0, 3 },
	{ { IMPOSSIBLE, EASY, EASY }, 0, 6 },
	{ { IMPOSSIBLE, IMPOSSIBLE, IMPOSSIBLE }, 0, 0 },
	{ { NOTHING, EASY, EASY }, 0, 7 },
	{ { NOTHING, IMPOSSIBLE, EASY }, 0, 5 },
	{ { FAVOURED, EASY, EASY }, 0, 7 },
	{ { EASY, EASY, FAVOURED }, 0, 7 },
	{ { NOTHING, EASY, FAVOURED }, 0, 7 },
	/* Two or three that cannot all be: of equals the first .. */
	{ { FAVOURED, FAVOURED, EASY }, 0, 5 },
	{ { EASY, FAVOURED, FAVOURED }, 0, 3 },
	{ { FAVOURED, FAVOURED, FAVOURED }, 0, 1 },
	/* .. but the critical one if there is one, and the first of several. */
	{ { FAVOURED, FAVOURED, EASY }, 2, 6 },
	{ { FAVOURED, FAVOURED, FAVOURED }, 4, 4 },
	{ { FAVOURED, FAVOURED, FAVOURED }, 6, 2 },
	{ { FAVOURED, FAVOURED, EASY }, 4, 5 },
	/* Nobody pays for what is impossible. */
	{ { MISSED, FAVOURED, EASY }, 1, 6 },
	{ { IMPOSSIBLE, FAVOURED, EASY }, 1, 6 },
	{ { IMPOSSIBLE, FAVOURED, FAVOURED }, 1, 2 },
};

static uint64_t target_of(enum latency_model model, const struct disk_load *load, uint32_t guest,
			  enum want want)
{
	static const uint64_t targets[] = { [EASY] = AN_HOUR, [IMPOSSIBLE] = 1, [NOTHING] = 0 };

	if (want == MISSED)
		return best_alone(model, *load, guest) - 1;
	if (want == FAVOURED)
		return best_alone(model, *load, guest) * 102 / 100;
	return targets[want];
}

static void the_most_urgent_are_kept(void)
{
	for (uint32_t n = 0; n < ARRAY_SIZE(compromises) * LATENCY_MODEL_COUNT; n++) {
		const struct compromise *c = &compromises[n / LATENCY_MODEL_COUNT];
		enum latency_model model = n % LATENCY_MODEL_COUNT;
		struct disk_load load = load_of(3, 1);

		for (uint32_t i = 0; i < 3; i++) {
			load.guests[i].is_critical = (c->critical & BIT32(i)) != 0;
			load.guests[i].tasks[0].target_ns = target_of(model, &load, i, c->wants[i]);
		}
		CHECK(disk_optimize(&load, model, &weights_only, &optimum) == OK);
		if (optimum.kept != c->kept)
			printf("compromise %u, model %u: %x, not %x\n", n / LATENCY_MODEL_COUNT,
			       model, optimum.kept, c->kept);
		CHECK(optimum.kept == c->kept);
		CHECK(optimum.is_met == (c->kept == 7));
	}
}

/* The smaller target is the more urgent one, wherever it stands. */
static void the_smaller_target_is_kept(void)
{
	for (enum latency_model m = 0; m < LATENCY_MODEL_COUNT; m++) {
		for (uint32_t urgent = 0; urgent < 2; urgent++) {
			struct disk_load load = load_of(2, 1);
			uint64_t target = best_alone(m, load, 0) * 102 / 100;

			load.guests[0].tasks[0].target_ns = target + (urgent == 0 ? 0 : 1);
			load.guests[1].tasks[0].target_ns = target + (urgent == 1 ? 0 : 1);
			CHECK(disk_optimize(&load, m, &weights_only, &optimum) == OK);
			CHECK(optimum.kept == BIT32(urgent));
			CHECK(optimum.load.guests[urgent].weight >
			      optimum.load.guests[1 - urgent].weight);
		}
	}
}

/* A guest is kept only if all of its tasks are; and it needs only those that have targets. */
static void all_of_a_guests_tasks_count(void)
{
	for (enum latency_model m = 0; m < LATENCY_MODEL_COUNT; m++) {
		struct disk_load load = load_of(2, 3);

		load.guests[0].tasks[2].target_ns = 1;
		CHECK(disk_optimize(&load, m, &disk_optimizer_range, &optimum) == OK);
		CHECK(optimum.kept == 2 && !optimum.is_met);
		load.guests[0].tasks[2].target_ns = 0;
		CHECK(disk_optimize(&load, m, &disk_optimizer_range, &optimum) == OK);
		CHECK(optimum.kept == 3 && optimum.is_met);
		CHECK(optimum.predicted_ns[0][2] > 0);
	}
}

/*
 * Those that are not kept get what is left: with one guest that cannot be helped and one that is easily
 * kept, the weight goes to the first.
 */
static void the_others_are_not_worse_off_than_need_be(void)
{
	for (enum latency_model m = 0; m < LATENCY_MODEL_COUNT; m++) {
		struct disk_load load = load_of(2, 1);

		load.guests[0].tasks[0].target_ns = best_alone(m, load, 0) / 2;
		CHECK(disk_optimize(&load, m, &weights_only, &optimum) == OK);
		CHECK(optimum.kept == 2);
		CHECK(optimum.predicted_ns[0][0] <= best_alone(m, load, 0));
	}
}

/* --- what may be chosen ------------------------------------------------------------------- */

static bool has(const uint64_t *values, uint32_t count, uint64_t value)
{
	for (uint32_t i = 0; i < count; i++) {
		if (values[i] == value)
			return true;
	}
	return false;
}

static bool has_weight(const struct disk_optimizer_range *range, uint32_t weight)
{
	for (uint32_t i = 0; i < range->weight_count; i++) {
		if (range->weights[i] == weight)
			return true;
	}
	return false;
}

static bool is_sorted(const struct disk_optimizer_range *r)
{
	for (uint32_t i = 1; i < r->slice_idle_count; i++) {
		if (r->slice_idle_ns[i] <= r->slice_idle_ns[i - 1])
			return false;
	}
	for (uint32_t i = 1; i < r->timeout_count; i++) {
		if (r->timeout_ns[i] <= r->timeout_ns[i - 1])
			return false;
	}
	for (uint32_t i = 1; i < r->weight_count; i++) {
		if (r->weights[i] <= r->weights[i - 1])
			return false;
	}
	return true;
}

/* Paper 000, Table II. */
static void the_papers_range_is_table_ii(void)
{
	static const uint32_t slice_idles[] = { 1, 2, 4, 6, 8 }, timeouts[] = { 32, 64, 124 };
	static const uint32_t weights[] = { 50, 100, 150, 250, 300, 500, 700 };
	const struct disk_optimizer_range *r = &disk_optimizer_paper_range;

	CHECK(is_sorted(r) && is_sorted(&disk_optimizer_range));
	CHECK(r->slice_idle_count == 5 && r->timeout_count == 3 && r->weight_count == 7);
	for (uint32_t i = 0; i < 5; i++)
		CHECK(has(r->slice_idle_ns, 5, MS(slice_idles[i])));
	for (uint32_t i = 0; i < 3; i++)
		CHECK(has(r->timeout_ns, 3, MS(timeouts[i])));
	for (uint32_t i = 0; i < 7; i++)
		CHECK(has_weight(r, weights[i]) && has_weight(&disk_optimizer_range, weights[i]));
}

static void settings_are_the_ranges_or_the_loads(void)
{
	const struct disk_optimizer_range *r = &disk_optimizer_paper_range;

	for (enum latency_model m = 0; m < LATENCY_MODEL_COUNT; m++) {
		struct disk_load load = load_of(3, 2);

		load.slice_idle_ns = US(7300);
		load.timeout_ns = 0; /* none */
		load.guests[1].weight = 777;
		load.guests[0].tasks[1].weight = 3;
		load.guests[2].tasks[0].target_ns = MS(400);
		CHECK(disk_optimize(&load, m, r, &optimum) == OK);
		CHECK(has(r->slice_idle_ns, 5, optimum.load.slice_idle_ns) ||
		      optimum.load.slice_idle_ns == US(7300));
		CHECK(has(r->timeout_ns, 3, optimum.load.timeout_ns) ||
		      optimum.load.timeout_ns == 0);
		for (uint32_t i = 0; i < 3; i++) {
			CHECK(has_weight(r, optimum.load.guests[i].weight) ||
			      optimum.load.guests[i].weight == load.guests[i].weight);
			for (uint32_t j = 0; j < 2; j++)
				CHECK(optimum.load.guests[i].tasks[j].iops == 500 &&
				      optimum.load.guests[i].tasks[j].target_ns ==
					      load.guests[i].tasks[j].target_ns);
		}
	}
}

/* Shorter waits and shorter turns are shorter tails, by the equations: that is what it must find. */
static void the_equations_end_at_the_least_of_both(void)
{
	const struct latency_coefficients *c = &latency_table.analytic;
	bool heeds_idle = c->si_host > 0 || c->si_guest > 0; /* the fit may find no effect */
	bool heeds_timeout = c->ts_host > 0 || c->ts_guest > 0;
	struct disk_load load = load_of(4, 3);

	CHECK(disk_optimize(&load, LATENCY_ANALYTIC, &disk_optimizer_range, &optimum) == OK);
	CHECK(optimum.load.slice_idle_ns == (heeds_idle ? 0 : MS(8)));
	CHECK(optimum.load.timeout_ns == (heeds_timeout ? MS(8) : MS(125)));
	CHECK(disk_optimize(&load, LATENCY_ANALYTIC, &disk_optimizer_paper_range, &optimum) == OK);
	CHECK(optimum.load.slice_idle_ns == (heeds_idle ? MS(1) : MS(8)));
	CHECK(optimum.load.timeout_ns == (heeds_timeout ? MS(32) : MS(125)));
}

/* --- the same, always --------------------------------------------------------------------- */

static bool is_same(const struct disk_optimum *a, const struct disk_optimum *b)
{
	if (a->kept != b->kept || a->predictions != b->predictions || a->steps != b->steps ||
	    a->load.slice_idle_ns != b->load.slice_idle_ns ||
	    a->load.timeout_ns != b->load.timeout_ns)
		return false;
	for (uint32_t i = 0; i < a->load.guest_count; i++) {
		if (a->load.guests[i].weight != b->load.guests[i].weight)
			return false;
		for (uint32_t j = 0; j < a->load.guests[i].task_count; j++) {
			if (a->load.guests[i].tasks[j].weight !=
				    b->load.guests[i].tasks[j].weight ||
			    a->predicted_ns[i][j] != b->predicted_ns[i][j])
				return false;
		}
	}
	return true;
}

static void nothing_of_before_matters(void)
{
	for (enum latency_model m = 0; m < LATENCY_MODEL_COUNT; m++) {
		struct disk_load load = load_of(3, 2);

		load.guests[1].tasks[0].target_ns = MS(300);
		load.guests[2].tasks[1].target_ns = MS(150);
		memset(&optimum, 0, sizeof(optimum));
		CHECK(disk_optimize(&load, m, &disk_optimizer_range, &optimum) == OK);
		memset(&again, 0xa5, sizeof(again));
		CHECK(disk_optimize(&load, m, &disk_optimizer_range, &again) == OK);
		CHECK(is_same(&optimum, &again));
	}
}

/* All that a disk can have: the bound holds, and one look at everybody fits in. */
static void the_largest_load_stays_within_the_bound(void)
{
	for (uint32_t n = 0; n < 2 * LATENCY_MODEL_COUNT; n++) {
		enum latency_model model = n / 2;
		struct disk_load load = load_of(IOSCHED_CLIENT_MAX, IOSCHED_QUEUE_MAX);

		for (uint32_t i = 0; i < IOSCHED_CLIENT_MAX && n % 2 == 1; i++)
			load.guests[i].tasks[0].target_ns = i + 1;
		CHECK(disk_optimize(&load, model, &disk_optimizer_range, &optimum) == OK);
		CHECK(optimum.predictions <= DISK_OPTIMIZER_PREDICTIONS(model));
		CHECK(optimum.kept == (n % 2 == 1 ? 0 : UINT32_MAX) &&
		      optimum.is_met == (n % 2 == 0));
	}
}

int main(void)
{
	RUN(nonsense_is_refused_in_words);
	RUN(ranges_without_sense_are_refused);
	RUN(the_most_urgent_are_kept);
	RUN(the_smaller_target_is_kept);
	RUN(all_of_a_guests_tasks_count);
	RUN(the_others_are_not_worse_off_than_need_be);
	RUN(the_papers_range_is_table_ii);
	RUN(settings_are_the_ranges_or_the_loads);
	RUN(the_equations_end_at_the_least_of_both);
	RUN(nothing_of_before_matters);
	RUN(the_largest_load_stays_within_the_bound);
	return test_failed;
}
