/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lib/fmt.h"
#include "core/plan_check.h"
#include "sched/admission.h"

/* A period is left standing in the plan only where the whole claim is sound. */
static bool is_server_of(const struct check *k, uint32_t vcpu, core_id_t core)
{
	return k->plan->vcpus[vcpu].period_tsc != 0 && k->plan->vcpus[vcpu].core == core;
}

uint32_t plan_add_inequality(struct text *t, const struct check *k, core_id_t core, uint32_t from)
{
	uint64_t overhead_ns = ticks_to_ns(k->board->switch_overhead_tsc, k->board->tsc_hz);

	for (uint32_t i = from; i < k->vcpu_count; i++) {
		char term[96];
		int n;

		if (!is_server_of(k, i, core))
			continue;
		n = fmt_text(term, sizeof(term), "%s%s (%s + %s)/%s", t->length > 0 ? " + " : "",
			     check_vcpu_name(k, i).s, text_ms(check_claim_of(k, i)->budget_ns).s,
			     text_ms(overhead_ns).s, text_ms(check_claim_of(k, i)->period_ns).s);
		if (t->length > 0 && t->length + (size_t)n >= t->bytes)
			return i;
		text_add(t, "%s", term);
	}
	return k->vcpu_count;
}

/* The left side, for a refusal: as many servers as there is room for, the others counted. */
static void add_inequality_short(struct text *t, const struct check *k, core_id_t core)
{
	uint32_t i = plan_add_inequality(t, k, core, 0);
	uint32_t more_count = 0;

	for (; i < k->vcpu_count; i++)
		more_count += is_server_of(k, i, core);
	t->bytes += sizeof(" + 63 more");
	if (more_count > 0)
		text_add(t, " + %u more", more_count);
}

static struct admission admit(const struct check *k, core_id_t core)
{
	struct admission_server servers[MAX_VCPUS];
	struct admission answer = { .is_admitted = false };
	uint32_t count = 0;

	for (uint32_t i = 0; i < k->vcpu_count; i++) {
		if (is_server_of(k, i, core))
			servers[count++] =
				(struct admission_server){ k->plan->vcpus[i].budget_tsc,
							   k->plan->vcpus[i].period_tsc };
	}
	/* All servers and the overhead have passed the checks that it makes. */
	if (admission_test(servers, count, k->board->switch_overhead_tsc, &answer) != OK)
		answer.is_admitted = false;
	return answer;
}

bool check_core_fits(const struct check *k, core_id_t core)
{
	return admit(k, core).is_admitted;
}

static uint32_t criticality_of(const struct check *k, uint32_t vcpu)
{
	return check_config_of(k, k->plan->vcpus[vcpu].part)->criticality;
}

/* Should `vcpu` give up something rather than `other`? The less critical, then the larger, then the later. */
static bool is_rather(const struct check *k, uint32_t vcpu, uint32_t other)
{
	const struct plan_vcpu *const p = &k->plan->vcpus[vcpu], *const o = &k->plan->vcpus[other];

	if (criticality_of(k, vcpu) != criticality_of(k, other))
		return criticality_of(k, vcpu) < criticality_of(k, other);
	return (unsigned __int128)p->budget_tsc * o->period_tsc >=
	       (unsigned __int128)o->budget_tsc * p->period_tsc;
}

/* Is the core admitted if `vcpu` has this budget instead of its own? */
static bool would_fit(struct check *k, uint32_t vcpu, uint64_t budget_ns)
{
	struct plan_vcpu *p = &k->plan->vcpus[vcpu];
	uint64_t own_tsc = p->budget_tsc;
	bool fits;

	if (!ticks_up(budget_ns, k->board->tsc_hz, &p->budget_tsc))
		fits = false;
	else
		fits = check_core_fits(k, p->core);
	p->budget_tsc = own_tsc;
	return fits;
}

