/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "tools/plan_bounds.h"
#include "core/disk_config.h"
#include "core/plan_disk.h"
#include "core/plan_rate.h"
#include "core/plan_tasks.h"

typedef unsigned long long ull;

static const char *comma;

/* {"name":"..","kind":"..","bound":N,"unit":"..", and more fields by the caller, who closes it. */
static void begin(const char *kind, uint64_t bound, const char *unit, const char *name, ...)
	PRINTF(4, 5);
static void begin(const char *kind, uint64_t bound, const char *unit, const char *name, ...)
{
	va_list args;

	printf("%s{\"name\":\"", comma);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\",\"kind\":\"%s\",\"bound\":%llu,\"unit\":\"%s\"", kind, (ull)bound, unit);
	comma = ",";
}

static const char *owner(const struct config *c, const struct plan *plan, part_id_t part)
{
	return part == PLAN_SERVICE_PART && plan->has_service ? "service"
							      : c->partitions[part].name;
}

/* ---- CPU ---- */

static void servers(const struct config *c, const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->vcpu_count; i++) {
		const struct plan_vcpu *const v = &plan->vcpus[i];
		const char *const who = owner(c, plan, v->part);
		char name[32];

		if (v->kind != CPU_RESERVED)
			continue;
		snprintf(name, sizeof(name), v->index ? "%s.%u" : "%s", who, v->index);
		begin("budget", v->claim.budget_ns + c->board.switch_overhead_ns + PLAN_BLOCKING_NS,
		      "ns", "%s.budget", name);
		printf(",\"partition\":\"%s\",\"vcpu\":%u,\"budget_ns\":%llu}", who, v->index,
		       (ull)v->claim.budget_ns);
		begin("late", 0, "periods", "%s.late", name);
		printf(",\"partition\":\"%s\",\"vcpu\":%u}", who, v->index);
	}
}

static void cores(const struct config *c, const struct plan *plan)
{
	for (core_id_t i = 0; i < MAX_CORES; i++) {
		uint64_t longest_ns = 0;

		if (!plan->cores[i].is_used || plan->cores[i].is_owned)
			continue;
		begin("switch", c->board.switch_overhead_ns, "ns", "core%u.switch", i);
		printf(",\"core\":%u}", i);
		if (c->trace_details) {
			begin("exit", PLAN_BLOCKING_NS, "ns", "core%u.exit", i);
			printf(",\"core\":%u}", i);
		}
		for (uint32_t n = 0; n < plan->vcpu_count; n++)
			if (plan->vcpus[n].core == i)
				longest_ns = max_u64(longest_ns, plan->vcpus[n].claim.period_ns);
		if (plan->cores[i].utilization_ppm == 0)
			continue;
		begin("utilization", plan->cores[i].utilization_ppm, "ppm", "core%u.utilization",
		      i);
		printf(",\"core\":%u,\"longest_ns\":%llu}", i, (ull)longest_ns);
	}
}

/* Two bounds of the same analysis are the same bound, whoever's. */
static void analysis(const struct partition_config *p, const struct cpu_claim *claim)
{
	printf(",\"analysis\":\"%s", p->task_policy == TASKS_EDF ? "EDF" : "RM");
	for (uint32_t i = 0; i < p->cpu_task_count; i++) {
		const struct cpu_task *const t = &p->cpu_tasks[i];

		printf(" %llu/%llu", (ull)t->wcet_ns, (ull)t->period_ns);
		if (t->deadline_ns != 0 && t->deadline_ns != t->period_ns)
			printf("<%llu", (ull)t->deadline_ns);
		if (t->jitter_ns != 0)
			printf("~%llu", (ull)t->jitter_ns);
	}
	if (claim->kind == CPU_RESERVED)
		printf(" in %llu/%llu %s", (ull)claim->budget_ns, (ull)claim->period_ns,
		       p->task_supply == TASKS_FROM_IDLE ? "from idle" : "at worst");
	putchar('"');
}

static void responses(const struct config *c, const struct plan *plan, part_id_t part)
{
	const struct partition_config *const p = &c->partitions[part];
	const struct cpu_claim *const claim = &plan->vcpus[plan->partitions[part].vcpu_first].claim;

	for (uint32_t i = 0; i < p->cpu_task_count; i++) {
		const char *const task = p->cpu_tasks[i].name;
		char number[16];
		uint64_t ns;

		if (!plan_task_bound(c, plan, part, i, &ns))
			continue;
		snprintf(number, sizeof(number), "%u", i);
		begin("response", ns, "ns", "%s.%s.response", p->name, task ? task : number);
		printf(",\"partition\":\"%s\",\"task\":\"%s\",\"index\":%u", p->name,
		       task ? task : number, i);
		analysis(p, claim);
		printf("}");
	}
}

/* ---- Disks ---- */

