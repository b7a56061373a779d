/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_disk_tune.c - disks with .tuning: are the targets sensible, which settings meet them, and
 * what is promised to whom. Linked where there are any.
 *
 * The optimizer runs when the plan is built: on the host before the build, and again at boot, with the
 * same result (io/disk_optimizer.h is integers only). core/disk.c uses what boot found.
 */
#include <string.h>
#include "core/disk_config.h"
#include "core/lib/fmt.h"
#include "core/plan_check.h"
#include "core/plan_disk.h"
#include "io/latency_table.h"

typedef unsigned long long ull;

#define REQUEST_BYTES 4096u
#define IOPS_MAX      100000u
#define TARGET_MAX_NS SEC(100)
#define MB            UINT64_C(1000000)

static struct disk_tuned tunings[CONFIG_DISK_MAX];

static enum latency_model model_of(const struct disk_config *d)
{
	return d->tuning == DISK_TUNE_MLP ? LATENCY_MLP : LATENCY_ANALYTIC;
}

/* ---- What can be said before anything is computed ---- */

static void check_settings(struct check *k, uint32_t disk)
{
	const struct disk_config *const d = &k->config->disks[disk];
	const struct short_text label = check_disk_label(k, disk);
	const char *const who = label.s;

	if ((unsigned)d->tuning > DISK_TUNE_MLP)
		refuse(k, who,
		       "tuning = %u: not a choice; give DISK_TUNE_ANALYTIC, DISK_TUNE_MLP, or leave "
		       "it out",
		       (unsigned)d->tuning);
	if (d->scheduler != DISK_BFQ)
		refuse(k, who,
		       "tuning = %u: what is tuned is the budget-fair scheduler, and this disk has "
		       "another; give DISK_BFQ, or leave tuning out",
		       (unsigned)d->tuning);
	if (d->slice_idle_ns != 0)
		refuse(k, who, "slice_idle = %s: tuning finds it; leave it out, or tuning",
		       text_time(d->slice_idle_ns).s);
	if (d->timeout_sync_ns != 0)
		refuse(k, who, "timeout_sync = %s: tuning finds it; leave it out, or tuning",
		       text_time(d->timeout_sync_ns).s);
	if (d->kind != DISK_MEMORY && d->time.parallel == 0)
		refuse(k, who,
		       "time is not given; tuning predicts from the times that the disk takes: "
		       "give it, or leave tuning out");
}

/* The shortest time that a request can take. */
static uint64_t service_min_ns(const struct disk_config *d)
{
	const struct service_time_config *const t = &d->time;
	const struct service_cost *const c =
		t->read.fixed_ns < t->write.fixed_ns ? &t->read : &t->write;

	return c->fixed_ns + c->ns_per_kib * (REQUEST_BYTES / 1024);
}

static void check_task(struct check *k, part_id_t part, uint32_t n, uint32_t i,
		       const struct disk_config *d)
{
	const struct disk_task *const t = &k->config->partitions[part].disks[n].tasks[i];

	if (t->iops == 0 || t->iops > IOPS_MAX)
		refuse_partition(k, part,
				 "disks[%u].tasks[%u].iops = %u: how many requests a second the "
				 "task sends at most decides what it can be promised; give 1 to %u",
				 n, i, t->iops, IOPS_MAX);
	if (t->target_ns > TARGET_MAX_NS)
		refuse_partition(k, part,
				 "disks[%u].tasks[%u].target = %s: beyond %s nothing is predicted; "
				 "give at most that, or 0 for none",
				 n, i, text_time(t->target_ns).s, text_time(TARGET_MAX_NS).s);
	else if (t->target_ns != 0 && t->target_ns < service_min_ns(d))
		refuse_partition(k, part,
				 "disks[%u].tasks[%u].target = %s: disk %s by itself takes %s "
				 "for 4 KiB; give more than that, or 0 for none",
				 n, i, text_time(t->target_ns).s, text_quoted(d->name).s,
				 text_time(service_min_ns(d)).s);
	else if (t->target_max_ns != 0 &&
		 (t->target_max_ns < t->target_ns || t->target_max_ns > TARGET_MAX_NS))
		refuse_partition(k, part,
				 "disks[%u].tasks[%u].target_max = %s: what its target of %s may "
				 "become is that at least, and at most %s; give that, or 0 for the "
				 "target itself",
				 n, i, text_time(t->target_max_ns).s, text_time(t->target_ns).s,
				 text_time(TARGET_MAX_NS).s);
	else if (t->target_max_ns != 0 && t->target_ns == 0)
		refuse_partition(
			k, part,
			"disks[%u].tasks[%u].target_max = %s, but there is no target; give "
			"one, or leave it out",
			n, i, text_time(t->target_max_ns).s);
}

