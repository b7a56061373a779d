/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_rate.h - network VFs: what irq_rate and qos mean where they say nothing, and what the link has
 * room for. Pure; for the planner and for core/device_rate.c, which must agree.
 */
#pragma once
#include "core/plan.h"

#define RATE_LINK_BYTES    UINT64_C(125000000) /* 1 Gbit/s */
#define RATE_WINDOW_NS     MS(100)
#define RATE_WINDOW_AIR_NS MS(10)

static inline uint64_t rate_window_ns(const struct irq_rate_config *c)
{
	if (c->window_ns != 0)
		return c->window_ns;
	return c->kind == IRQ_AIR ? RATE_WINDOW_AIR_NS : RATE_WINDOW_NS;
}

static inline uint64_t rate_link_bytes(const struct pf_config *f)
{
	return f->link_bytes_per_s != 0 ? f->link_bytes_per_s : RATE_LINK_BYTES;
}

static inline bool rate_is_network(enum pf_driver driver)
{
	return driver == PF_IGB || driver == PF_MEMORY;
}

static inline bool rate_is_given(const struct irq_rate_config *c)
{
	return c->kind != IRQ_RATE_UNSET || c->per_second != 0 || c->window_ns != 0 ||
	       c->batch != 0 || c->offset != 0 || c->threshold != 0 || c->min_per_second != 0 ||
	       c->packet_ns != 0 || c->interrupt_ns != 0 || c->urgent != 0;
}

static inline bool rate_is_tuple(const struct tuple *t)
{
	return t->usual != 0 || t->min != 0 || t->max != 0;
}

static inline bool rate_has_qos(const struct net_qos *q)
{
	return rate_is_tuple(&q->rx_bytes_per_s) || rate_is_tuple(&q->tx_bytes_per_s) ||
	       rate_is_tuple(&q->rx_packets_per_s) || rate_is_tuple(&q->tx_packets_per_s);
}

/*
 * What this VF of `f` gets: its qos, with usual rates that fit the link. Where those of all its VFs do
 * not, the ones of the least critical partitions, and of these of the lowest priority, are shrunk first, in
 * proportion to what lies between usual and min. `d` is one of c's.
 */
struct net_qos plan_grant(const struct config *c, const struct pf_config *f,
			  const struct device_config *d);
void plan_print_rates(const struct config *c, void (*put)(const char *text)) __attribute__((weak));
