/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often network VFs may interrupt, and what they have of their link. What .min promises must fit the
 * link, or is refused; what is usual is shrunk to what fits.
 */
#include "core/plan_rate.h"
#include <string.h>
#include "core/lib/assert.h"
#include "core/lib/fmt.h"
#include "core/plan_check.h"
#include "io/irq_rate.h"
#include "io/shaper.h"

#define WINDOW_MIN_NS  MS(1)
#define WINDOW_MAX_NS  MS(100)
#define COST_MAX_NS    SEC(1)
#define VF_ENTRY_COUNT 3u /* MSI-X entries of an 82576's VF */
#define RATES_BYTES    200u

typedef unsigned long long ull;
typedef unsigned __int128 wide;

/* ---- VFs of a PF ---- */

/* The next VF of `f` after *part, *n; begin with 0, UINT32_MAX. NULL: that was the last. */
static const struct device_config *next_vf(const struct config *c, const struct pf_config *f,
					   part_id_t *part, uint32_t *n)
{
	for (*n += 1; c->partitions && *part < c->partition_count && *part < MAX_PARTITIONS;
	     *part += 1, *n = 0) {
		const struct partition_config *const p = &c->partitions[*part];

		for (; p->devices && *n < p->device_count && *n < CONFIG_DEVICE_MAX; *n += 1) {
			const struct device_config *const d = &p->devices[*n];

			if (d->kind == DEVICE_VF && config_is_same_name(d->name, f->name))
				return d;
		}
	}
	return NULL;
}

enum { WAY_RECEIVE, WAY_SEND, WAY_COUNT };

static struct tuple *bytes_of(struct net_qos *q, uint32_t way)
{
	return way == WAY_RECEIVE ? &q->rx_bytes_per_s : &q->tx_bytes_per_s;
}

static const struct tuple *bytes_of_vf(const struct device_config *d, uint32_t way)
{
	return way == WAY_RECEIVE ? &d->qos.rx_bytes_per_s : &d->qos.tx_bytes_per_s;
}

/* Whose are shrunk first: the partition's criticality, of equal ones the VF's priority. Lower first. */
static uint64_t rank_of(const struct config *c, part_id_t part, const struct device_config *d)
{
	return (uint64_t)c->partitions[part].criticality << 32 | d->qos.priority;
}

struct sums {
	wide min, usual, slack_below, slack_equal; /* of VFs below a rank, and of that one */
};

static struct sums sum_way(const struct config *c, const struct pf_config *f, uint32_t way,
			   uint64_t rank)
{
	const struct device_config *d;
	struct sums s = { 0 };
	part_id_t part = 0;
	uint32_t n = UINT32_MAX;

	while ((d = next_vf(c, f, &part, &n)) != NULL) {
		const struct tuple *const t = bytes_of_vf(d, way);

		s.min += t->min;
		s.usual += t->usual;
		if (rank_of(c, part, d) < rank)
			s.slack_below += t->usual - t->min;
		if (rank_of(c, part, d) == rank)
			s.slack_equal += t->usual - t->min;
	}
	return s;
}

static part_id_t owner_of(const struct config *c, const struct pf_config *f,
			  const struct device_config *d)
{
	part_id_t part = 0;
	uint32_t n = UINT32_MAX;
	const struct device_config *vf;

	do
		vf = next_vf(c, f, &part, &n);
	while (vf && vf != d);
	ASSERT(vf);
	return part;
}

/* Rounded up: what is left fits. */
static uint64_t loss_of(const struct config *c, const struct pf_config *f,
			const struct device_config *d, uint32_t way)
{
	const struct tuple *const t = bytes_of_vf(d, way);
	const struct sums s = sum_way(c, f, way, rank_of(c, owner_of(c, f, d), d));
	const wide room = (wide)rate_link_bytes(f) + s.slack_below;
	const uint64_t own = t->usual - t->min;
	wide need;

	if (s.usual <= room || own == 0)
		return 0;
	need = s.usual - room;
	if (need >= s.slack_equal)
		return own;
	/* Each is at most SHAPER_RATE_MAX, and of few VFs: the product is far below 2^128. */
	return (uint64_t)((need * own + s.slack_equal - 1) / s.slack_equal);
}

struct net_qos plan_grant(const struct config *c, const struct pf_config *f,
			  const struct device_config *d)
{
	struct net_qos granted = d->qos;

	for (uint32_t way = 0; way < WAY_COUNT; way++)
		bytes_of(&granted, way)->usual -= loss_of(c, f, d, way);
	return granted;
}

