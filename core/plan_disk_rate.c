/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_disk_rate.c - shares of a disk that are given as bytes a second: do they fit, what does each get, and
 * which weights is that? Linked where there are any.
 *
 * Model    While a share always has n requests of R bytes waiting (.outstanding, .request_bytes), its n requests are
 *	    given to the disk, done, and noticed by the service, and only then the next n: R n bytes cost
 *	        ceil(n / parallel) (the longer of a read and a write, with the mean jitter)
 *		+ what a memory disk copies + the longest that the service takes to look.
 *	    BFQ parts bytes by weights (docs/disk.md, "Guarantees"): with costs c_i of a byte, share i
 *	    has w_i / sum (w_j c_j) bytes a second of the time that is not stalls. A rate fits if the
 *	    weights that are made of all rates give everybody his.
 *	    That is so as long as no share's requests are shorter, or fewer at a time, than it says.
 *	    It is of bytes: a turn that ends by timeout_sync is charged as if it had had its whole
 *	    budget, so that where bytes do not cost all the same, no turn may need so long.
 */
#include <string.h>
#include "core/disk_config.h"
#include "core/lib/fmt.h"
#include "core/plan_disk.h"
#include "core/plan_rate.h"
#include "core/plan_tuple.h"
#include "drivers/disk.h"

typedef unsigned long long ull;

#define RATE_MAX  BIT64(40)
#define RATE_UNIT 1000u /* what is granted between min and usual is whole kB/s */
#define SECOND_PS (SEC(1) * 1000)

static struct tuple_round asked; /* too much for a stack at boot */
static struct disk_rates rates[CONFIG_DISK_MAX];

/* ---- Declarations ---- */

static uint32_t request_bytes_of(const struct disk_share *s)
{
	return disk_default(s->request_bytes, PAGE_BYTES);
}

static void check_numbers(struct check *k, part_id_t part, uint32_t n)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];
	const struct tuple *const t = &s->bytes_per_s;

	if (t->max != 0)
		refuse_partition(
			k, part,
			"disks[%u].bytes_per_s.max = %llu: nothing holds a share back where "
			"others leave it time; leave it out, or give the disk DISK_BUDGET and "
			"the share a budget",
			n, (ull)t->max);
	else if (t->min > t->usual)
		refuse_partition(
			k, part,
			"disks[%u].bytes_per_s: min = %llu is above usual = %llu; what is "
			"usual is at least what it can be shrunk to: raise usual, or lower "
			"min",
			n, (ull)t->min, (ull)t->usual);
	else if (t->usual > RATE_MAX)
		refuse_partition(
			k, part,
			"disks[%u].bytes_per_s.usual = %llu: no disk has that; give at most "
			"%llu",
			n, (ull)t->usual, (ull)RATE_MAX);
	else if (s->request_bytes % PAGE_BYTES != 0 || s->request_bytes > disk_request_max(s))
		refuse_partition(k, part,
				 "disks[%u].request_bytes = %u: a multiple of 4 KiB, at most its "
				 "request_max of %s; give that, or 0 for 4 KiB",
				 n, s->request_bytes, text_size(disk_request_max(s)).s);
	else if (s->weight != 0)
		refuse_partition(
			k, part,
			"disks[%u].weight = %u: its weight is made of bytes_per_s; leave one "
			"of the two out",
			n, s->weight);
}

static void check_disk(struct check *k, uint32_t disk)
{
	const struct disk_config *const d = &k->config->disks[disk];
	const struct short_text label = check_disk_label(k, disk);

	if (d->scheduler != DISK_BFQ)
		refuse(k, label.s,
		       "bytes_per_s of its shares: only the budget-fair scheduler parts it so; give "
		       "DISK_BFQ, or leave them out");
	else if (d->tuning != DISK_AS_GIVEN)
		refuse(k, label.s,
		       "bytes_per_s of its shares: tuning finds their weights; leave them out, or it");
	else if (d->time.parallel == 0)
		refuse(k, label.s,
		       "time is not given; how many bytes a second there are follows from the times that "
		       "the disk takes: give it, or leave bytes_per_s out");
}

