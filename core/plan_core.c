/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lib/assert.h"
#include "core/lib/fmt.h"
#include "core/plan_check.h"
#include "sched/admission.h"

#define PPM UINT64_C(1000000)

/* A period is left standing in the plan only where the whole claim is sound. */
static bool is_server_of(const struct check *k, uint32_t vcpu, core_id_t core)
{
	return k->plan->vcpus[vcpu].period_tsc != 0 && k->plan->vcpus[vcpu].core == core;
}

/* Of those whose period is at most that. */
static uint32_t add_terms(struct text *t, const struct check *k, core_id_t core, uint32_t from,
			  uint64_t period_max_tsc)
{
	uint64_t overhead_ns = ticks_to_ns(k->board->switch_overhead_tsc, k->board->tsc_hz);

	for (uint32_t i = from; i < k->vcpu_count; i++) {
		char term[96];
		int n;

		if (!is_server_of(k, i, core) || k->plan->vcpus[i].period_tsc > period_max_tsc)
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

uint32_t plan_add_inequality(struct text *t, const struct check *k, core_id_t core, uint32_t from)
{
	return add_terms(t, k, core, from, UINT64_MAX);
}

/* The left side, for a refusal: as many servers as there is room for, the others counted. */
static void add_inequality_short(struct text *t, const struct check *k, core_id_t core,
				 uint64_t period_max_tsc)
{
	uint32_t i = add_terms(t, k, core, 0, period_max_tsc);
	uint32_t more_count = 0;

	for (; i < k->vcpu_count; i++)
		more_count +=
			is_server_of(k, i, core) && k->plan->vcpus[i].period_tsc <= period_max_tsc;
	t->bytes += sizeof(" + 63 more");
	if (more_count > 0)
		text_add(t, " + %u more", more_count);
}

/* Who has what is left over may be at something, too. */
static bool has_background(const struct check *k, core_id_t core)
{
	uint32_t i = 0;

	while (i < k->vcpu_count && !(k->has_core[i] && check_claim_of(k, i)->core == core &&
				      check_claim_of(k, i)->kind == CPU_BEST_EFFORT))
		i++;
	return i < k->vcpu_count;
}

/* The service begins no step that its budget would end in. */
static bool can_overrun(const struct check *k, uint32_t vcpu)
{
	return !(k->plan->has_service && k->plan->vcpus[vcpu].part == PLAN_SERVICE_PART);
}

/* Guests use so much more than their budgets. answer.blocked is the virtual CPU's number, or MAX_VCPUS. */
static struct admission admit(const struct check *k, core_id_t core, uint64_t overrun_tsc)
{
	struct admission_server servers[MAX_VCPUS];
	uint32_t who[MAX_VCPUS];
	struct admission answer;
	uint64_t blocking_tsc = 0;
	uint32_t count = 0;
	enum err e;

	/* It is far below 2^62 ticks wherever the board's numbers have passed. */
	(void)ticks_up(PLAN_BLOCKING_NS, k->board->tsc_hz, &blocking_tsc);
	for (uint32_t i = 0; i < k->vcpu_count; i++) {
		if (!is_server_of(k, i, core))
			continue;
		who[count] = i;
		servers[count] =
			(struct admission_server){ k->plan->vcpus[i].budget_tsc,
						   k->plan->vcpus[i].period_tsc, blocking_tsc };
		if (can_overrun(k, i))
			servers[count].budget_tsc = min_u64(servers[count].budget_tsc + overrun_tsc,
							    servers[count].period_tsc);
		count++;
	}
	e = admission_test(servers, count, k->board->switch_overhead_tsc,
			   has_background(k, core) ? blocking_tsc : 0, &answer);
	/* All servers and the overhead have passed the checks that it makes. */
	ASSERT(e == OK);
	answer.blocked = answer.blocked < count ? who[answer.blocked] : MAX_VCPUS;
	return answer;
}

bool check_core_fits(const struct check *k, core_id_t core)
{
	return admit(k, core, 0).is_admitted;
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

static void add_fix(struct check *k, core_id_t core, struct text *t)
{
	uint64_t budget_ns;
	const uint32_t giver = find_giver(k, core, &budget_ns);

	if (giver != MAX_VCPUS)
		text_add(t, "lower %s.budget%s of %s to at most %s, or ",
			 check_claim_field(k, giver).s,
			 check_claim_of(k, giver)->budget_min_ns != 0 ? "_min" : "",
			 check_label(k, k->plan->vcpus[giver].part).s, text_time(budget_ns).s);
	if (server_count(k, core) == 1 && !has_background(k, core))
		text_add(t, "give it OWN_CORE(%u)", core);
	else
		text_add(t, "move a %s to another core",
			 has_several_on(k, core) ? "virtual CPU" : "partition");
}

static void refuse_sum(struct check *k, core_id_t core, uint64_t utilization_ppm, const char *fix)
{
	char text[PLAN_INEQUALITY_BYTES + sizeof(" + 63 more")], who[16];
	struct text sum = text_begin(text, PLAN_INEQUALITY_BYTES);

	add_inequality_short(&sum, k, core, UINT64_MAX);
	fmt_text(who, sizeof(who), "core %u", core);
	refuse(k, who, "%s = %s > 1: %s do not fit; %s", sum.out, text_ratio(utilization_ppm).s,
	       has_minimum_on(k, core) ? "even the minima" : "the reservations", fix);
}

static void refuse_blocked(struct check *k, core_id_t core, const struct admission *answer,
			   const char *fix)
{
	char text[PLAN_BLOCKED_BYTES + sizeof(" + 63 more")], who[16];
	struct text sum = text_begin(text, PLAN_BLOCKED_BYTES);
	const uint32_t vcpu = answer->blocked;

	add_inequality_short(&sum, k, core, k->plan->vcpus[vcpu].period_tsc);
	fmt_text(who, sizeof(who), "core %u", core);
	refuse(k, who,
	       "%s + %s/%s = %s > 1: %s may have to wait %s for another's exit or step, which nothing "
	       "interrupts; %s",
	       sum.out, text_ms(PLAN_BLOCKING_NS).s, text_ms(check_claim_of(k, vcpu)->period_ns).s,
	       text_ratio(answer->blocked_ppm).s, check_vcpu_name(k, vcpu).s,
	       text_time(PLAN_BLOCKING_NS).s, fix);
}

static void refuse_core(struct check *k, core_id_t core, const struct admission *answer)
{
	char fix[120];
	struct text t = text_begin(fix, sizeof(fix));

	add_fix(k, core, &t);
	if (answer->excess_ppm != 0)
		refuse_sum(k, core, answer->utilization_ppm, fix);
	else
		refuse_blocked(k, core, answer, fix);
}

/* A server alone disturbs nobody. */
static uint64_t overrun_ppm(const struct check *k, core_id_t core)
{
	struct admission answer;
	uint64_t overrun_tsc = 0, blocked_ppm;

	if (server_count(k, core) < 2)
		return 0;
	(void)ticks_up(PLAN_BLOCKING_NS, k->board->tsc_hz, &overrun_tsc);
	answer = admit(k, core, overrun_tsc);
	blocked_ppm = answer.blocked_ppm > PPM ? answer.blocked_ppm - PPM : 0;
	return answer.is_admitted ? 0 : max_u64(1, max_u64(answer.excess_ppm, blocked_ppm));
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
	answer = admit(k, core, 0);
	c->utilization_ppm = answer.utilization_ppm;
	c->overrun_ppm = overrun_ppm(k, core);
	if (!answer.is_admitted)
		refuse_core(k, core, &answer);
}

void check_cores(struct check *k)
{
	for (core_id_t core = 0; core < MAX_CORES; core++)
		check_core(k, core);
}