/* ---- Checks: the rate of interrupts ---- */

/* Where a field is: "devices[1].irq_rate" */
struct place {
	struct check *k;
	part_id_t part;
	uint32_t n;
};

static void refuse_at(const struct place *p, const char *format, ...) PRINTF(2, 3);
static void refuse_at(const struct place *p, const char *format, ...)
{
	char text[PLAN_REFUSAL_BYTES];
	va_list args;

	va_start(args, format);
	fmt_text_v(text, sizeof(text), format, args);
	va_end(args);
	refuse_partition(p->k, p->part, "devices[%u].%s", p->n, text);
}

static void check_adaptive(const struct place *p, const struct irq_rate_config *c)
{
	const struct {
		const char *name;
		uint64_t value, max;
	} all[] = { { "batch", c->batch, IRQ_RATE_LIMIT },
		    { "offset", c->offset, IRQ_RATE_LIMIT },
		    { "threshold", c->threshold, IRQ_RATE_LIMIT },
		    { "min_per_second", c->min_per_second, IRQ_RATE_LIMIT },
		    { "packet_ns", c->packet_ns, COST_MAX_NS },
		    { "interrupt_ns", c->interrupt_ns, COST_MAX_NS } };

	for (uint32_t i = 0; i < ARRAY_SIZE(all); i++)
		if (c->kind != IRQ_AIR && all[i].value != 0)
			refuse_at(p,
				  "irq_rate.%s = %llu: it is for IRQ_AIR; leave it out, or give "
				  "that",
				  all[i].name, (ull)all[i].value);
		else if (all[i].value > all[i].max)
			refuse_at(p, "irq_rate.%s = %llu: at most %llu; give that, or less",
				  all[i].name, (ull)all[i].value, (ull)all[i].max);
}

static void check_numbers(const struct place *p, const struct irq_rate_config *c)
{
	if (c->kind == IRQ_FIR && (c->per_second == 0 || c->per_second > IRQ_RATE_LIMIT))
		refuse_at(p, "irq_rate.per_second = %u: IRQ_FIR is this rate, always; give 1 to %u",
			  c->per_second, IRQ_RATE_LIMIT);
	if (c->kind != IRQ_FIR && c->per_second != 0)
		refuse_at(
			p,
			"irq_rate.per_second = %u: it is the rate of IRQ_FIR, and this kind finds "
			"its own; leave it out, or give that",
			c->per_second);
	check_adaptive(p, c);
	if (c->urgent >= BIT32(VF_ENTRY_COUNT))
		refuse_at(
			p,
			"irq_rate.urgent = 0x%x: a VF has MSI-X entries 0 to %u; clear the others",
			c->urgent, VF_ENTRY_COUNT - 1);
}

static void check_window(const struct place *p, const struct irq_rate_config *c)
{
	const struct cpu_claim *const service = &p->k->config->service;
	const uint64_t window_ns = rate_window_ns(c);

	if (window_ns < WINDOW_MIN_NS || window_ns > WINDOW_MAX_NS)
		refuse_at(p,
			  "irq_rate.window_ns = %s: from one decision to the next it is %s to %s; "
			  "give one of these",
			  text_time(window_ns).s, text_time(WINDOW_MIN_NS).s,
			  text_time(WINDOW_MAX_NS).s);
	else if (service->kind == CPU_RESERVED && window_ns < service->period_ns)
		refuse_at(p,
			  "irq_rate.window_ns = %s: the service, which decides, comes once in %s; "
			  "give at least that, or the service a shorter period",
			  text_time(window_ns).s, text_time(service->period_ns).s);
}

static void check_irq_rate(const struct place *p, const struct irq_rate_config *c)
{
	if (c->kind == IRQ_RATE_UNSET) {
		if (rate_is_given(c))
			refuse_at(p, "irq_rate.kind is not given, but other fields of it are; give "
				     "IRQ_FIR, IRQ_CGR or IRQ_AIR");
		return;
	}
	if (c->kind != IRQ_FIR && c->kind != IRQ_CGR && c->kind != IRQ_AIR) {
		refuse_at(p, "irq_rate.kind = %u: not a choice; give IRQ_FIR, IRQ_CGR or IRQ_AIR",
			  (uint32_t)c->kind);
		return;
	}
	check_numbers(p, c);
	check_window(p, c);
}

/* ---- Checks: shares of the link ---- */