/* ---- What a byte costs ---- */

static uint64_t mean_jitter_ns(const struct service_time_config *t)
{
	uint64_t sum = 0; /* ppm x ns: at most 10^6 x 10^11 */

	if (t->jitter == SERVICE_UNIFORM)
		return (t->uniform_ns + 1) / 2;
	for (uint32_t i = 1; t->jitter == SERVICE_QUANTILES && i < t->quantile_count; i++) {
		const struct service_quantile *const to = &t->quantiles[i], *const from = to - 1;

		sum += (to->ppm - from->ppm) * ((from->ns + to->ns + 1) / 2);
	}
	return (sum + SERVICE_MILLION - 1) / SERVICE_MILLION;
}

/* Of one request, by the disk itself. */
static uint64_t request_ns(const struct disk_config *d, const struct disk_share *s)
{
	const struct service_time_config *const t = &d->time;
	const uint64_t kib = request_bytes_of(s) / 1024;
	const uint64_t read_ns = t->read.fixed_ns + kib * t->read.ns_per_kib;
	const uint64_t write_ns = t->write.fixed_ns + kib * t->write.ns_per_kib +
				  (s->is_writethrough ? t->fua_ns : 0);

	return (s->is_read_only ? read_ns : max_u64(read_ns, write_ns)) + mean_jitter_ns(t);
}

static uint64_t byte_ps_of(const struct config *c, const struct disk_config *d,
			   const struct disk_share *s)
{
	const uint64_t count = min_u64(
		min_u64(disk_default(s->outstanding, 1), disk_default(d->depth, DISK_DEPTH)),
		DISK_STEP_MAX);
	const uint64_t bytes = count * request_bytes_of(s);
	const uint64_t in_turn = (count + d->time.parallel - 1) / d->time.parallel;
	uint64_t ns = in_turn * request_ns(d, s) + plan_disk_service_ns(c, d);

	if (d->kind == DISK_MEMORY)
		ns += (bytes + DISK_COPY_MAX - 1) / DISK_COPY_MAX * PLAN_SERVICE_STEP_NS;
	/* At most 8 x 100 s and some: 10^15 ps, but for the planner's largest periods. */
	return (uint64_t)(((unsigned __int128)ns * 1000 + bytes - 1) / bytes);
}

static uint64_t second_ps_of(const struct service_time_config *t)
{
	if (t->stall_every_ns == 0)
		return SECOND_PS;
	return mul_div(SECOND_PS, t->stall_every_ns - t->stall_ns, t->stall_every_ns);
}

/* ---- Grants ---- */

/* To the largest rate, `largest`; to others, not less than their part of it. */
static void choose_weights(const struct tuple_round *r, uint32_t largest, uint32_t *weights)
{
	uint64_t most = 1;

	for (uint32_t i = 0; i < r->count; i++)
		most = max_u64(most, r->grants[i].given);
	for (uint32_t i = 0; i < r->count; i++)
		weights[i] = (uint32_t)max_u64((r->grants[i].given * largest + most - 1) / most, 1);
}

/* Does everybody have his rate, whatever the others do within the model? */
static bool are_enough(const struct disk_rates *t, uint32_t count)
{
	unsigned __int128 all_ps = 0; /* for as many bytes of each as its weight */
	uint32_t i = 0;

	for (uint32_t n = 0; n < count; n++)
		all_ps += (unsigned __int128)t->weights[n] * t->byte_ps[n];
	while (i < count && (unsigned __int128)t->weights[i] * t->second_ps >= t->given[i] * all_ps)
		i++;
	return i == count;
}

static unsigned __int128 time_of(const struct disk_rates *t, uint32_t count)
{
	unsigned __int128 sum_ps = 0;

	for (uint32_t i = 0; i < count; i++)
		sum_ps += (unsigned __int128)t->given[i] * t->byte_ps[i];
	return sum_ps;
}

