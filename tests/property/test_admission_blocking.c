/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers whose guests are at something that nothing interrupts, in steps of a tick: who was admitted beside them
 * gets its Q in each P, whoever comes when. And where one tick more is too much, it shows.
 */
#include "sched/admission.h"
#include "sched/cbs.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define SYSTEMS 1500u
#define TICKS   4000u
#define LIVES   6u /* periods that a server has work for, at most */

struct game {
	struct cbs cbs;
	struct admission_server s[5];
	uint64_t wake_at[5], work_until[5]; /* 0: it has work; it has it until then */
	uint64_t background_tsc, now, busy_until;
	uint32_t count, running;
	bool is_eager; /* each begins as long a section as it may, whenever it may */
};

static uint64_t sections;

static bool is_admitted(const struct game *g)
{
	struct admission a;

	CHECK(admission_test(g->s, g->count, 0, g->background_tsc, &a) == OK);
	return a.is_admitted;
}

static void begin(struct game *g)
{
	uint32_t server;

	cbs_init(&g->cbs);
	for (uint32_t i = 0; i < g->count; i++) {
		CHECK(cbs_add_reservation(&g->cbs, g->s[i].budget_tsc, g->s[i].period_tsc,
					  &server) == OK);
		g->wake_at[i] = 1 + random_below(2 * g->s[i].period_tsc);
	}
	if (g->background_tsc != 0) {
		CHECK(cbs_add_background(&g->cbs, 1, &server) == OK);
		cbs_wake(&g->cbs, server, 0);
	}
	g->running = CBS_NONE;
	g->now = g->busy_until = 0;
}

/* Work comes and goes where a budget is used up: then it comes with a new one. */
static void wake_and_block(struct game *g)
{
	for (uint32_t i = 0; i < g->count; i++) {
		const struct cbs_server *const s = &g->cbs.servers[i];

		if (g->wake_at[i] != 0 && g->now >= g->wake_at[i]) {
			cbs_wake(&g->cbs, i, g->now);
			g->wake_at[i] = 0;
			g->work_until[i] = g->now + random_below(LIVES) * s->period_tsc;
		} else if (g->wake_at[i] == 0 && s->state == CBS_THROTTLED &&
			   g->now >= g->work_until[i]) {
			cbs_block(&g->cbs, i);
			g->wake_at[i] = s->deadline_tsc + random_below(s->period_tsc);
		}
	}
}

static uint64_t section_of(struct game *g, uint32_t server)
{
	const uint64_t most = server == g->count ? g->background_tsc : g->s[server].blocking_tsc;

	if (most == 0 || (!g->is_eager && random_below(4) != 0))
		return 0;
	sections++;
	return g->is_eager || random_below(2) ? most : random_between(1, most);
}

static void tick(struct game *g)
{
	wake_and_block(g);
	if (g->now >= g->busy_until) {
		g->running = cbs_pick(&g->cbs, g->now).server;
		if (g->running != CBS_NONE)
			g->busy_until = g->now + section_of(g, g->running);
	}
	g->now++;
	if (g->running == CBS_NONE)
		return;
	cbs_charge(&g->cbs, g->running, 1);
	if (g->cbs.servers[g->running].state == CBS_THROTTLED)
		g->busy_until = g->now; /* it had no more than its budget */
}

static uint64_t late_after(struct game *g, uint64_t ticks)
{
	uint64_t late = 0;

	begin(g);
	while (g->now < ticks)
		tick(g);
	for (uint32_t i = 0; i < g->count; i++)
		late += g->cbs.servers[i].late_count;
	return late;
}

/* Somebody's section is as long as it may be. */
static void make(struct game *g)
{
	uint64_t *grows;

	*g = (struct game){ .count = 2 + (uint32_t)random_below(4), .is_eager = random_below(2) };
	for (uint32_t i = 0; i < g->count; i++) {
		const uint64_t period = random_between(4, 8 << random_below(5));

		g->s[i] = (struct admission_server){ random_between(1, 1 + period / g->count),
						     period, random_below(1 + period / 4) };
	}
	g->background_tsc = random_below(2) * random_below(8);
	for (uint32_t i = 0; !is_admitted(g); i = (i + 1) % g->count) {
		struct admission_server *const v = &g->s[i];

		v->blocking_tsc /= 2;
		g->background_tsc /= 2;
		if (v->budget_tsc > 1)
			v->budget_tsc--;
		else
			v->period_tsc++;
	}
	grows = random_below(4) ? &g->s[random_below(g->count)].blocking_tsc : &g->background_tsc;
	while (is_admitted(g) && *grows < 200)
		(*grows)++;
	(*grows)--;
}

static void who_is_admitted_is_never_late(void)
{
	for (uint32_t i = 0; i < SYSTEMS && !test_failed; i++) {
		struct game g;

		make(&g);
		CHECK(late_after(&g, TICKS) == 0);
	}
	CHECK(sections > 100000);
}

/* k has Q in P; the other, with nearly all the time in the world, is at it when k comes. */
static void one_tick_too_much_shows(void)
{
	for (uint64_t period = 8; period <= 40; period++) {
		const uint64_t budget = 1 + period / 3;
		struct game g = { .count = 2,
				  .is_eager = true,
				  .s = { { budget, period, 0 }, { 2 * period, 20 * period, 0 } } };
		uint64_t fits = 0, too_much = 0;

		g.s[1].blocking_tsc = period - budget;
		CHECK(is_admitted(&g));
		g.s[1].blocking_tsc++;
		CHECK(!is_admitted(&g));
		/* A section that had begun a tick before leaves k one tick less to wait for. */
		for (uint32_t i = 0; i < 200; i++) {
			g.s[1].blocking_tsc = period - budget;
			fits += late_after(&g, 40 * period);
			g.s[1].blocking_tsc = period - budget + 2;
			too_much += late_after(&g, 40 * period);
		}
		CHECK(fits == 0 && too_much > 0);
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(who_is_admitted_is_never_late);
	RUN(one_tick_too_much_shows);
	return test_failed;
}