static void check_tuple(const struct place *p, const char *name, const struct tuple *t)
{
	if (t->usual > SHAPER_RATE_MAX)
		refuse_at(p, "qos.%s.usual = %llu: no link has that; give at most %llu", name,
			  (ull)t->usual, (ull)SHAPER_RATE_MAX);
	if (t->min > t->usual)
		refuse_at(
			p,
			"qos.%s: min = %llu is above usual = %llu; what is usual is at least what "
			"it can be shrunk to: raise usual, or lower min",
			name, (ull)t->min, (ull)t->usual);
	if (t->max != 0 && t->usual > t->max)
		refuse_at(p,
			  "qos.%s: usual = %llu is above max = %llu; it never has more than max: "
			  "raise max, or lower usual",
			  name, (ull)t->usual, (ull)t->max);
}

static void check_qos(const struct place *p, const struct net_qos *q)
{
	check_tuple(p, "rx_bytes_per_s", &q->rx_bytes_per_s);
	check_tuple(p, "tx_bytes_per_s", &q->tx_bytes_per_s);
	check_tuple(p, "rx_packets_per_s", &q->rx_packets_per_s);
	check_tuple(p, "tx_packets_per_s", &q->tx_packets_per_s);
}

void check_rate(struct check *k, part_id_t part, uint32_t n, const struct pf_config *f)
{
	const struct device_config *const d = &k->config->partitions[part].devices[n];
	const struct place p = { k, part, n };

	if (!f || !rate_is_network(f->driver)) {
		refuse_at(&p,
			  "irq_rate and qos are for network VFs, and %s is not one; leave "
			  "them out",
			  text_quoted(d->name).s);
		return;
	}
	check_irq_rate(&p, &d->irq_rate);
	check_qos(&p, &d->qos);
}

/* "one 80000000 + two 60000000": as many as fit. */
static void add_minima(struct text *t, const struct check *k, const struct pf_config *f,
		       uint32_t way)
{
	const struct device_config *d;
	const char *plus = "";
	part_id_t part = 0;
	uint32_t n = UINT32_MAX;

	while ((d = next_vf(k->config, f, &part, &n)) != NULL) {
		const uint64_t min = bytes_of_vf(d, way)->min;

		if (min == 0)
			continue;
		text_add(t, "%s%s %llu", plus, check_short_name(k, part).s, (ull)min);
		plus = " + ";
	}
}

/* The least critical of those that can give all of the excess; false: none of them alone. */
static bool find_giver(const struct config *c, const struct pf_config *f, uint32_t way, wide excess,
		       part_id_t *giver, uint32_t *at)
{
	const struct device_config *d;
	part_id_t part = 0;
	uint32_t n = UINT32_MAX;
	uint64_t lowest = UINT64_MAX;
	bool is_found = false;

	while ((d = next_vf(c, f, &part, &n)) != NULL) {
		if (bytes_of_vf(d, way)->min < excess ||
		    (is_found && rank_of(c, part, d) >= lowest))
			continue;
		is_found = true;
		lowest = rank_of(c, part, d);
		*giver = part;
		*at = n;
	}
	return is_found;
}

static void check_way(struct check *k, const struct pf_config *f, uint32_t way)
{
	const char *const field = way == WAY_RECEIVE ? "rx_bytes_per_s" : "tx_bytes_per_s";
	const struct sums s = sum_way(k->config, f, way, 0);
	const uint64_t link = rate_link_bytes(f);
	char minima[PLAN_INEQUALITY_BYTES];
	struct text t = text_begin(minima, sizeof(minima));
	part_id_t part = 0;
	uint32_t n = 0;

	/* Beyond 64 bits, one of them has been refused by itself. */
	if (s.min <= link || s.min > UINT64_MAX)
		return;
	add_minima(&t, k, f, way);
	if (find_giver(k->config, f, way, s.min - link, &part, &n))
		refuse_system(k,
			      "qos.%s.min of %s: %s = %llu > %llu, its link; lower that of %s "
			      "devices[%u] to at most %llu",
			      field, text_quoted(f->name).s, minima, (ull)s.min, (ull)link,
			      check_label(k, part).s, n,
			      (ull)(bytes_of_vf(&k->config->partitions[part].devices[n], way)->min -
				    (s.min - link)));
	else
		refuse_system(k,
			      "qos.%s.min of %s: %s = %llu > %llu, its link; lower them by %llu "
			      "in all",
			      field, text_quoted(f->name).s, minima, (ull)s.min, (ull)link,
			      (ull)(s.min - link));
}

void check_link(struct check *k, const struct pf_config *f)
{
	for (uint32_t way = 0; way < WAY_COUNT; way++)
		check_way(k, f, way);
}

/* ---- What the plan says ---- */

