/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan_check.h"

static const char *const kind_names[] = {
	[CPU_OWNED] = "OWN_CORE",
	[CPU_RESERVED] = "RESERVATION",
	[CPU_BEST_EFFORT] = "BEST_EFFORT",
};

/* A field that the claim's kind does not have says that somebody meant something else. */
static void check_unused_fields(struct check *k, uint32_t i)
{
	const struct cpu_claim *c = check_claim_of(k, i);
	const char *kind = kind_names[c->kind];

	if (c->kind != CPU_RESERVED && c->budget_ns != 0)
		refuse_vcpu(k, i,
			    ".budget = %s: %s has no budget; leave it out, or claim "
			    "RESERVATION(%u, budget, period)",
			    text_time(c->budget_ns).s, kind, c->core);
	if (c->kind != CPU_RESERVED && c->period_ns != 0)
		refuse_vcpu(k, i,
			    ".period = %s: %s has no period; leave it out, or claim "
			    "RESERVATION(%u, budget, period)",
			    text_time(c->period_ns).s, kind, c->core);
	if (c->kind != CPU_BEST_EFFORT && c->priority != 0)
		refuse_vcpu(k, i,
			    ".priority = %u: %s has no priority; leave it out, or claim "
			    "BEST_EFFORT(%u, %u)",
			    c->priority, kind, c->core, c->priority);
}

static bool check_kind(struct check *k, uint32_t i)
{
	const struct cpu_claim *c = check_claim_of(k, i);

	if (c->kind == CPU_NONE) {
		refuse_vcpu(k, i,
			    " is not given; a virtual CPU claims OWN_CORE(core), "
			    "RESERVATION(core, budget, period) or BEST_EFFORT(core, priority), or "
			    ".CPUS() of them: give one");
		return false;
	}
	if (c->kind == CPU_ENOUGH) { /* core/plan_tasks.c has said why it has found none */
		if (k->plan->vcpus[i].part == PLAN_SERVICE_PART)
			refuse_vcpu(k, i,
				    " = ENOUGH_FOR_TASKS(%u): the service has no tasks; give "
				    "RESERVATION(%u, budget, period), or OWN_CORE(%u)",
				    c->core, c->core, c->core);
		else if (!check_cpu_tasks ||
			 check_config_of(k, k->plan->vcpus[i].part)->cpu_task_count == 0)
			refuse_vcpu(
				k, i,
				" = ENOUGH_FOR_TASKS(%u): there are no tasks; give .CPU_TASKS(), "
				"or RESERVATION(%u, budget, period)",
				c->core, c->core);
		return false;
	}
	if ((unsigned)c->kind > CPU_BEST_EFFORT) {
		refuse_vcpu(k, i,
			    ".kind = %u: not a claim; give OWN_CORE, RESERVATION or "
			    "BEST_EFFORT",
			    (unsigned)c->kind);
		return false;
	}
	check_unused_fields(k, i);
	if (c->kind == CPU_BEST_EFFORT && c->priority == 0)
		refuse_vcpu(k, i,
			    ".priority = 0: best effort has a priority; give at least 1, "
			    "higher first");
	return true;
}

static bool check_place(struct check *k, uint32_t i)
{
	const struct cpu_claim *c = check_claim_of(k, i);
	uint32_t core_count = (uint32_t)min_u64(k->board->core_count, MAX_CORES);

	if (c->core >= core_count && core_count > 0)
		refuse_vcpu(k, i,
			    ".core = %u: there is no core %u on a board of %u; cores are "
			    "numbered from 0: give at most %u, or a larger board",
			    c->core, c->core, core_count, core_count - 1);
	return c->core < core_count;
}

/* A core that nobody claims, or the number of cores. */
static core_id_t find_free_core(const struct check *k)
{
	core_id_t core_count = (core_id_t)min_u64(k->board->core_count, MAX_CORES);

	for (core_id_t core = 0; core < core_count; core++) {
		uint32_t i = 0;

		while (i < k->vcpu_count && check_claim_of(k, i)->core != core)
			i++;
		if (i == k->vcpu_count)
			return core;
	}
	return core_count;
}

