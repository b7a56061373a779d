/* SPDX-License-Identifier: Apache-2.0 */
#include "io/latency.h"
#include "io/latency_math.h"

/* Who waits for sixteen times as long, or for a sixteenth, is beyond doubt. */
#define PATIENCE_MAX (4 * LATENCY_ONE)

const char *const latency_feature_names[LATENCY_FEATURE_COUNT] = {
	[FEATURE_GUESTS] = "guests",
	[FEATURE_TASKS] = "tasks",
	[FEATURE_GUEST_TASKS] = "guest_tasks",
	[FEATURE_IOPS] = "iops",
	[FEATURE_GUEST_IOPS] = "guest_iops",
	[FEATURE_ALL_IOPS] = "all_iops",
	[FEATURE_GUEST_SHARE] = "guest_share",
	[FEATURE_TASK_SHARE] = "task_share",
	[FEATURE_SLICE_IDLE] = "slice_idle",
	[FEATURE_TIMEOUT] = "timeout",
	[FEATURE_GUEST_PATIENCE] = "guest_patience",
	[FEATURE_AWAITED] = "awaited",
	[FEATURE_OTHERS_WEIGHT] = "others_weight",
	[FEATURE_LARGEST_WEIGHT] = "largest_weight",
	[FEATURE_SIBLINGS] = "siblings",
	[FEATURE_TASK_PATIENCE] = "task_patience",
};

static int32_t patience(uint64_t iops, uint64_t slice_idle_ns)
{
	int32_t x = latency_log2_ratio(latency_mul(iops, slice_idle_ns), SEC(1));

	if (x > PATIENCE_MAX)
		return PATIENCE_MAX;
	return x > -PATIENCE_MAX ? x : -PATIENCE_MAX;
}

/* log2 (1 + part / own) */
static int32_t turns_between(uint64_t part, uint64_t own)
{
	return latency_log2_ratio(own + part, own);
}

static int32_t thousands(uint64_t x)
{
	return (int32_t)min_u64(latency_scale(x, LATENCY_ONE, MS(1)), SEC(1) / 1000 * LATENCY_ONE);
}

static uint32_t largest_awaited(const struct disk_load *load, uint32_t guests)
{
	uint32_t largest = 0;

	for (; guests; guests &= guests - 1) {
		uint32_t weight = load->guests[__builtin_ctz(guests)].weight;

		largest = weight > largest ? weight : largest;
	}
	return largest;
}

/* Virtqueues are waited for one by one if their client weighs them differently: io/bfq.h. */
static void add_siblings(const struct disk_load *load, const struct disk_load_guest *g,
			 uint32_t task, int32_t *features)
{
	const struct disk_load_task *own = &g->tasks[task];
	uint64_t awaited = 0;
	bool is_equal = true;

	for (uint32_t j = 0; j < g->task_count; j++) {
		const struct disk_load_task *t = &g->tasks[j];

		is_equal = is_equal && t->weight == own->weight;
		if (j != task && latency_mul(t->iops, load->slice_idle_ns) >= SEC(1))
			awaited += t->weight;
	}
	features[FEATURE_SIBLINGS] = is_equal ? 0 : turns_between(awaited, own->weight);
	features[FEATURE_TASK_PATIENCE] = is_equal ? 0 : patience(own->iops, load->slice_idle_ns);
}

void latency_features(const struct disk_load *load, const struct latency_sums *sums, uint32_t guest,
		      uint32_t task, int32_t features[LATENCY_FEATURE_COUNT])
{
	const struct disk_load_guest *g = &load->guests[guest];
	const struct disk_load_task *t = &g->tasks[task];
	uint64_t timeout_ns = load->timeout_ns ? load->timeout_ns : LATENCY_NO_TIMEOUT_NS;
	uint32_t others = sums->awaited & ~BIT32(guest);
	bool is_awaited = others != sums->awaited;

	features[FEATURE_GUESTS] = latency_log2(load->guest_count);
	features[FEATURE_TASKS] = latency_log2(sums->task_count);
	features[FEATURE_GUEST_TASKS] = latency_log2(g->task_count);
	features[FEATURE_IOPS] = latency_log2(t->iops);
	features[FEATURE_GUEST_IOPS] = latency_log2(sums->guest_iops[guest]);
	features[FEATURE_ALL_IOPS] = latency_log2(sums->iops);
	features[FEATURE_GUEST_SHARE] = latency_log2_ratio(sums->weight, g->weight);
	features[FEATURE_TASK_SHARE] = latency_log2_ratio(sums->guest_weight[guest], t->weight);
	features[FEATURE_SLICE_IDLE] = thousands(load->slice_idle_ns);
	features[FEATURE_TIMEOUT] = latency_log2_ratio(timeout_ns, MS(1));
	features[FEATURE_GUEST_PATIENCE] = patience(sums->guest_iops[guest], load->slice_idle_ns);
	features[FEATURE_AWAITED] = (int32_t)(sums->awaited_count - is_awaited) * LATENCY_ONE;
	features[FEATURE_OTHERS_WEIGHT] =
		turns_between(sums->awaited_weight - (is_awaited ? g->weight : 0), g->weight);
	features[FEATURE_LARGEST_WEIGHT] = turns_between(largest_awaited(load, others), g->weight);
	add_siblings(load, g, task, features);
}
