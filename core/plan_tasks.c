/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guests' tasks need of their reservations: each has a bound, and no bound is beyond its deadline; or
 * the reservation is found here, the cheapest that serves them.
 */
#include "core/plan_tasks.h"
#include "core/lib/fmt.h"
#include "core/plan_check.h"
#include "sched/demand.h"

#define SEARCH_STEPS  48u /* periods that are looked at, from .. */
#define SEARCH_SPREAD 32u /* .. this part of the shortest one of a task, to all of it */
#define TIME_MAX      BIT64(61)
#define FAR_APART     "take the longest ones out, or lengthen the shortest"
_Static_assert(CONFIG_TASK_MAX == DEMAND_TASK_MAX, "what is declared can be analysed");

/* A partition's tasks, as sched/demand.h wants them. */
struct question {
	const struct partition_config *config;
	struct demand_task tasks[DEMAND_TASK_MAX];
	struct demand demand;
	enum supply_kind kind;
};

static struct short_text task_name(const struct partition_config *p, uint32_t i)
{
	struct short_text t;

	if (p->cpu_tasks[i].name)
		return text_quoted(p->cpu_tasks[i].name);
	fmt_text(t.s, sizeof(t.s), "%u", i);
	return t;
}

static uint64_t deadline_of(const struct cpu_task *t)
{
	return t->deadline_ns ? t->deadline_ns : t->period_ns;
}

static void ask(struct question *q, const struct partition_config *p)
{
	q->config = p;
	q->kind = p->task_supply == TASKS_FROM_IDLE ? SUPPLY_FULL_BUDGET : SUPPLY_WORST_CASE;
	q->demand =
		(struct demand){ p->task_policy == TASKS_EDF ? DEMAND_EDF : DEMAND_RATE_MONOTONIC,
				 q->tasks, p->cpu_task_count };
	for (uint32_t i = 0; i < p->cpu_task_count; i++)
		q->tasks[i] =
			(struct demand_task){ p->cpu_tasks[i].wcet_ns, p->cpu_tasks[i].period_ns,
					      p->cpu_tasks[i].deadline_ns,
					      p->cpu_tasks[i].jitter_ns };
}

/* What a claim supplies; an owned core, all the time. */
static struct supply supply_of(const struct question *q, const struct cpu_claim *c)
{
	if (c->kind == CPU_OWNED)
		return (struct supply){ q->kind, 1, 1 };
	return (struct supply){ q->kind, c->budget_ns, c->period_ns };
}

/* ---- Declarations ---- */

static bool check_task(struct check *k, part_id_t part, uint32_t i)
{
	const struct cpu_task *const t = &k->config->partitions[part].cpu_tasks[i];
	const uint64_t deadline_ns = deadline_of(t);

	if (t->wcet_ns == 0 || t->period_ns == 0)
		refuse_partition(
			k, part,
			"cpu_tasks[%u].%s = 0: a task has both; give its worst-case execution "
			"time, and the least time between two arrivals",
			i, t->wcet_ns == 0 ? "wcet" : "period");
	else if (t->period_ns > TIME_MAX || t->jitter_ns > TIME_MAX)
		refuse_partition(
			k, part, "cpu_tasks[%u].%s = %s: no time is above 2^61 ns; correct it", i,
			t->period_ns > TIME_MAX ? "period" : "jitter",
			text_time(t->period_ns > TIME_MAX ? t->period_ns : t->jitter_ns).s);
	else if (t->deadline_ns > t->period_ns)
		refuse_partition(
			k, part,
			"cpu_tasks[%u].deadline = %s exceeds its period of %s: the analysis "
			"is for deadlines up to the period; give at most that",
			i, text_time(t->deadline_ns).s, text_time(t->period_ns).s);
	else if (t->wcet_ns > deadline_ns || t->jitter_ns > deadline_ns - t->wcet_ns)
		refuse_partition(
			k, part,
			"cpu_tasks[%u].deadline = %s: released %s late, %s of work are not done by "
			"then on any processor; give a later deadline, or less work",
			i, text_time(deadline_ns).s, text_time(t->jitter_ns).s,
			text_time(t->wcet_ns).s);
	else
		return true;
	return false;
}

static bool check_name(struct check *k, part_id_t part, uint32_t i)
{
	const char *const name = k->config->partitions[part].cpu_tasks[i].name;

	if (!name || check_is_name(name, TASK_NAME_MAX))
		return true;
	refuse_partition(
		k, part,
		"cpu_tasks[%u].name = %s: a task's name is 1 to %u characters of [a-z0-9_-]; "
		"give one, or leave it out",
		i, text_quoted(name).s, TASK_NAME_MAX);
	return false;
}

