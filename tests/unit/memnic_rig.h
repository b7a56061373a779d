/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/memnic_rig.h - a controller in memory, and at each port the driver of guests/net, unchanged.
 *
 * Model    A guest's memory is its driver's rings and buffers, at the addresses that they have here; around
 *	    them lies what nobody may write. Time passes where a test, or a driver's wait, lets it
 *	    pass: a poll in each RIG_POLL_NS.
 */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "core/lib/assert.h"
#include "guests/net/igbvf.h"
#include "io/memnic.h"
#include "io/memnic_regs.h"
#include "tests/test.h"

#ifndef RIG_PORTS
#define RIG_PORTS 4u
#endif
#define RIG_POLL_NS  500u
#define RIG_LINK     UINT64_C(125000000)
#define RIG_GUARD    4096u
#define RIG_CANARY   0xa5
#define RIG_WIRE     24u
#define RIG_PATIENCE MS(2)

struct rig_port {
	uint8_t page[MEMNIC_BAR_BYTES] __attribute__((aligned(4096)));
	uint8_t before[RIG_GUARD];
	struct igbvf_memory memory;
	uint8_t behind[RIG_GUARD];
	struct gmem ram;
	struct igbvf driver;
	uint64_t messages[MEMNIC_VECTORS], last_ns[MEMNIC_VECTORS], closest_ns;
	bool rearms; /* as the driver's interrupt handler does */
};

static struct {
	struct memnic m;
	uint64_t now_ns, step_ns;
	struct rig_port ports[RIG_PORTS];
} rig;

static inline uint32_t *rig_reg(uint32_t port, uint32_t reg)
{
	return (uint32_t *)(void *)&rig.ports[port].page[reg];
}

static inline void rig_message(struct rig_port *p, uint32_t vector)
{
	if (p->messages[vector]++ != 0)
		p->closest_ns = min_u64(p->closest_ns, rig.now_ns - p->last_ns[vector]);
	p->last_ns[vector] = rig.now_ns;
	if (p->rearms)
		igbvf_rearm(&p->driver);
}

static inline void rig_poll(void)
{
	uint32_t ports;

	rig.now_ns += rig.step_ns;
	ports = memnic_poll(&rig.m, rig.now_ns);
	for (uint32_t i = 0; i < RIG_PORTS; i++) {
		const uint32_t vectors = memnic_take_vectors(&rig.m, i);

		ASSERT((vectors != 0) == ((ports & BIT32(i)) != 0) && vectors < 8);
		for (uint32_t n = 0; n < MEMNIC_VECTORS; n++)
			if (vectors & BIT32(n))
				rig_message(&rig.ports[i], n);
	}
}

static inline void rig_pass(uint64_t ns)
{
	for (const uint64_t until_ns = rig.now_ns + ns; rig.now_ns < until_ns;)
		rig_poll();
}

static inline uint32_t rig_read(void *context, uint32_t reg)
{
	return *(volatile uint32_t *)(void *)&((struct rig_port *)context)->page[reg];
}

static inline void rig_write(void *context, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(void *)&((struct rig_port *)context)->page[reg] = value;
}

static inline uint64_t rig_now(void *context)
{
	rig_poll();
	return rig.now_ns;
}

static inline void rig_add(uint32_t i, uint16_t vlan, uint32_t priority)
{
	struct rig_port *const p = &rig.ports[i];
	struct memnic_port port = { .page = p->page,
				    .memory = &p->ram,
				    .mac = { 2, 0, 0, 0, 0, (uint8_t)(i + 1) },
				    .vlan = vlan,
				    .priority = priority };
	const struct igbvf_io io = { rig_read, rig_write, rig_now, p };

	memset(p, 0, sizeof(*p));
	memset(p->before, RIG_CANARY, sizeof(p->before));
	memset(p->behind, RIG_CANARY, sizeof(p->behind));
	p->ram = (struct gmem){ .range_count = 1 };
	p->ram.ranges[0] = (struct gmem_range){ (uint64_t)(uintptr_t)&p->memory, sizeof(p->memory),
						(uint8_t *)&p->memory };
	p->closest_ns = UINT64_MAX;
	p->rearms = true;
	CHECK(memnic_add(&rig.m, i, &port) == OK);
	memnic_set_master(&rig.m, i, true);
	igbvf_init(&p->driver, &io, &p->memory, RIG_PATIENCE);
}

static inline void rig_begin(uint64_t link)
{
	memset(&rig.m, 0, sizeof(rig.m));
	rig.now_ns = SEC(1);
	rig.step_ns = RIG_POLL_NS;
	memnic_init(&rig.m, link, rig.now_ns);
}

/* As port_open() of guests/net does. */
static inline void rig_open(uint32_t i)
{
	struct igbvf *const d = &rig.ports[i].driver;

	CHECK(igbvf_reset(d) == IGBVF_OK);
	CHECK(igbvf_start(d) == IGBVF_OK);
	igbvf_interrupt(d);
	CHECK(igbvf_link_is_up(d));
	rig_pass(US(20)); /* each port has been looked at */
}

/* So many ports without VLAN or priority, all open. */
static inline void rig_with(uint32_t ports, uint64_t link)
{
	rig_begin(link);
	for (uint32_t i = 0; i < ports; i++)
		rig_add(i, 0, 0);
	for (uint32_t i = 0; i < ports; i++)
		rig_open(i);
}

#define RIG_ALL 255u

/* A frame whose bytes follow from `seed`. False: there is no room for it. */
static inline bool rig_send_from(uint32_t from, uint32_t source, uint32_t to, uint32_t bytes,
				 uint32_t seed)
{
	struct igbvf *const d = &rig.ports[from].driver;
	uint8_t *const room = igbvf_send_buffer(d);

	if (!room)
		return false;
	for (uint32_t i = 0; i < bytes; i++)
		room[i] = (uint8_t)(seed + 7 * i);
	memset(room, 0, 12);
	room[0] = room[6] = 2;
	room[5] = (uint8_t)(to + 1);
	room[11] = (uint8_t)(source + 1);
	if (to == RIG_ALL)
		memset(room, 0xff, 6);
	igbvf_send(d, bytes);
	return true;
}

static inline bool rig_send(uint32_t from, uint32_t to, uint32_t bytes, uint32_t seed)
{
	return rig_send_from(from, from, to, bytes, seed);
}

/* The next frame of a port is that one. */
static inline bool rig_got(uint32_t port, uint32_t from, uint32_t bytes, uint32_t seed)
{
	struct igbvf *const d = &rig.ports[port].driver;
	uint32_t got = 0;
	const uint8_t *const at = igbvf_receive(d, &got);
	bool is_same = at && got == (bytes < 60 ? 60 : bytes) && at[11] == from + 1;

	for (uint32_t i = 12; is_same && i < got; i++)
		is_same = at[i] == (i < bytes ? (uint8_t)(seed + 7 * i) : 0);
	if (at)
		igbvf_receive_done(d);
	return is_same;
}

static inline uint32_t rig_drop_all(uint32_t port)
{
	uint32_t n = 0, bytes;

	for (; igbvf_receive(&rig.ports[port].driver, &bytes); n++)
		igbvf_receive_done(&rig.ports[port].driver);
	return n;
}

static inline bool rig_is_untouched(uint32_t i)
{
	const struct rig_port *const p = &rig.ports[i];

	for (uint32_t n = 0; n < RIG_GUARD; n++)
		if (p->before[n] != RIG_CANARY || p->behind[n] != RIG_CANARY)
			return false;
	return true;
}
