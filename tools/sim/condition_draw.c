/* SPDX-License-Identifier: Apache-2.0 */
/* tools/sim/condition_draw.c - which conditions the data set has: tools/sim/condition.h, "Sets". */
#include <string.h>
#include "configs/ssd.h"
#include "tools/sim/condition.h"
#include "tools/sim/sim_random.h"

/* Paper 000, Table II. */
static const uint32_t weights[] = { 50, 100, 150, 250, 300, 500, 700 };
static const uint32_t iops[] = { 100, 500, 1500 };
static const uint32_t slice_idle_ms[] = { 1, 2, 4, 6, 8 };
static const uint32_t timeout_ms[] = { 32, 64, 124 };
#define TASK_MAX    3u
#define TASK_WEIGHT 100u
/* Ours. */
static const uint32_t more_slice_idle_ms[] = { 0, 0, 0, 1, 2, 4, 6, 8 };
static const uint32_t more_timeout_ms[] = { 8, 16, 32, 64, 124 };
#define OUT_IOPS_LOW   50u
#define OUT_IOPS_HIGH  3000u
#define OUT_WEIGHT_LOW 10u

/* Of 20 lines the first is held-out, the second out-of-grid; of 9 in a set the last 2 have more. */
#define STRIPE           20u
#define FIT_IN_STRIPE    18u
#define NINE             9u
#define OF_PAPER_IN_NINE 7u

struct drawing {
	struct sim_random random;
	bool has_more, is_out;
	bool has_equal_guests, has_equal_weights;
};

#define PICK(d, table) ((table)[sim_random_below(&(d)->random, ARRAY_SIZE(table))])

/* Each doubling as likely: a power of two, and a part of the way to the next. */
static uint32_t draw_between(struct drawing *d, uint32_t low, uint32_t high)
{
	uint64_t doublings = 0, v;

	while ((uint64_t)low << doublings <= high)
		doublings++;
	do {
		const uint64_t from = (uint64_t)low << sim_random_below(&d->random, doublings);

		v = from + sim_random_below(&d->random, from);
	} while (v > high);
	return (uint32_t)v;
}

static bool is_of_paper(uint32_t weight)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(weights); i++) {
		if (weights[i] == weight)
			return true;
	}
	return false;
}

static uint32_t draw_weight(struct drawing *d)
{
	uint32_t weight;

	if (!d->is_out)
		return PICK(d, weights);
	do
		weight = draw_between(d, OUT_WEIGHT_LOW, IOSCHED_WEIGHT_MAX);
	while (is_of_paper(weight));
	return weight;
}

static void draw_tasks(struct drawing *d, struct disk_load_guest *guest)
{
	/* Half of the guests that may: the others say what SI and TS do alone. */
	const bool has_weights = (d->has_more || d->is_out) && sim_random_below(&d->random, 2) == 0;

	guest->task_count = 1 + (uint32_t)sim_random_below(&d->random, TASK_MAX);
	for (uint32_t t = 0; t < guest->task_count; t++) {
		guest->tasks[t] = (struct disk_load_task){
			.iops = d->is_out ? draw_between(d, OUT_IOPS_LOW, OUT_IOPS_HIGH)
					  : PICK(d, iops),
			.weight = has_weights ? draw_weight(d) : TASK_WEIGHT,
		};
	}
}

static void draw_guests(struct drawing *d, struct disk_load *load)
{
	/* 1 of 10 times one guest, 2 of 10 two, and so on. */
	const uint64_t dice = sim_random_below(&d->random, 10);

	load->guest_count = dice < 1 ? 1 : dice < 3 ? 2 : dice < 6 ? 3 : 4;
	for (uint32_t g = 0; g < load->guest_count; g++) {
		struct disk_load_guest *guest = &load->guests[g];

		if (g > 0 && d->has_equal_guests)
			memcpy(guest, &load->guests[0], sizeof(*guest));
		else
			draw_tasks(d, guest);
		guest->weight =
			g > 0 && d->has_equal_weights ? load->guests[0].weight : draw_weight(d);
	}
}

static void place(struct condition *c, struct drawing *d, uint32_t index)
{
	const uint32_t stripe = index / STRIPE, at = index % STRIPE;

	c->set = at == 0 ? CONDITION_HELD_OUT : at == 1 ? CONDITION_OUT_OF_GRID : CONDITION_FIT;
	c->number = c->set == CONDITION_FIT ? stripe * FIT_IN_STRIPE + at - 2 : stripe;
	d->is_out = c->set == CONDITION_OUT_OF_GRID;
	d->has_more = d->is_out || c->number % NINE >= OF_PAPER_IN_NINE;
}

void condition_draw(struct condition *c, uint64_t seed, uint32_t index)
{
	struct drawing d = { .random = sim_random_stream(seed, index) };

	place(c, &d, index);
	c->load = (struct disk_load){ .request_bytes = SSD_REQUEST_BYTES,
				      .max_budget_bytes = SSD_MAX_BUDGET_BYTES,
				      .bytes_per_s = SSD_BYTES_PER_S };
	d.has_equal_guests = sim_random_below(&d.random, 2) == 0;
	d.has_equal_weights = sim_random_below(&d.random, 4) == 0;
	draw_guests(&d, &c->load);
	c->load.slice_idle_ns =
		MS(d.has_more ? PICK(&d, more_slice_idle_ms) : PICK(&d, slice_idle_ms));
	c->load.timeout_ns = MS(d.has_more ? PICK(&d, more_timeout_ms) : PICK(&d, timeout_ms));
}