static struct short_text per_second(uint64_t n, const char *unit)
{
	struct short_text t;

	if (n >= 1000000 && n % 1000000 == 0)
		fmt_text(t.s, sizeof(t.s), "%llu M%s/s", (ull)(n / 1000000), unit);
	else if (n >= 1000 && n % 1000 == 0)
		fmt_text(t.s, sizeof(t.s), "%llu k%s/s", (ull)(n / 1000), unit);
	else
		fmt_text(t.s, sizeof(t.s), "%llu %s/s", (ull)n, unit);
	return t;
}

static void add_irq_rate(struct text *t, const struct irq_rate_config *c)
{
	static const char *const kinds[] = {
		[IRQ_FIR] = "FIR", [IRQ_CGR] = "CGR", [IRQ_AIR] = "AIR"
	};

	if (c->kind == IRQ_RATE_UNSET) {
		text_add(t, "interrupts as often as the device likes");
		return;
	}
	text_add(t, "%s", kinds[c->kind]);
	if (c->kind == IRQ_FIR)
		text_add(t, ": %u interrupts a second", c->per_second);
	else
		text_add(t, ", decides every %s", text_time(rate_window_ns(c)).s);
	if (c->kind == IRQ_AIR) {
		const struct irq_rate_settings s = irq_rate_defaults(IRQ_RATE_ADAPTIVE);

		text_add(t, ", %u packets on each interrupt, at least %u a second",
			 c->batch ? c->batch : s.batch,
			 c->min_per_second ? c->min_per_second : s.min);
		text_add(t, ", costs %s",
			 c->packet_ns && c->interrupt_ns   ? "as given"
			 : c->packet_ns || c->interrupt_ns ? "as given, and measured"
							   : "measured");
	}
	if (c->urgent != 0)
		text_add(t, ", entries 0x%x at once", c->urgent);
}

static void add_tuple(struct text *t, const char *what, const char *unit, const struct tuple *u,
		      uint64_t wanted)
{
	const char *comma = " ";

	if (!rate_is_tuple(u))
		return;
	text_add(t, "%s%s", t->length ? "; " : "", what);
	if (u->usual != 0) {
		text_add(t, " %s", per_second(u->usual, unit).s);
		comma = ", ";
	}
	if (wanted != u->usual)
		text_add(t, " (shrunk from %s: the link has no more)", per_second(wanted, unit).s);
	if (u->max != 0)
		text_add(t, "%sat most %s", comma, per_second(u->max, unit).s);
}

static void print_vf(const struct config *c, const struct pf_config *f, part_id_t part,
		     const struct device_config *d, void (*put)(const char *text))
{
	const struct net_qos q = plan_grant(c, f, d);
	char text[RATES_BYTES];
	struct text t = text_begin(text, sizeof(text));

	add_irq_rate(&t, &d->irq_rate);
	text_line(put, "  %-15s VF %u: %s", c->partitions[part].name, d->index, t.out);
	if (!rate_has_qos(&q))
		return;
	t = text_begin(text, sizeof(text));
	add_tuple(&t, "receives", "B", &q.rx_bytes_per_s, d->qos.rx_bytes_per_s.usual);
	add_tuple(&t, "receives", "packets", &q.rx_packets_per_s, q.rx_packets_per_s.usual);
	add_tuple(&t, "sends", "B", &q.tx_bytes_per_s, d->qos.tx_bytes_per_s.usual);
	add_tuple(&t, "sends", "packets", &q.tx_packets_per_s, q.tx_packets_per_s.usual);
	text_line(put, "  %-15s %s; priority %u", "", t.out, q.priority);
}

static void print_pf(const struct config *c, const struct pf_config *f,
		     void (*put)(const char *text))
{
	const struct device_config *d;
	part_id_t part = 0;
	uint32_t n = UINT32_MAX;

	if (c->service.kind == CPU_OWNED)
		text_line(put, "network %s: %s each way, looked at all the time", f->name,
			  per_second(rate_link_bytes(f), "B").s);
	else
		text_line(put, "network %s: %s each way, looked at every %s", f->name,
			  per_second(rate_link_bytes(f), "B").s, text_time(c->service.period_ns).s);
	while ((d = next_vf(c, f, &part, &n)) != NULL)
		print_vf(c, f, part, d, put);
}

void plan_print_rates(const struct config *c, void (*put)(const char *text))
{
	for (uint32_t i = 0; i < c->pf_count; i++)
		if (rate_is_network(c->pfs[i].driver))
			print_pf(c, &c->pfs[i], put);
}