/* Weights are whole numbers: where 1000 for the largest is no good, some other may be. */
static bool fits(struct tuple_round *r)
{
	struct disk_rates *const t = &rates[r->of];
	uint32_t largest = DISK_WEIGHT_MAX;

	for (uint32_t i = 0; i < r->count; i++)
		t->given[i] = r->grants[i].given;
	choose_weights(r, largest, t->weights);
	if (time_of(t, r->count) > t->second_ps)
		return false;
	while (!are_enough(t, r->count)) {
		if (--largest <= DISK_WEIGHT_MAX / 2)
			return false;
		choose_weights(r, largest, t->weights);
	}
	return true;
}

static void add_share(struct check *k, uint32_t disk, part_id_t part, const struct disk_share *s)
{
	rates[disk].byte_ps[asked.count] =
		max_u64(byte_ps_of(k->config, &k->config->disks[disk], s), 1);
	asked.grants[asked.count++] =
		(struct tuple_grant){ .who = part,
				      .criticality = k->config->partitions[part].criticality,
				      .wanted = { s->bytes_per_s.usual, s->bytes_per_s.min,
						  s->bytes_per_s.usual } };
}

/* How many shares have rates? All are told what is wrong with theirs. */
static uint32_t check_shares(struct check *k, uint32_t disk)
{
	uint32_t count = 0;

	for (part_id_t i = 0; i < k->partition_count; i++) {
		const struct partition_config *const p = &k->config->partitions[i];

		for (uint32_t n = 0; p->disks && n < p->disk_count && n < CONFIG_SHARE_MAX; n++) {
			if (!disk_is_on(&p->disks[n], &k->config->disks[disk]) ||
			    !rate_is_tuple(&p->disks[n].bytes_per_s))
				continue;
			count++;
			check_numbers(k, i, n);
		}
	}
	return count;
}

static void describe(struct check *k, uint32_t disk)
{
	const struct disk_config *const d = &k->config->disks[disk];

	memset(&rates[disk], 0, sizeof(rates[disk]));
	rates[disk].second_ps = second_ps_of(&d->time);
	asked = (struct tuple_round){ .k = k, .of = disk, .unit = RATE_UNIT, .fits = fits };
	for (part_id_t i = 0; i < k->partition_count; i++) {
		const struct partition_config *const p = &k->config->partitions[i];

		for (uint32_t n = 0; p->disks && n < p->disk_count && n < CONFIG_SHARE_MAX; n++)
			if (disk_is_on(&p->disks[n], d))
				add_share(k, disk, i, &p->disks[n]);
	}
}

/* ---- Refusals ---- */

/* "one 40000000 x 12.5 ns + two ..": as many as there is room for. Returns the sum in ppm of a second. */
static uint64_t add_terms(struct text *t, const struct check *k, const struct disk_rates *d)
{
	unsigned __int128 sum_ps = time_of(d, asked.count);

	for (uint32_t i = 0; i < asked.count; i++) {
		const struct tuple_grant *const g = &asked.grants[i];

		text_add(t, "%s%s %llu x %llu ps", i ? " + " : "", check_short_name(k, g->who).s,
			 (ull)g->given, (ull)d->byte_ps[i]);
	}
	sum_ps = (sum_ps + SECOND_PS / 1000000 - 1) / (SECOND_PS / 1000000);
	return sum_ps > UINT64_MAX ? UINT64_MAX : (uint64_t)sum_ps;
}

static void refuse_minima(struct check *k, uint32_t disk)
{
	const struct disk_rates *const d = &rates[disk];
	char terms[PLAN_INEQUALITY_BYTES];
	struct text t = text_begin(terms, sizeof(terms));
	const uint64_t sum_ppm = add_terms(&t, k, d), all_ppm = d->second_ps / 1000000;
	const bool is_more = sum_ppm > all_ppm;
	const struct short_text label = check_disk_label(k, disk);
	uint64_t most = 0;
	const uint32_t giver = tuple_find_giver(&asked, &most);

	if (giver != asked.count)
		refuse(k, label.s,
		       "bytes_per_s, shrunk to the minima: %s = %s s %s %s s%s; lower that of %s to at "
		       "most %llu",
		       terms, text_ratio(sum_ppm).s, is_more ? ">" : "<=", text_ratio(all_ppm).s,
		       is_more ? " of each" : ", but no weights of 1 to 1000 part it so",
		       check_label(k, asked.grants[giver].who).s, (ull)most);
	else
		refuse(k, label.s,
		       "bytes_per_s, shrunk to the minima: %s = %s s > %s s of each; lower them, or take "
		       "a faster disk, longer requests, or more at a time",
		       terms, text_ratio(sum_ppm).s, text_ratio(all_ppm).s);
}

