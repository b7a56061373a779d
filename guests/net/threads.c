/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdio.h>
#include "guests/net/mtvd.h"
#include "guests/net/threads.h"
#include "guests/rt/apic.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/smp.h"
#include "guests/rt/ticks.h"
#include "guests/rt/trap.h"

#define VECTOR_WAKE 0x50u
#define BATCH       128u /* frames handed over in a turn: more than come while some are handled */
#define BATCH_OWN   16u  /* .. and handled, by the dispatcher or another thread, in one */
#define PAGE_BYTES  4096u
#define SPIN_US     500u            /* who has been busy looks so long for more before it sleeps */
#define BUSY        (MTVD_RING / 4) /* .. with so many frames */

static struct threads {
	struct port *port;
	struct mtvd mtvd;
	uint8_t *buffers;
	uint64_t sleeps[MTVD_LANE_MAX]; /* of each thread, by itself */
	struct sink_lane lanes[MTVD_LANE_MAX];
} threads;

static struct trap_frame *on_wake(struct trap_frame *frame)
{
	apic_eoi();
	return frame;
}

static uint8_t *buffer_at(const struct threads *t, uint32_t buffer)
{
	return t->buffers + (uint64_t)buffer * IGBVF_BUFFER_BYTES;
}

/* --- a thread ------------------------------------------------------------------------------------ */

/* How many there were. */
static uint32_t handle_some(struct threads *t, uint32_t index)
{
	struct mtvd_lane *l = &t->mtvd.lanes[index];
	struct mtvd_frame frames[BATCH_OWN];
	const uint32_t count = mtvd_next(l, frames, BATCH_OWN);

	for (uint32_t i = 0; i < count; i++)
		sink_handle(&t->lanes[index], buffer_at(t, frames[i].buffer), frames[i].bytes);
	mtvd_done(l, frames, count);
	return count;
}

/*
 * To be woken costs the dispatcher a frame's time. Who has been busy, and is just a bit faster than the dispatcher's
 * own lane, will have more soon.
 */
static bool is_soon_busy(const struct mtvd_lane *l, uint32_t handled)
{
	const uint64_t end = cpu_rdtsc() + ticks_from_us(SPIN_US, guest_info()->tsc_hz);

	if (handled < BUSY)
		return false;
	while (mtvd_is_idle(l) && cpu_rdtsc() < end)
		cpu_pause();
	return !mtvd_is_idle(l);
}

/* Until there is nothing more. */
static void handle_all(struct threads *t, uint32_t index)
{
	uint32_t handled = 0, count;

	do {
		while ((count = handle_some(t, index)) != 0)
			handled += count;
	} while (is_soon_busy(&t->mtvd.lanes[index], handled));
}

/* A wake-up that comes between the look and the sleep ends the sleep: it is held back by IF. */
static void work(void)
{
	const uint32_t index = cpu_index();
	struct mtvd_lane *l = &threads.mtvd.lanes[index];

	for (;;) {
		handle_all(&threads, index);
		cpu_irq_off();
		if (mtvd_may_sleep(l)) {
			threads.sleeps[index]++;
			cpu_wait_irq();
		}
		mtvd_woke(l);
		cpu_irq_on();
	}
}

/* --- the dispatcher ------------------------------------------------------------------------------ */

static void wake(struct threads *t)
{
	uint32_t wanted = mtvd_wanted(&t->mtvd) & ~1u; /* lane 0 is ours */

	for (uint32_t i = 1; wanted >> i; i++)
		if (wanted >> i & 1)
			apic_send(i, VECTOR_WAKE);
}

static uint32_t number_of(const struct threads *t, const uint8_t *data)
{
	return (uint32_t)((uint64_t)(data - t->buffers) / IGBVF_BUFFER_BYTES);
}

static uint32_t dispatch(struct threads *t)
{
	const bool by_flow = t->mtvd.order == MTVD_BY_FLOW;
	struct igbvf_frame came[BATCH];
	struct mtvd_frame frames[BATCH];
	uint32_t room = mtvd_room(&t->mtvd), count;

	count = igbvf_receive_many(&t->port->vf, came, room < BATCH ? room : BATCH);
	for (uint32_t i = 0; i < count; i++) {
		frames[i].buffer = number_of(t, came[i].data);
		frames[i].bytes = came[i].bytes;
		frames[i].flow = by_flow ? traffic_flow(came[i].data) : 0;
	}
	count = mtvd_dispatch(&t->mtvd, frames, count);
	if (!count)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		came[i].instead = buffer_at(t, frames[i].instead);
	igbvf_receive_swap(&t->port->vf, came, count);
	wake(t);
	return count;
}

bool threads_turn(struct threads *t)
{
	const bool has_come = dispatch(t);

	return handle_some(t, 0) != 0 || has_come;
}

uint32_t threads_under_way(struct threads *t)
{
	return mtvd_under_way(&t->mtvd);
}

struct threads *threads_start(struct port *port, const struct sink_lane *model, uint32_t count,
			      bool keeps_flows)
{
	struct threads *t = &threads;

	if (count > MTVD_LANE_MAX || count > smp_cpu_count()) {
		printf("net: %u threads: there are %u CPUs, and %u at most\n", (unsigned)count,
		       (unsigned)smp_cpu_count(), MTVD_LANE_MAX);
		return NULL;
	}
	t->buffers = memalign(PAGE_BYTES,
			      (size_t)(IGBVF_RING + mtvd_buffers(count)) * IGBVF_BUFFER_BYTES);
	if (!t->buffers)
		return NULL;
	t->port = port;
	mtvd_init(&t->mtvd, count, keeps_flows ? MTVD_BY_FLOW : MTVD_ROUND_ROBIN, IGBVF_RING);
	for (uint32_t i = 0; i < count; i++)
		t->lanes[i] = *model;
	igbvf_use_buffers(&port->vf, t->buffers);
	if (!port_restart(port))
		return NULL;
	trap_set_handler(VECTOR_WAKE, on_wake);
	for (uint32_t i = 1; i < count; i++)
		if (!smp_start(i, work))
			return NULL;
	return t;
}

/* --- what it says -------------------------------------------------------------------------------- */

uint32_t threads_count(const struct threads *t)
{
	return t->mtvd.lane_count;
}

const struct sink_lane *threads_lane(const struct threads *t, uint32_t index)
{
	return &t->lanes[index];
}

void threads_say(const struct threads *t)
{
	printf("@{\"net\":\"mtvd\",\"threads\":%u,\"by_flow\":%u,\"dispatched\":%lu,\"wakes\":%lu}\n",
	       (unsigned)t->mtvd.lane_count, t->mtvd.order == MTVD_BY_FLOW, t->mtvd.dispatched,
	       t->mtvd.wakes);
	for (uint32_t i = 0; i < t->mtvd.lane_count; i++)
		printf("@{\"net\":\"lane\",\"lane\":%u,\"received\":%lu,\"late\":%lu,\"sleeps\":%lu}\n",
		       (unsigned)i, t->lanes[i].received, t->lanes[i].late, t->sleeps[i]);
}