static bool check_choices(struct check *k, part_id_t part)
{
	const struct partition_config *const p = &k->config->partitions[part];

	if ((uint32_t)p->task_policy > TASKS_EDF)
		refuse_partition(k, part,
				 "task_policy = %u: not a choice; give TASKS_RATE_MONOTONIC or "
				 "TASKS_EDF",
				 (uint32_t)p->task_policy);
	else if ((uint32_t)p->task_supply > TASKS_FROM_IDLE)
		refuse_partition(k, part,
				 "task_supply = %u: not a choice; give TASKS_WORST_CASE or "
				 "TASKS_FROM_IDLE",
				 (uint32_t)p->task_supply);
	else
		return true;
	return false;
}

static bool check_list(struct check *k, part_id_t part)
{
	const struct partition_config *const p = &k->config->partitions[part];
	bool is_good = true;

	if (!p->cpu_tasks) {
		refuse_partition(k, part,
				 "cpu_task_count = %u, but cpu_tasks is not given; give both, by "
				 ".CPU_TASKS(), or neither",
				 p->cpu_task_count);
		return false;
	}
	if (p->cpu_task_count > CONFIG_TASK_MAX) {
		refuse_partition(
			k, part,
			"cpu_task_count = %u: at most %u are analysed; leave out those of the "
			"longest periods, and take their time from a budget larger than needed",
			p->cpu_task_count, CONFIG_TASK_MAX);
		return false;
	}
	if (k->plan->partitions[part].vcpu_count > 1) {
		refuse_partition(k, part,
				 "cpu_tasks: %u virtual CPUs, and the analysis is of one; give its "
				 "tasks a partition with one, or leave them out",
				 k->plan->partitions[part].vcpu_count);
		return false;
	}
	for (uint32_t i = 0; i < p->cpu_task_count; i++)
		is_good &= check_name(k, part, i) & check_task(k, part, i);
	return check_choices(k, part) && is_good;
}

/* ---- Reservations ---- */

/* Up to the shortest of a task, which is more than any deadline allows. */
static void choose_periods(const struct check *k, const struct question *q, struct demand_search *s)
{
	uint64_t lowest;

	s->last = q->tasks[0].period;
	for (uint32_t i = 1; i < q->demand.count; i++)
		s->last = min_u64(s->last, q->tasks[i].period);
	lowest = max_u64(s->last / SEARCH_SPREAD, check_min_budget_ns(k->board));
	s->step = max_u64(s->last / SEARCH_STEPS, 1);
	if (s->step > US(1))
		s->step -= s->step % US(1);
	s->first = s->last - (s->last - min_u64(lowest, s->last)) / s->step * s->step;
}

/* The cheapest; of a given period, or of those worth looking at. */
static enum err find(const struct check *k, const struct question *q, uint64_t period_ns,
		     struct supply *best)
{
	struct demand_search s = { .overhead = ticks_to_ns(k->board->switch_overhead_tsc,
							   k->board->tsc_hz) };
	enum err e;

	s.first = s.last = period_ns;
	s.step = 1;
	if (period_ns == 0)
		choose_periods(k, q, &s);
	e = demand_least(q->kind, &s, &q->demand, best);
	if (e != OK)
		return e;
	best->budget = max_u64(best->budget, check_min_budget_ns(k->board));
	best->budget = min_u64((best->budget + US(1) - 1) / US(1) * US(1),
			       max_u64(best->budget, best->period));
	return OK;
}

/* The first that is not sure to be done in time, and whether that takes too long to tell. */
static uint32_t first_late(const struct question *q, const struct supply *s, enum err *e)
{
	uint64_t response;
	uint32_t i = 0;

	while (i < q->demand.count && (*e = demand_response(s, &q->demand, i, &response)) == OK)
		i++;
	return i;
}

/* Likewise, and it fits a core with a switch. */
static enum err find_fitting(const struct check *k, const struct question *q, uint64_t period_ns,
			     struct supply *best)
{
	const enum err e = find(k, q, period_ns, best);

	return e == OK && !check_fits_period(k->board, best->budget, best->period) ? ERR_RANGE : e;
}

static bool does_core_serve(const struct question *q)
{
	const struct supply core = { q->kind, 1, 1 };
	enum err e;

	return first_late(q, &core, &e) == q->demand.count;
}

/* Where no reservation does: "give OWN_CORE(0), take tasks out, or lengthen their periods or deadlines" */
static void add_other_ways(struct text *fix, const struct question *q, core_id_t core)
{
	if (does_core_serve(q))
		text_add(fix, "give OWN_CORE(%u), ", core);
	text_add(fix, "take tasks out, or lengthen their periods or deadlines");
}