static void refuse_shared_owned_core(struct check *k, uint32_t i, uint32_t other)
{
	const struct cpu_claim *c = check_claim_of(k, i);
	core_id_t free = find_free_core(k);
	char fix[48];
	struct text t = text_begin(fix, sizeof(fix));

	if (free < k->board->core_count && free < MAX_CORES)
		text_add(&t, "core %u is free", free);
	else
		text_add(&t, "no core is free: share one by RESERVATION");
	refuse_vcpu(k, i,
		    " = %s(%u): %s %s that core; an owned core has one virtual CPU: "
		    "move one of the two (%s)",
		    kind_names[c->kind], c->core, check_vcpu_label(k, other).s,
		    check_claim_of(k, other)->kind == CPU_OWNED ? "owns" : "has a share of", fix);
}

/* Against the virtual CPUs before it: each quarrel is told once, by the later of the two. */
static void check_neighbours(struct check *k, uint32_t i)
{
	const struct cpu_claim *c = check_claim_of(k, i);

	for (uint32_t j = 0; j < i; j++) {
		const struct cpu_claim *d = check_claim_of(k, j);

		if (!k->has_core[j] || d->core != c->core)
			continue;
		if (c->kind == CPU_OWNED || d->kind == CPU_OWNED) {
			refuse_shared_owned_core(k, i, j);
			return;
		}
		if (c->kind == CPU_BEST_EFFORT && d->kind == CPU_BEST_EFFORT && c->priority != 0 &&
		    c->priority == d->priority)
			refuse_vcpu(k, i,
				    ".priority = %u: %s has the same on core %u; best-effort "
				    "priorities are distinct on a core: give another",
				    c->priority, check_vcpu_label(k, j).s, c->core);
	}
}

uint64_t check_min_budget_ns(const struct board *b)
{
	return ticks_to_ns(max_u64(b->timer_resolution_tsc, b->switch_overhead_tsc), b->tsc_hz);
}

static uint64_t overhead_ns(const struct board *b)
{
	return ticks_to_ns(b->switch_overhead_tsc, b->tsc_hz);
}

bool check_fits_period(const struct board *b, uint64_t budget_ns, uint64_t period_ns)
{
	return budget_ns <= period_ns && overhead_ns(b) <= period_ns - budget_ns;
}

/* The least period that has room for this budget and a switch. */
static uint64_t min_period_ns(const struct board *b, uint64_t budget_ns)
{
	uint64_t ns;

	return __builtin_add_overflow(budget_ns, overhead_ns(b), &ns) ? UINT64_MAX : ns;
}

/* Fields that stand alone. False: there is nothing to compare. */
static bool check_times_given(struct check *k, uint32_t i)
{
	const struct cpu_claim *c = check_claim_of(k, i);
	const struct board *b = k->board;
	const uint64_t least_ns = check_min_budget_ns(b);

	if (c->budget_ns == 0)
		refuse_vcpu(k, i,
			    ".budget = 0: a reservation has a budget; give at least %s "
			    "on this board",
			    text_time(least_ns).s);
	if (c->period_ns == 0)
		refuse_vcpu(
			k, i,
			".period = 0: a reservation has a period, with room for its budget and a "
			"switch; give at least %s on this board",
			text_time(min_period_ns(b, max_u64(c->budget_ns, least_ns))).s);
	return c->budget_ns != 0 && c->period_ns != 0;
}

static bool convert_times(struct check *k, uint32_t i)
{
	const struct cpu_claim *c = check_claim_of(k, i);
	struct plan_vcpu *p = &k->plan->vcpus[i];
	bool fits = true;

	if (!ticks_down(c->period_ns, k->board->tsc_hz, &p->period_tsc)) {
		refuse_vcpu(k, i,
			    ".period = %s: more than 2^62 ticks of this board's clock of "
			    "%llu Hz; give less",
			    text_time(c->period_ns).s, (unsigned long long)k->board->tsc_hz);
		fits = false;
	}
	if (!ticks_up(c->budget_ns, k->board->tsc_hz, &p->budget_tsc)) {
		refuse_vcpu(k, i,
			    ".budget = %s: more than 2^62 ticks of this board's clock of "
			    "%llu Hz; give less",
			    text_time(c->budget_ns).s, (unsigned long long)k->board->tsc_hz);
		fits = false;
	}
	return fits;
}