/* Of different costs, bytes are parted fairly only if turns end by them. */
static bool check_turns(struct check *k, uint32_t disk)
{
	const struct disk_config *const d = &k->config->disks[disk];
	const uint64_t *const byte_ps = rates[disk].byte_ps;
	const uint64_t timeout_ns = plan_timeout_ns(d, NULL);
	uint64_t most = 0, least = UINT64_MAX;

	for (uint32_t i = 0; i < asked.count; i++) {
		most = max_u64(most, byte_ps[i]);
		least = min_u64(least, byte_ps[i]);
	}
	if (most == least || (unsigned __int128)most * disk_max_budget_bytes(d) <=
				     (unsigned __int128)timeout_ns * 1000)
		return true;
	refuse(k, check_disk_label(k, disk).s,
	       "bytes_per_s of shares whose bytes do not cost the same: a turn of up to %s takes longer than "
	       "timeout_sync = %s, and would count for more than it had; give a max_budget of at most "
	       "%llu, or requests of the same length and number at a time",
	       text_size(disk_max_budget_bytes(d)).s, text_time(timeout_ns).s,
	       (ull)(timeout_ns * 1000 / most));
	return false;
}

void check_disk_rates(struct check *k, uint32_t disk, uint32_t before)
{
	const uint32_t all = k->plan->disks[disk].client_count;
	const uint32_t count = check_shares(k, disk);

	if (count == 0)
		return;
	if (count != all)
		refuse(k, check_disk_label(k, disk).s,
		       "bytes_per_s: %u of %u shares have it, and the others' weights do not say what "
		       "they leave; give it to all, or to none",
		       count, all);
	check_disk(k, disk);
	/* Of what makes no sense nothing can be computed. */
	if (k->refusals->count != before || all > DISK_CLIENT_MAX ||
	    service_time_check(&k->config->disks[disk].time) != OK)
		return;
	describe(k, disk);
	if (!check_turns(k, disk))
		return;
	if (tuple_grant_all(&asked))
		k->plan->disks[disk].rates = &rates[disk];
	else
		refuse_minima(k, disk);
}

/* ---- The plan ---- */

static struct short_text bytes_text(uint64_t n)
{
	struct short_text t;

	if (n >= 1000000 && n % 1000000 == 0)
		fmt_text(t.s, sizeof(t.s), "%llu MB/s", (ull)(n / 1000000));
	else if (n >= 1000 && n % 1000 == 0)
		fmt_text(t.s, sizeof(t.s), "%llu kB/s", (ull)(n / 1000));
	else
		fmt_text(t.s, sizeof(t.s), "%llu B/s", (ull)n);
	return t;
}

void plan_print_disk_rate(const struct config *c, const struct plan *plan, uint32_t disk,
			  part_id_t part, uint32_t share, uint32_t guest,
			  void (*put)(const char *text))
{
	const struct disk_share *const s = &c->partitions[part].disks[share];
	const struct tuple wanted = { s->bytes_per_s.usual, s->bytes_per_s.min,
				      s->bytes_per_s.usual };
	const uint64_t given = plan->disks[disk].rates->given[guest];
	const uint32_t count = disk_default(s->outstanding, 1);
	struct tuple_words why = { "" };

	if (given != wanted.usual)
		why = tuple_say(&wanted, given, bytes_text);
	text_line(
		put,
		"  %-15s %s while %u request%s of it always wait%s, of %s or longer, as all shares "
		"have their own%s%s%s",
		"", bytes_text(given).s, count, count == 1 ? "" : "s", count == 1 ? "s" : "",
		text_size(request_bytes_of(s)).s, why.s[0] ? "; " : "", why.s,
		why.s[0] ? ": the disk does no more" : "");
}