/* "give a budget of at least 32 ms, or RESERVATION(0, 5.2 ms, 9.375 ms)" */
static void suggest(const struct check *k, const struct question *q, const struct cpu_claim *c,
		    struct text *fix)
{
	struct supply same = { 0 }, any = { 0 };
	const bool has_same =
		c->kind == CPU_RESERVED && find_fitting(k, q, c->period_ns, &same) == OK;
	const bool has_any = find_fitting(k, q, 0, &any) == OK;

	if (has_same)
		text_add(fix, "give a budget of at least %s", text_time(same.budget).s);
	if (has_any)
		text_add(fix, "%s RESERVATION(%u, %s, %s)", has_same ? ", or" : "give", c->core,
			 text_time(any.budget).s, text_time(any.period).s);
	if (has_same || has_any)
		return;
	text_add(fix, "no reservation does: ");
	add_other_ways(fix, q, c->core);
}

/*
 * It is not shrunk below that. (Found in whole microseconds: not more than it has.) Where that takes too long
 * to find, it is not shrunk at all.
 */
static void note_need(struct check *k, uint32_t vcpu, const struct question *q)
{
	struct cpu_claim *const c = &k->plan->vcpus[vcpu].claim;
	struct supply least;
	bool is_known;

	if (c->kind != CPU_RESERVED)
		return;
	is_known = find(k, q, c->period_ns, &least) == OK;
	k->need_ns[vcpu] = is_known ? min_u64(least.budget, c->budget_ns) : c->budget_ns;
	if (c->budget_min_ns == 0)
		return;
	if (!is_known && c->budget_min_ns < c->budget_ns)
		refuse_vcpu(
			k, vcpu,
			".budget_min = %s: to find what its tasks need of it takes more than %u "
			"steps: the periods are too far apart; " FAR_APART ", or leave it out",
			text_time(c->budget_min_ns).s, DEMAND_STEP_MAX);
	c->budget_min_ns = max_u64(c->budget_min_ns, k->need_ns[vcpu]);
}

/* "RESERVATION(0, 28 ms, 50 ms)" */
static void add_claim(struct text *t, const struct cpu_claim *c)
{
	if (c->kind == CPU_OWNED)
		text_add(t, "OWN_CORE(%u)", c->core);
	else
		text_add(t, "RESERVATION(%u, %s, %s)", c->core, text_time(c->budget_ns).s,
			 text_time(c->period_ns).s);
}

static void refuse_late(struct check *k, uint32_t vcpu, const struct question *q, uint32_t late,
			enum err e)
{
	const struct cpu_claim *const c = check_claim_of(k, vcpu);
	char what[96], text[160];
	struct text claim = text_begin(what, sizeof(what)), fix = text_begin(text, sizeof(text));

	add_claim(&claim, c);
	if (e == ERR_TIMEOUT) {
		refuse_vcpu(k, vcpu,
			    " = %s: whether task %s (%s in %s) is done by its deadline of %s takes "
			    "more than %u steps to tell: the periods are too far apart; " FAR_APART,
			    claim.out, task_name(q->config, late).s,
			    text_time(q->tasks[late].wcet).s, text_time(q->tasks[late].period).s,
			    text_time(deadline_of(&q->config->cpu_tasks[late])).s, DEMAND_STEP_MAX);
		return;
	}
	suggest(k, q, c, &fix);
	refuse_vcpu(k, vcpu, " = %s: task %s (%s in %s) may not be done by its deadline of %s; %s",
		    claim.out, task_name(q->config, late).s, text_time(q->tasks[late].wcet).s,
		    text_time(q->tasks[late].period).s,
		    text_time(deadline_of(&q->config->cpu_tasks[late])).s, fix.out);
}

static void check_claim(struct check *k, part_id_t part, const struct question *q)
{
	const uint32_t vcpu = k->plan->partitions[part].vcpu_first;
	const struct cpu_claim *const c = check_claim_of(k, vcpu);
	const struct supply s = supply_of(q, c);
	enum err e = OK;
	const uint32_t late = first_late(q, &s, &e);

	if (late == q->demand.count)
		note_need(k, vcpu, q);
	else
		refuse_late(k, vcpu, q, late, e);
}

static void refuse_enough(struct check *k, uint32_t vcpu, const struct question *q)
{
	const struct cpu_claim *const c = check_claim_of(k, vcpu);
	char text[160];
	struct text fix = text_begin(text, sizeof(text));
	struct supply any;

	if (c->period_ns != 0 && find_fitting(k, q, 0, &any) == OK) {
		refuse_vcpu(
			k, vcpu,
			".period = %s: no budget that fits in it with a switch serves these tasks; "
			"leave it out, or give %s",
			text_time(c->period_ns).s, text_time(any.period).s);
		return;
	}
	add_other_ways(&fix, q, c->core);
	refuse_vcpu(k, vcpu, " = ENOUGH_FOR_TASKS(%u): no reservation serves these tasks; %s",
		    c->core, fix.out);
}