/* The largest budget, in whole microseconds if it can be, with which the core is admitted; 0. */
static uint64_t find_fitting_budget_ns(struct check *k, uint32_t vcpu)
{
	const uint64_t least = max_u64(check_min_budget_ns(k->board), k->need_ns[vcpu]);
	uint64_t fits = least;
	uint64_t too_much = check_claim_of(k, vcpu)->budget_ns;

	if (fits >= too_much || !would_fit(k, vcpu, fits))
		return 0;
	while (too_much - fits > 1) {
		uint64_t middle = fits + (too_much - fits) / 2;

		if (would_fit(k, vcpu, middle))
			fits = middle;
		else
			too_much = middle;
	}
	return fits - fits % US(1) >= least ? fits - fits % US(1) : fits;
}

/* Who could give up enough alone, and what it keeps; MAX_VCPUS: nobody. */
static uint32_t find_giver(struct check *k, core_id_t core, uint64_t *budget_ns)
{
	uint32_t giver = MAX_VCPUS;

	for (uint32_t i = 0; i < k->vcpu_count; i++) {
		uint64_t ns;

		if (!is_server_of(k, i, core) || (giver != MAX_VCPUS && !is_rather(k, i, giver)))
			continue;
		ns = find_fitting_budget_ns(k, i);
		if (ns == 0)
			continue;
		giver = i;
		*budget_ns = ns;
	}
	return giver;
}

static uint32_t server_count(const struct check *k, core_id_t core)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < k->vcpu_count; i++)
		count += is_server_of(k, i, core);
	return count;
}

static bool has_several_on(const struct check *k, core_id_t core)
{
	uint32_t i = 0;

	while (i < k->vcpu_count && !(is_server_of(k, i, core) && check_has_several(k, i)))
		i++;
	return i < k->vcpu_count;
}

/* Then what stands there are the minima: core/plan_tuple_cpu.c has shrunk them to it. */
static bool has_minimum_on(const struct check *k, core_id_t core)
{
	uint32_t i = 0;

	while (i < k->vcpu_count &&
	       !(is_server_of(k, i, core) && check_claim_of(k, i)->budget_min_ns != 0))
		i++;
	return i < k->vcpu_count;
}

static void refuse_core(struct check *k, core_id_t core, uint64_t utilization_ppm)
{
	char text[PLAN_INEQUALITY_BYTES + sizeof(" + 63 more")], fix[120], who[16];
	struct text sum = text_begin(text, PLAN_INEQUALITY_BYTES);
	struct text t = text_begin(fix, sizeof(fix));
	uint64_t budget_ns;
	uint32_t giver = find_giver(k, core, &budget_ns);

	add_inequality_short(&sum, k, core);
	if (giver != MAX_VCPUS)
		text_add(&t, "lower %s.budget%s of %s to at most %s, or ",
			 check_claim_field(k, giver).s,
			 check_claim_of(k, giver)->budget_min_ns != 0 ? "_min" : "",
			 check_label(k, k->plan->vcpus[giver].part).s, text_time(budget_ns).s);
	if (server_count(k, core) == 1)
		text_add(&t, "give it OWN_CORE(%u)", core);
	else
		text_add(&t, "move a %s to another core",
			 has_several_on(k, core) ? "virtual CPU" : "partition");
	fmt_text(who, sizeof(who), "core %u", core);
	refuse(k, who, "%s = %s > 1: %s do not fit; %s", sum.out, text_ratio(utilization_ppm).s,
	       has_minimum_on(k, core) ? "even the minima" : "the reservations", fix);
}

static void check_core(struct check *k, core_id_t core)
{
	struct plan_core *c = &k->plan->cores[core];
	struct admission answer;
	uint32_t reserved_count = 0;

	for (uint32_t i = 0; i < k->vcpu_count; i++) {
		if (!k->has_core[i] || check_claim_of(k, i)->core != core)
			continue;
		c->is_used = true;
		c->is_owned |= check_claim_of(k, i)->kind == CPU_OWNED;
		c->server_count += check_claim_of(k, i)->kind != CPU_OWNED;
		reserved_count += is_server_of(k, i, core);
	}
	if (reserved_count == 0)
		return;
	answer = admit(k, core);
	c->utilization_ppm = answer.utilization_ppm;
	if (!answer.is_admitted)
		refuse_core(k, core, answer.utilization_ppm);
}

void check_cores(struct check *k)
{
	for (core_id_t core = 0; core < MAX_CORES; core++)
		check_core(k, core);
}