static bool check_times_against_timer(struct check *k, uint32_t i)
{
	const struct cpu_claim *c = check_claim_of(k, i);
	const struct board *b = k->board;
	struct plan_vcpu *p = &k->plan->vcpus[i];
	const uint64_t least_ns = min_period_ns(b, check_min_budget_ns(b));
	bool is_ok = true;

	if (c->period_ns < least_ns) {
		refuse_vcpu(
			k, i,
			".period = %s: the least budget on this board is %s, and a switch takes "
			"%s; give at least %s",
			text_time(c->period_ns).s, text_time(check_min_budget_ns(b)).s,
			text_time(overhead_ns(b)).s, text_time(least_ns).s);
		is_ok = false;
	}
	if (p->budget_tsc < b->timer_resolution_tsc) {
		refuse_vcpu(k, i,
			    ".budget = %s is below the timer's resolution on this board; "
			    "give at least %s",
			    text_time(c->budget_ns).s, text_time(check_min_budget_ns(b)).s);
		is_ok = false;
	} else if (p->budget_tsc < b->switch_overhead_tsc) {
		refuse_vcpu(k, i,
			    ".budget = %s is less than a server switch costs, %s; "
			    "give at least that",
			    text_time(c->budget_ns).s, text_time(check_min_budget_ns(b)).s);
		is_ok = false;
	}
	return is_ok;
}

static bool check_times(struct check *k, uint32_t i)
{
	const struct cpu_claim *c = check_claim_of(k, i);
	struct plan_vcpu *p = &k->plan->vcpus[i];

	if (!check_times_given(k, i) || !convert_times(k, i) || !check_times_against_timer(k, i))
		return false;
	/* One that may be shrunk may want all of its core. */
	if (c->budget_ns > c->period_ns ||
	    (c->budget_min_ns == 0 && !check_fits_period(k->board, c->budget_ns, c->period_ns))) {
		refuse_vcpu(
			k, i,
			".budget = %s: with a switch of %s it exceeds its period of %s; give at "
			"most %s, or OWN_CORE(%u)",
			text_time(c->budget_ns).s, text_time(overhead_ns(k->board)).s,
			text_time(c->period_ns).s,
			text_time(c->period_ns - overhead_ns(k->board)).s, c->core);
		return false;
	}
	/* Q = P, on a clock that does not divide it: all of a period is all there is. */
	p->budget_tsc = min_u64(p->budget_tsc, p->period_tsc);
	return true;
}

/* What reservations are checked against. Without it there is nothing to say about them. */
static bool check_board_times(struct check *k)
{
	const struct board *b = k->board;

	if (b->switch_overhead_tsc == 0 || b->switch_overhead_tsc > PLAN_TICKS_MAX)
		refuse_system(k,
			      "board.switch_overhead = %s: reservations need the bound of a server "
			      "switch; give board.switch_overhead_ns as published for the board",
			      text_time(ticks_to_ns(b->switch_overhead_tsc, b->tsc_hz)).s);
	if (b->timer_resolution_tsc == 0 || b->timer_resolution_tsc > PLAN_TICKS_MAX)
		refuse_system(k,
			      "board.timer_resolution = %s: reservations need a timer of known "
			      "resolution; give board.timer_resolution_ns",
			      text_time(ticks_to_ns(b->timer_resolution_tsc, b->tsc_hz)).s);
	return b->switch_overhead_tsc != 0 && b->switch_overhead_tsc <= PLAN_TICKS_MAX &&
	       b->timer_resolution_tsc != 0 && b->timer_resolution_tsc <= PLAN_TICKS_MAX &&
	       b->tsc_hz != 0;
}

static void check_claim(struct check *k, uint32_t i, bool has_board_times)
{
	const struct cpu_claim *c = check_claim_of(k, i);
	struct plan_vcpu *v = &k->plan->vcpus[i];

	if (!check_kind(k, i))
		return;
	k->has_core[i] = check_place(k, i);
	v->kind = c->kind;
	v->core = c->core;
	v->priority = c->priority;
	if (k->has_core[i])
		check_neighbours(k, i);
	if (c->kind == CPU_RESERVED && has_board_times && !(check_times(k, i) && k->has_core[i]))
		v->period_tsc = 0;
}

void check_cpu(struct check *k)
{
	bool has_reservation = false, has_board_times;

	for (uint32_t i = 0; i < k->vcpu_count; i++)
		has_reservation |= check_claim_of(k, i)->kind == CPU_RESERVED ||
				   check_claim_of(k, i)->kind == CPU_ENOUGH;
	has_board_times = has_reservation && check_board_times(k);
	for (uint32_t i = 0; i < k->vcpu_count; i++)
		check_claim(k, i, has_board_times);
}