static void check_tasks(struct check *k, part_id_t part, uint32_t n, const struct disk_config *d)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];

	if (s->task_count == 0)
		refuse_partition(k, part,
				 "disks[%u].task_count = 0: disk %s is tuned, which needs to know "
				 "what each share asks for; give 1 to %u, by .TASKS()",
				 n, text_quoted(d->name).s, DISK_QUEUE_MAX);
	if (s->task_count == 0 || !s->tasks || s->task_count > DISK_QUEUE_MAX)
		return;
	if (disk_queue_count(s) != s->task_count)
		refuse_partition(k, part,
				 "disks[%u].queue_count = %u: a task is a virtqueue, and there are "
				 "%u; leave it out, or give as many (a guest with one queue: its "
				 "tasks as one)",
				 n, s->queue_count, s->task_count);
	if (s->weight != 0)
		refuse_partition(k, part, "disks[%u].weight = %u: tuning finds it; leave it out", n,
				 s->weight);
	for (uint32_t i = 0; i < DISK_QUEUE_MAX; i++)
		if (s->queue_weights[i] != 0)
			refuse_partition(k, part,
					 "disks[%u].queue_weights[%u] = %u: tuning finds it; leave "
					 "it out",
					 n, i, s->queue_weights[i]);
	for (uint32_t i = 0; i < s->task_count; i++)
		check_task(k, part, n, i, d);
}

static void check_untuned(struct check *k, part_id_t part, uint32_t n)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];

	if (s->is_critical)
		refuse_partition(k, part,
				 "disks[%u].is_critical: its disk has no tuning, and keeps no "
				 "targets; give the disk .tuning, or leave it out",
				 n);
	for (uint32_t i = 0; s->tasks && i < s->task_count && i < DISK_QUEUE_MAX; i++)
		if (s->tasks[i].target_ns != 0 || s->tasks[i].target_max_ns != 0)
			refuse_partition(k, part,
					 "disks[%u].tasks[%u].target = %s: its disk has no tuning; "
					 "give the disk .tuning, or leave the target out",
					 n, i, text_time(s->tasks[i].target_ns).s);
}

/* ---- The optimizer ---- */

static void describe_share(const struct disk_share *s, struct disk_load_guest *g)
{
	*g = (struct disk_load_guest){ .weight = DISK_WEIGHT,
				       .is_critical = s->is_critical,
				       .task_count = s->task_count };
	for (uint32_t i = 0; i < s->task_count; i++)
		g->tasks[i] = (struct disk_load_task){ .iops = s->tasks[i].iops,
						       .weight = DISK_WEIGHT,
						       .target_ns = s->tasks[i].target_ns };
}

/* To the MB, as Table I has it. */
static uint64_t bytes_per_s(const struct service_time_config *t)
{
	const uint64_t kib_ns = max_u64(t->read.ns_per_kib, t->write.ns_per_kib);
	const uint64_t bytes = kib_ns ? t->parallel * (SEC(1) * 1024 / kib_ns) : SEC(1);

	return max_u64((bytes + MB / 2) / MB, 1) * MB;
}