static void choose_claim(struct check *k, part_id_t part, const struct question *q)
{
	const uint32_t vcpu = k->plan->partitions[part].vcpu_first;
	struct cpu_claim *const c = &k->plan->vcpus[vcpu].claim;
	struct supply best;
	enum err e;

	if (c->budget_ns != 0) {
		refuse_vcpu(k, vcpu,
			    ".budget = %s: ENOUGH_FOR_TASKS finds it; leave it out, or claim "
			    "RESERVATION(%u, budget, period)",
			    text_time(c->budget_ns).s, c->core);
		return;
	}
	e = find_fitting(k, q, c->period_ns, &best);
	if (e == ERR_TIMEOUT) {
		refuse_vcpu(k, vcpu,
			    " = ENOUGH_FOR_TASKS(%u): to find it takes more than %u steps: the "
			    "periods are too far apart; " FAR_APART
			    ", or give RESERVATION(%u, budget, period)",
			    c->core, DEMAND_STEP_MAX, c->core);
		return;
	}
	if (e != OK) {
		refuse_enough(k, vcpu, q);
		return;
	}
	*c = (struct cpu_claim)RESERVATION(c->core, best.budget, best.period);
	k->need_ns[vcpu] = best.budget;
}

static void check_partition(struct check *k, part_id_t part)
{
	const uint32_t vcpu = k->plan->partitions[part].vcpu_first;
	struct question q;

	if (!check_list(k, part) || k->plan->partitions[part].vcpu_count == 0)
		return;
	ask(&q, &k->config->partitions[part]);
	switch (check_claim_of(k, vcpu)->kind) {
	case CPU_ENOUGH:
		choose_claim(k, part, &q);
		return;
	case CPU_BEST_EFFORT:
		refuse_vcpu(
			k, vcpu,
			" = BEST_EFFORT(%u, %u): no task has a bound there; give ENOUGH_FOR_TASKS(%u), or "
			"leave cpu_tasks out",
			check_claim_of(k, vcpu)->core, check_claim_of(k, vcpu)->priority,
			check_claim_of(k, vcpu)->core);
		return;
	case CPU_RESERVED:
		if (check_claim_of(k, vcpu)->budget_ns == 0 ||
		    check_claim_of(k, vcpu)->budget_ns > check_claim_of(k, vcpu)->period_ns ||
		    check_claim_of(k, vcpu)->period_ns > TIME_MAX)
			return; /* check_cpu() says so */
		break;
	default:
		break;
	}
	check_claim(k, part, &q);
}

void check_cpu_tasks(struct check *k)
{
	for (part_id_t i = 0; i < k->partition_count; i++)
		if (k->config->partitions[i].cpu_task_count != 0)
			check_partition(k, i);
}

/* ---- The plan ---- */

bool plan_task_bound(const struct config *system, const struct plan *plan, part_id_t part,
		     uint32_t task, uint64_t *bound_ns)
{
	const struct partition_config *const p = &system->partitions[part];
	struct supply s;
	struct question q;

	if (task >= p->cpu_task_count)
		return false;
	ask(&q, p);
	s = supply_of(&q, &plan->vcpus[plan->partitions[part].vcpu_first].claim);
	return demand_response(&s, &q.demand, task, bound_ns) == OK;
}

static void print_task(const struct config *system, const struct plan *plan, part_id_t part,
		       uint32_t i, void (*put)(const char *line))
{
	const struct partition_config *const p = &system->partitions[part];
	const struct cpu_task *const t = &p->cpu_tasks[i];
	uint64_t bound_ns = 0;

	if (!plan_task_bound(system, plan, part, i, &bound_ns))
		return;
	text_line(put, "  %-15s task %s: %s in every %s, done within %s; deadline %s: kept",
		  i == 0 ? p->name : "", task_name(p, i).s, text_time(t->wcet_ns).s,
		  text_time(t->period_ns).s, text_time(bound_ns).s, text_time(deadline_of(t)).s);
}

void plan_print_cpu_tasks(const struct config *system, const struct plan *plan,
			  void (*put)(const char *line))
{
	bool has_any = false;

	for (part_id_t part = 0; part < plan->partition_count; part++)
		has_any |= system->partitions[part].cpu_task_count != 0;
	if (has_any)
		put("tasks");
	for (part_id_t part = 0; part < plan->partition_count; part++) {
		const struct partition_config *const p = &system->partitions[part];

		for (uint32_t i = 0; i < p->cpu_task_count; i++)
			print_task(system, plan, part, i, put);
		if (p->cpu_task_count != 0 && p->task_supply == TASKS_FROM_IDLE)
			put("                  from idle: true only while no other work of the guest is "
			    "under way when a task arrives after a pause");
	}
}
