/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lib/fmt.h"
#include "core/plan_check.h"

struct short_text check_claim_field(const struct check *k, uint32_t vcpu)
{
	const struct plan_vcpu *v = &k->plan->vcpus[vcpu];
	struct short_text t = { "cpu" };

	if (v->part == PLAN_SERVICE_PART)
		fmt_text(t.s, sizeof(t.s), "service");
	else if (check_config_of(k, v->part)->cpu_count != 0)
		fmt_text(t.s, sizeof(t.s), "cpus[%u]", v->index);
	return t;
}

struct short_text check_vcpu_label(const struct check *k, uint32_t vcpu)
{
	const struct plan_vcpu *v = &k->plan->vcpus[vcpu];
	struct short_text t = check_label(k, v->part);

	if (check_has_several(k, vcpu))
		fmt_text(t.s, sizeof(t.s), "%s vCPU %u", check_label(k, v->part).s, v->index);
	return t;
}
_Static_assert(sizeof("partition '' vCPU 15") + PARTITION_NAME_MAX <= sizeof(struct short_text) &&
		       CONFIG_VCPU_MAX <= 100,
	       "the longest label fits");

struct short_text check_vcpu_name(const struct check *k, uint32_t vcpu)
{
	const struct plan_vcpu *v = &k->plan->vcpus[vcpu];
	const char *name = k->has_label[v->part] ? check_config_of(k, v->part)->name : "?";
	struct short_text t;

	if (check_has_several(k, vcpu))
		fmt_text(t.s, sizeof(t.s), "%s.%u", name, v->index);
	else
		fmt_text(t.s, sizeof(t.s), "%s", name);
	return t;
}

static bool is_claim_given(const struct cpu_claim *c)
{
	return c->kind != CPU_NONE || c->core != 0 || c->budget_ns != 0 || c->period_ns != 0 ||
	       c->priority != 0 || c->budget_min_ns != 0 || c->budget_max_ns != 0;
}

/* How many virtual CPUs can be looked at; 0: the list itself makes no sense. */
static uint32_t count_vcpus(struct check *k, part_id_t part)
{
	const struct partition_config *p = &k->config->partitions[part];

	if (!p->cpus && p->cpu_count == 0)
		return 1;
	if (!p->cpus)
		refuse_partition(k, part,
				 "cpu_count = %u, but cpus is not given; a list of virtual CPUs is "
				 "both: give .CPUS() of claims",
				 p->cpu_count);
	else if (p->cpu_count == 0)
		refuse_partition(k, part,
				 "cpus is given, but cpu_count = 0; a list of virtual "
				 "CPUs is both: give .CPUS() of claims");
	else if (is_claim_given(&p->cpu))
		refuse_partition(k, part,
				 "cpu and cpus are both given; a partition has one list "
				 "of virtual CPUs: leave one of the two out");
	else if (p->cpu_count > CONFIG_VCPU_MAX)
		refuse_partition(k, part,
				 "cpu_count = %u: a partition has at most %u virtual CPUs; give at "
				 "most that",
				 p->cpu_count, CONFIG_VCPU_MAX);
	else
		return p->cpu_count;
	return 0;
}

void check_note_service(struct check *k)
{
	k->service = (struct partition_config){ .name = "service",
						.cpu = k->config->service,
						.criticality = UINT32_MAX };
	k->has_label[PLAN_SERVICE_PART] = true;
}

/* After the last of the partitions'. */
static void add_service(struct check *k)
{
	check_note_service(k);
	if (!is_claim_given(&k->config->service) || k->vcpu_count == MAX_VCPUS)
		return;
	k->plan->has_service = true;
	k->plan->partitions[PLAN_SERVICE_PART] =
		(struct plan_partition){ .vcpu_first = k->vcpu_count, .vcpu_count = 1 };
	k->plan->vcpus[k->vcpu_count++] =
		(struct plan_vcpu){ .part = PLAN_SERVICE_PART, .claim = k->config->service };
}

void check_vcpus(struct check *k)
{
	uint32_t wanted = is_claim_given(&k->config->service);

	for (part_id_t i = 0; i < k->partition_count; i++) {
		const struct partition_config *c = &k->config->partitions[i];
		struct plan_partition *p = &k->plan->partitions[i];
		uint32_t count = count_vcpus(k, i);

		wanted += count;
		p->vcpu_first = k->vcpu_count;
		for (uint32_t n = 0; n < count && k->vcpu_count < MAX_VCPUS; n++)
			k->plan->vcpus[k->vcpu_count++] = (struct plan_vcpu){
				.part = i, .index = n, .claim = c->cpus ? c->cpus[n] : c->cpu
			};
		p->vcpu_count = k->vcpu_count - p->vcpu_first;
	}
	if (wanted > MAX_VCPUS)
		refuse_system(k,
			      "%u virtual CPUs: at most %u are supported, all partitions together; "
			      "remove %u",
			      wanted, MAX_VCPUS, wanted - MAX_VCPUS);
	add_service(k);
}