static void describe_load(const struct config *c, uint32_t disk, struct disk_load *load)
{
	const struct disk_config *const d = &c->disks[disk];

	memset(load, 0, sizeof(*load));
	load->request_bytes = REQUEST_BYTES;
	load->slice_idle_ns = DISK_SLICE_IDLE_NS;
	load->timeout_ns = DISK_TIMEOUT_SYNC_NS;
	load->max_budget_bytes = disk_max_budget_bytes(d);
	load->bytes_per_s = bytes_per_s(&d->time);
	for (part_id_t i = 0; i < c->partition_count && i < MAX_PARTITIONS; i++)
		for (uint32_t n = 0; n < c->partitions[i].disk_count; n++)
			if (disk_is_on(&c->partitions[i].disks[n], d) &&
			    load->guest_count < DISK_CLIENT_MAX)
				describe_share(&c->partitions[i].disks[n],
					       &load->guests[load->guest_count++]);
}

static void predict(struct disk_tuned *t)
{
	const struct disk_load *const load = &t->optimum.load;
	struct latency_sums sums;

	latency_sum(load, &sums);
	for (uint32_t g = 0; g < load->guest_count; g++)
		for (uint32_t i = 0; i < load->guests[g].task_count; i++)
			for (uint32_t m = 0; m < LATENCY_MODEL_COUNT; m++)
				t->predicted_ns[m][g][i] = latency_predict_ns((enum latency_model)m,
									      load, &sums, g, i);
}

static uint64_t round_up(uint64_t ns, uint64_t unit)
{
	return ns > UINT64_MAX - unit ? ns : (ns + unit - 1) / unit * unit;
}

/* A critical share's targets are not met. */
static void refuse_targets(struct check *k, part_id_t part, uint32_t n, const struct disk_tuned *t,
			   uint32_t guest, enum latency_model model)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];

	for (uint32_t i = 0; i < s->task_count; i++) {
		const uint64_t ns = t->predicted_ns[model][guest][i];
		const uint64_t target_ns = t->start.guests[guest].tasks[i].target_ns;

		if (target_ns != 0 && ns > target_ns)
			refuse_partition(
				k, part,
				"disks[%u].tasks[%u].target%s = %s: with the best settings found, "
				"99.99 %% of its requests are predicted to end within %s, and the "
				"share is critical; give at least that, or ask for less, or leave "
				"is_critical out",
				n, i, target_ns != s->tasks[i].target_ns ? "_max" : "",
				text_time(target_ns).s, text_time(round_up(ns, MS(1))).s);
	}
}

static void tune(struct check *k, uint32_t disk)
{
	const struct disk_config *const d = &k->config->disks[disk];
	struct disk_tuned *const t = &tunings[disk];
	uint32_t guest = 0;

	enum err e;

	describe_load(k->config, disk, &t->start);
	for (uint32_t g = 0; g < t->start.guest_count; g++)
		for (uint32_t i = 0; i < t->start.guests[g].task_count; i++)
			t->wanted_ns[g][i] = t->start.guests[g].tasks[i].target_ns;
	e = disk_optimize(&t->start, model_of(d), &disk_optimizer_range, &t->optimum);
	if (e == OK && !t->optimum.is_met)
		e = plan_relax_targets(k->config, disk, model_of(d), t);
	if (e != OK) {
		refuse(k, check_disk_label(k, disk).s,
		       "tuning: %s; give a task of .TASKS() a target, or leave tuning out",
		       t->optimum.why);
		return;
	}
	predict(t);
	for (part_id_t i = 0; i < k->partition_count; i++)
		for (uint32_t n = 0; n < k->config->partitions[i].disk_count; n++) {
			if (!disk_is_on(&k->config->partitions[i].disks[n], d))
				continue;
			if (k->config->partitions[i].disks[n].is_critical)
				refuse_targets(k, i, n, t, guest, model_of(d));
			guest++;
		}
	k->plan->disks[disk].tuning = t;
}

