/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_tuple_cpu.c - reservations that may be smaller or larger than they are written: are they sensible,
 * and what does each have of its core? Linked, with core/plan_tuple_memory.c, where there are any tuples.
 */
#include "core/plan_grant.h"
#include "core/plan_tuple.h"

static struct tuple_round asked; /* too much for a stack at boot */

static bool is_given(const struct cpu_claim *c)
{
	return c->budget_min_ns != 0 || c->budget_max_ns != 0;
}

/* ---- Declarations ---- */

static bool check_kind(struct check *k, uint32_t i)
{
	const struct cpu_claim *const c = check_claim_of(k, i);

	const bool is_min = c->budget_min_ns != 0;
	const char *const field = is_min ? "budget_min" : "budget_max";
	const struct short_text value = text_time(is_min ? c->budget_min_ns : c->budget_max_ns);

	if (k->plan->vcpus[i].part == PLAN_SERVICE_PART)
		refuse_vcpu(
			k, i,
			".%s = %s: the service serves all, and has exactly its budget; leave it "
			"out",
			field, value.s);
	else if (c->kind == CPU_ENOUGH)
		refuse_vcpu(k, i,
			    ".%s = %s: ENOUGH_FOR_TASKS finds what the tasks need, and that "
			    "exactly; leave it out, or claim RESERVATION_BETWEEN(%u, budget, min, "
			    "max, period)",
			    field, value.s, c->core);
	else if (c->kind != CPU_RESERVED)
		refuse_vcpu(k, i,
			    ".%s = %s: only a reservation has a budget; leave it out, or claim "
			    "RESERVATION_BETWEEN(%u, budget, min, max, period)",
			    field, value.s, c->core);
	else
		return true;
	return false;
}

static bool check_order(struct check *k, uint32_t i)
{
	const struct cpu_claim *const c = check_claim_of(k, i);

	if (c->budget_min_ns > c->budget_ns)
		refuse_vcpu(k, i,
			    ".budget_min = %s is above its budget of %s; it is shrunk to it, never "
			    "raised: give at most the budget, or raise that",
			    text_time(c->budget_min_ns).s, text_time(c->budget_ns).s);
	else if (c->budget_max_ns != 0 && c->budget_max_ns < c->budget_ns)
		refuse_vcpu(k, i,
			    ".budget_max = %s is below its budget of %s; it never has more than "
			    "max: give at least the budget, or lower that",
			    text_time(c->budget_max_ns).s, text_time(c->budget_ns).s);
	else if (c->budget_max_ns > c->period_ns)
		refuse_vcpu(k, i,
			    ".budget_max = %s exceeds its period of %s; a budget is at most the "
			    "period: give at most that",
			    text_time(c->budget_max_ns).s, text_time(c->period_ns).s);
	else if (c->budget_min_ns != 0 && k->board->tsc_hz != 0 &&
		 c->budget_min_ns < check_min_budget_ns(k->board))
		refuse_vcpu(k, i,
			    ".budget_min = %s is less than a switch costs on this board, or its "
			    "timer resolves; give at least %s",
			    text_time(c->budget_min_ns).s,
			    text_time(check_min_budget_ns(k->board)).s);
	else
		return true;
	return false;
}

/* What is wrong is left out of what follows: it is said once. */
static void check_cpu_tuples(struct check *k)
{
	for (uint32_t i = 0; i < k->vcpu_count; i++) {
		struct cpu_claim *const c = &k->plan->vcpus[i].claim;

		if (!is_given(c))
			continue;
		if (!check_kind(k, i) ||
		    /* check_cpu() says so */
		    c->budget_ns == 0 || c->budget_ns > c->period_ns || !check_order(k, i))
			c->budget_min_ns = c->budget_max_ns = 0;
	}
}

void check_tuples(struct check *k)
{
	check_cpu_tuples(k);
	check_memory_tuples(k);
}

/* ---- Grants ---- */

static bool fits(struct tuple_round *r)
{
	for (uint32_t i = 0; i < r->count; i++) {
		struct plan_vcpu *const v = &r->k->plan->vcpus[r->grants[i].who];

		v->claim.budget_ns = r->grants[i].given;
		/* It is at most the period, whose ticks are fewer than 2^62. */
		(void)ticks_up(r->grants[i].given, r->k->board->tsc_hz, &v->budget_tsc);
		v->budget_tsc = min_u64(v->budget_tsc, v->period_tsc);
	}
	return check_core_fits(r->k, r->of);
}

/* Its reservations that are sound; false: none of them may be shrunk, or grow. */
static bool describe_core(struct check *k, core_id_t core)
{
	bool has_any = false;

	asked = (struct tuple_round){ .k = k, .of = core, .unit = US(1), .fits = fits };
	for (uint32_t i = 0; i < k->vcpu_count; i++) {
		const struct plan_vcpu *const v = &k->plan->vcpus[i];
		const struct cpu_claim *const c = &v->claim;

		if (v->period_tsc == 0 || v->core != core)
			continue;
		has_any |= is_given(c);
		asked.grants[asked.count++] = (struct tuple_grant){
			.who = i,
			.criticality = check_config_of(k, v->part)->criticality,
			.wanted = tuple_whole(c->budget_ns, c->budget_min_ns, c->budget_max_ns)
		};
	}
	return has_any;
}

void grant_cpu(struct check *k)
{
	for (core_id_t core = 0; core < MAX_CORES; core++)
		if (describe_core(k, core) && !tuple_grant_all(&asked))
			continue; /* check_cores() refuses the minima */
}

/* ---- The plan ---- */

struct tuple plan_budget_tuple(const struct config *c, const struct plan *plan, uint32_t vcpu)
{
	const struct plan_vcpu *const v = &plan->vcpus[vcpu];
	const struct partition_config *p;
	const struct cpu_claim *given;

	if (v->part == PLAN_SERVICE_PART || !is_given(&v->claim))
		return (struct tuple){ 0 };
	p = &c->partitions[v->part];
	given = p->cpus ? &p->cpus[v->index] : &p->cpu;
	return tuple_whole(given->budget_ns, v->claim.budget_min_ns, given->budget_max_ns);
}

void plan_print_budget(const struct config *c, const struct plan *plan, uint32_t vcpu,
		       void (*put)(const char *line))
{
	const struct tuple wanted = plan_budget_tuple(c, plan, vcpu);
	const struct plan_vcpu *const v = &plan->vcpus[vcpu];
	const uint64_t given = v->claim.budget_ns;

	if (wanted.usual == 0 || given == wanted.usual)
		return;
	text_line(put, "  %-15s %s: %s core %u; criticality %u", "",
		  tuple_say(&wanted, given, text_time).s,
		  given < wanted.usual ? "there is no more of" : "others leave it of", v->core,
		  c->partitions[v->part].criticality);
}
