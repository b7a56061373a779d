/* SPDX-License-Identifier: Apache-2.0 */
/* What became of VFs' interrupts and traffic: lines for people, and for tools. */
#include "arch/clock.h"
#include "core/device_rate_parts.h"
#include "core/log.h"

typedef unsigned long long ull;

static const char *kind_name(const struct rate_vf *v)
{
	static const char *const names[] = {
		[IRQ_RATE_UNSET] = "none", [IRQ_FIR] = "fir", [IRQ_CGR] = "cgr", [IRQ_AIR] = "air"
	};

	return names[v->config->irq_rate.kind];
}

static uint64_t to_ns(uint64_t tsc)
{
	return mul_div(tsc, SEC(1), arch_clock_tsc_hz());
}

static uint64_t closed_count(const struct pf *p, uint32_t direction, const struct rate_way *w)
{
	if (w->client == RATE_NO_CLIENT)
		return 0;
	return rate_pfs[p->index].shapers[direction].clients[w->client].closed_count;
}

/*
 * Exits that an interrupt for each packet would have taken, less those that there were: what the device
 * has merged by itself was never raised.
 */
static uint64_t exits_saved(const struct rate_vf *v, const struct irq_counts *c)
{
	const uint64_t most = max_u64(v->traffic.rx_packets, c->raised);

	return most > c->delivered ? most - c->delivered : 0;
}

static void say(const struct pf *p, const struct rate_vf *v, const struct irq_counts *c,
		const char *when)
{
	const struct vf_traffic *const t = &v->traffic;

	log_machine(
		"{\"vf\":\"%s.%u\",\"partition\":\"%s\",\"when\":\"%s\",\"t_ns\":%llu,"
		"\"scheme\":\"%s\",\"rate\":%u,\"rate_min\":%u,\"rate_max\":%u,"
		"\"rate_changes\":%llu,\"windows\":%llu,\"raised\":%llu,\"delivered\":%llu,"
		"\"merged\":%llu,\"masked\":%llu,\"exits_saved\":%llu,\"rx_packets\":%llu,\"rx_bytes\":%llu,"
		"\"tx_packets\":%llu,\"tx_bytes\":%llu}",
		p->config->name, v->vf, v->owner->config->name, when,
		(ull)to_ns(arch_clock_now_tsc()), kind_name(v), v->rate.rate, v->rate_min,
		v->rate_max, (ull)v->rate_changes, (ull)v->windows, (ull)c->raised,
		(ull)c->delivered, (ull)c->merged, (ull)c->masked, (ull)exits_saved(v, c),
		(ull)t->rx_packets, (ull)t->rx_bytes, (ull)t->tx_packets, (ull)t->tx_bytes);
}

static void say_more(const struct pf *p, const struct rate_vf *v)
{
	const struct irq_rate_settings *const s = &v->rate.settings;

	log_machine("{\"rate_of\":\"%s\",\"vf\":\"%s.%u\",\"closed\":%llu,\"send_closed\":%llu,"
		    "\"packet_ns\":%llu,\"interrupt_ns\":%llu,\"capacity\":%llu,\"bound\":%u,"
		    "\"cost_windows\":%u}",
		    v->owner->config->name, p->config->name, v->vf,
		    (ull)closed_count(p, RATE_RECEIVE, &v->receive),
		    (ull)closed_count(p, RATE_SEND, &v->send), (ull)to_ns(s->packet_cost),
		    (ull)to_ns(s->interrupt_cost), (ull)s->capacity, v->rate.bounds[0],
		    v->costs.windows);
}

void rate_report(const struct pf *p, struct rate_vf *v, const char *when)
{
	struct irq_counts c;

	rate_count_interrupts(p, v, &c);
	say(p, v, &c, when);
	if (when[0] != 'e')
		return;
	say_more(p, v);
	log_line(p->tag,
		 "VF %u of '%s': %llu packets received, %llu sent; %llu interrupts delivered, %llu "
		 "merged, %llu exits saved; closed %llu and %llu times",
		 v->vf, v->owner->config->name, (ull)v->traffic.rx_packets,
		 (ull)v->traffic.tx_packets, (ull)c.delivered, (ull)c.merged,
		 (ull)exits_saved(v, &c), (ull)closed_count(p, RATE_RECEIVE, &v->receive),
		 (ull)closed_count(p, RATE_SEND, &v->send));
	log_flush();
}