void check_disk_tuning(struct check *k, uint32_t disk, uint32_t before)
{
	const struct disk_config *const d = &k->config->disks[disk];

	if (d->tuning != DISK_AS_GIVEN)
		check_settings(k, disk);
	for (part_id_t i = 0; i < k->partition_count; i++) {
		const struct partition_config *const p = &k->config->partitions[i];

		for (uint32_t n = 0; p->disks && n < p->disk_count && n < CONFIG_SHARE_MAX; n++) {
			if (!config_is_same_name(p->disks[n].disk, d->name))
				continue;
			if (d->tuning != DISK_AS_GIVEN)
				check_tasks(k, i, n, d);
			else
				check_untuned(k, i, n);
		}
	}
	/* Of shares that were refused for anything nothing can be computed. */
	if (d->tuning != DISK_AS_GIVEN && k->refusals->count == before)
		tune(k, disk);
}

/* ---- Text ---- */

struct tuple_text {
	char s[80];
};

static struct tuple_text relaxed_from(const struct disk_tuned *t, uint32_t guest, uint32_t i)
{
	const uint64_t wanted_ns = t->wanted_ns[guest][i];
	struct tuple_text text = { "" };

	if (wanted_ns != t->optimum.load.guests[guest].tasks[i].target_ns)
		fmt_text(text.s, sizeof(text.s), " (relaxed from %s: not all can be met)",
			 text_time(wanted_ns).s);
	return text;
}

static const char *verdict(const struct disk_tuned *t, uint32_t guest, uint32_t i,
			   enum latency_model model)
{
	const uint64_t target_ns = t->optimum.load.guests[guest].tasks[i].target_ns;

	if (target_ns == 0)
		return "no target";
	return t->predicted_ns[model][guest][i] <= target_ns ? "met"
							     : "NOT met: this is what it gets";
}

/* Tails to the microsecond: what is below says nothing. */
static struct short_text tail(uint64_t ns)
{
	return text_time(round_up(ns, US(1)));
}

void plan_print_tuning(const struct disk_config *d, const struct disk_tuned *t,
		       void (*put)(const char *text))
{
	static const char *const names[] = {
		[LATENCY_ANALYTIC] = "analytical", [LATENCY_MLP] = "MLP"
	};

	text_line(put, "  %-15s settings found with the %s model in %u steps, %u predictions; %s",
		  "", names[model_of(d)], t->optimum.steps, t->optimum.predictions,
		  t->optimum.is_met ? "all targets are predicted to be met"
				    : "not all targets can be met: the most urgent are kept");
	if (!latency_is_within(&t->optimum.load))
		text_line(
			put,
			"  %-15s note: the models were fitted to disk '%s' and up to %u guests of %u "
			"tasks; this is beyond, and predictions are less sure",
			"", latency_table.disk, latency_table.domain.guest_max,
			latency_table.domain.task_max);
}

void plan_print_tasks(const struct disk_config *d, const struct disk_tuned *t, uint32_t guest,
		      void (*put)(const char *text))
{
	const struct disk_load_guest *const g = &t->optimum.load.guests[guest];

	for (uint32_t i = 0; i < g->task_count; i++)
		text_line(
			put,
			"  %-15s task %u: %u requests/s, weight %u, target %s%s; 99.99 %% within %s "
			"(analytical), %s (MLP): %s",
			"", i, g->tasks[i].iops, g->tasks[i].weight,
			g->tasks[i].target_ns ? text_time(g->tasks[i].target_ns).s : "none",
			relaxed_from(t, guest, i).s,
			tail(t->predicted_ns[LATENCY_ANALYTIC][guest][i]).s,
			tail(t->predicted_ns[LATENCY_MLP][guest][i]).s,
			verdict(t, guest, i, model_of(d)));
}
