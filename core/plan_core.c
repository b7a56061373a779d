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

/* The server with the largest share of the core, the later of equal ones. */
static uint32_t find_largest_server(const struct check *k, core_id_t core)
{
	const struct plan_vcpu *p = k->plan->vcpus;
	uint32_t largest = MAX_VCPUS;

	for (uint32_t i = 0; i < k->vcpu_count; i++) {
		if (!is_server_of(k, i, core))
			continue;
		if (largest == MAX_VCPUS ||
		    (unsigned __int128)p[i].budget_tsc * p[largest].period_tsc >=
			    (unsigned __int128)p[largest].budget_tsc * p[i].period_tsc)
			largest = i;
	}
	return largest;
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
		fits = admit(k, p->core).is_admitted;
	p->budget_tsc = own_tsc;
	return fits;
}

/* The largest budget, in whole microseconds if it can be, with which the core is admitted; 0. */
static uint64_t find_fitting_budget_ns(struct check *k, uint32_t vcpu)
{
	uint64_t fits = check_min_budget_ns(k->board);
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
	return fits - fits % US(1) >= check_min_budget_ns(k->board) ? fits - fits % US(1) : fits;
}

static void refuse_core(struct check *k, core_id_t core, uint64_t utilization_ppm)
{
	uint32_t largest = find_largest_server(k, core);
	uint64_t budget_ns = find_fitting_budget_ns(k, largest);
	char text[PLAN_INEQUALITY_BYTES + sizeof(" + 63 more")], fix[120], who[16];
	struct text sum = text_begin(text, PLAN_INEQUALITY_BYTES);
	struct text t = text_begin(fix, sizeof(fix));

	add_inequality_short(&sum, k, core);
	if (budget_ns != 0)
		text_add(&t, "lower %s.budget of %s to at most %s, or ",
			 check_claim_field(k, largest).s,
			 check_label(k, k->plan->vcpus[largest].part).s, text_time(budget_ns).s);
	text_add(&t, "move a %s to another core",
		 check_has_several(k, largest) ? "virtual CPU" : "partition");
	fmt_text(who, sizeof(who), "core %u", core);
	refuse(k, who, "%s = %s > 1: the reservations do not fit; %s", sum.out,
	       text_ratio(utilization_ppm).s, fix);
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