static void share(const struct config *c, const struct plan *plan, uint32_t disk, part_id_t part,
		  uint32_t n, uint32_t guest)
{
	const struct disk_tuned *const t = plan->disks[disk].tuning;
	const struct disk_share *const s = &c->partitions[part].disks[n];
	const char *const who = c->partitions[part].name, *const name = c->disks[disk].name;
	const uint64_t ns = plan_disk_bound_ns(c, plan, disk, part, n);

	if (ns != UINT64_MAX) {
		begin("request", ns, "ns", "%s.%s.request", who, name);
		printf(",\"partition\":\"%s\",\"disk\":\"%s\",\"outstanding\":%u}", who, name,
		       disk_default(s->outstanding, 1));
	}
	for (uint32_t i = 0; t && i < t->optimum.load.guests[guest].task_count; i++) {
		const uint32_t model =
			c->disks[disk].tuning == DISK_TUNE_MLP ? LATENCY_MLP : LATENCY_ANALYTIC;

		begin("prediction", t->predicted_ns[model][guest][i], "ns", "%s.%s.task%u.p99_99",
		      who, name, i);
		printf(",\"partition\":\"%s\",\"disk\":\"%s\",\"task\":%u,\"target_ns\":%llu}", who,
		       name, i, (ull)t->optimum.load.guests[guest].tasks[i].target_ns);
	}
}

static void disks(const struct config *c, const struct plan *plan)
{
	for (uint32_t disk = 0; disk < c->disk_count; disk++) {
		uint32_t guest = 0;

		for (part_id_t i = 0; i < c->partition_count; i++)
			for (uint32_t n = 0; n < c->partitions[i].disk_count; n++)
				if (disk_is_on(&c->partitions[i].disks[n], &c->disks[disk]))
					share(c, plan, disk, i, n, guest++);
	}
}

/* ---- Network ---- */

/*
 * A PF watches what it cannot shape: each service period may bring what the link carries in it before a VF is
 * closed, and a ring that is full when it opens is sent at once. Both are paid back: docs/interrupt-rate.md.
 */
struct burst {
	uint64_t rx_bytes, tx_bytes, packets;
};
#define RING_PACKETS 256u
#define FRAME_BYTES  1514u
#define FRAME_MIN    84u

static struct burst burst_of(const struct config *c, const struct pf_config *f)
{
	const uint64_t look_ns = c->service.kind == CPU_RESERVED ? c->service.period_ns : 0;
	const uint64_t bytes = rate_link_bytes(f) * look_ns / SEC(1);

	if (f->driver != PF_IGB)
		return (struct burst){ FRAME_BYTES, FRAME_BYTES, 1 };
	return (struct burst){ bytes, bytes + RING_PACKETS * FRAME_BYTES,
			       bytes / FRAME_MIN + RING_PACKETS };
}

struct vf {
	const char *who;
	const struct device_config *d;
};

static void rate(const struct vf *vf, const char *what, uint64_t bound, uint64_t burst,
		 const char *unit)
{
	if (bound == 0)
		return;
	begin("rate", bound, unit, "%s.%s%u.%s", vf->who, vf->d->name, vf->d->index, what);
	printf(",\"partition\":\"%s\",\"vf\":\"%s.%u\",\"what\":\"%s\",\"burst\":%llu}", vf->who,
	       vf->d->name, vf->d->index, what, (ull)burst);
}

static void network(const struct config *c, const char *who, const struct device_config *d)
{
	const struct vf vf = { who, d };

	for (uint32_t i = 0; i < c->pf_count; i++) {
		const struct pf_config *const f = &c->pfs[i];
		const struct burst b = burst_of(c, f);
		struct net_qos q;

		if (strcmp(f->name, d->name) != 0 || !rate_is_network(f->driver))
			continue;
		q = plan_grant(c, f, d);
		rate(&vf, "rx_bytes", q.rx_bytes_per_s.max, b.rx_bytes, "bytes/s");
		rate(&vf, "tx_bytes", q.tx_bytes_per_s.max, b.tx_bytes, "bytes/s");
		rate(&vf, "rx_packets", q.rx_packets_per_s.max, b.packets, "packets/s");
		rate(&vf, "tx_packets", q.tx_packets_per_s.max, b.packets, "packets/s");
		/* Entries that are urgent are let through, and nothing tells them apart in a count. */
		if (d->irq_rate.kind == IRQ_FIR && d->irq_rate.urgent == 0)
			rate(&vf, "interrupts", d->irq_rate.per_second, 1, "interrupts/s");
	}
}

void json_bounds(const struct config *c, const struct plan *plan)
{
	comma = "";
	printf(",\"bounds\":[");
	servers(c, plan);
	cores(c, plan);
	for (part_id_t i = 0; i < plan->partition_count; i++) {
		responses(c, plan, i);
		for (uint32_t n = 0; n < c->partitions[i].device_count; n++)
			if (c->partitions[i].devices[n].kind == DEVICE_VF)
				network(c, c->partitions[i].name, &c->partitions[i].devices[n]);
	}
	disks(c, plan);
	if (c->board.console_bytes_per_second != 0) {
		begin("console", c->board.console_bytes_per_second, "bytes/s", "console");
		printf("}");
	}
	printf("]");
}
