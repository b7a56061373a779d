/* SPDX-License-Identifier: Apache-2.0 */
/* tools/sim/nic_sim.c - see tools/sim/nic_sim.h. */
#include "tools/sim/nic_sim.h"
#include <stdlib.h>
#include "tools/sim/nic_event.h"
#include "tools/sim/sim_random.h"

#define NEVER        UINT64_MAX
#define HEADERS      66u   /* of a packet on the wire, with its gap: UDP, IP, Ethernet */
#define WAITING_MAX  8192u /* packets of one sender that are under way */
#define LATENCY_MAX  400000u
#define RUN_LATENCY  24u /* ms: each that wants to run does so once in it */
#define BURST_PARTS  4u
#define PREEMPT_LEAD 4u /* ms */

/* Times, in their order. */
struct fifo {
	uint32_t head, count;
	uint64_t at[WAITING_MAX];
	bool is_lost[WAITING_MAX];
};

struct guest {
	/* Sender */
	struct fifo on_wire, answers;
	double window, in_flight;
	uint64_t recovered, interval;
	struct sim_random random;
	/* Device */
	uint32_t ring_count, ring_head;
	uint64_t ring_sent[NIC_RING_MAX]; /* when its sender sent it */
	uint64_t may_interrupt, packets, bytes;
	bool is_masked, has_cause;
	struct irq_rate rate;
	/* Driver */
	bool is_interrupted, is_awake;
	uint64_t ran; /* weighted alike: CFS's virtual run time */
	uint64_t received;
};

enum job { JOB_NONE, JOB_HOST, JOB_CHANGE, JOB_INTERRUPT, JOB_PACKET };

struct core {
	enum job job;
	uint32_t raised[NIC_GUEST_MAX], raised_count; /* interrupts that the host has not taken */
	uint32_t current, job_guest;
	bool has_current, has_run; /* it runs; it was the last one */
	bool has_woken;            /* somebody may preempt it */
	uint64_t slice_end, least_ran;
};

struct sim {
	const struct nic_sim_config *c;
	struct nic_events events;
	uint64_t now, link_free, measured_from;
	uint64_t way, wire;
	struct core cores[NIC_CORE_MAX];
	struct nic_sim_result r;
	uint64_t busy, latency_count;
	uint64_t *latency;
	struct guest guests[NIC_GUEST_MAX];
};

/* Sources of events. */
static uint32_t arrival_of(uint32_t guest)
{
	return guest;
}

static uint32_t throttle_of(uint32_t guest)
{
	return NIC_GUEST_MAX + guest;
}

static uint32_t answer_of(uint32_t guest)
{
	return 2 * NIC_GUEST_MAX + guest;
}

static uint32_t core_source(uint32_t core)
{
	return 3 * NIC_GUEST_MAX + core;
}

#define CONTROLLER (3 * NIC_GUEST_MAX + NIC_CORE_MAX)

static uint64_t cycles_of(const struct sim *s, uint64_t ns)
{
	return mul_div(ns, s->c->hz, SEC(1));
}

static uint64_t ns_of(const struct sim *s, uint64_t cycles)
{
	return mul_div(cycles, SEC(1), s->c->hz);
}

static bool is_measured(const struct sim *s)
{
	return s->now >= s->measured_from;
}

static void push(struct fifo *f, uint64_t at, bool is_lost)
{
	uint32_t i = (f->head + f->count++) % WAITING_MAX;

	f->at[i] = at;
	f->is_lost[i] = is_lost;
}

static uint64_t first(const struct fifo *f)
{
	return f->count ? f->at[f->head] : NEVER;
}

static void pop(struct fifo *f)
{
	f->head = (f->head + 1) % WAITING_MAX;
	f->count--;
}

/* --- senders ------------------------------------------------------------------------------ */

static void put_on_wire(struct sim *s, uint32_t i)
{
	struct guest *g = &s->guests[i];

	s->link_free = max_u64(s->now, s->link_free) + s->wire;
	push(&g->on_wire, s->link_free + s->way, false);
	nic_event_set(&s->events, arrival_of(i), first(&g->on_wire));
	s->r.sent += is_measured(s);
}

static void send_window(struct sim *s, uint32_t i)
{
	struct guest *g = &s->guests[i];

	while (g->in_flight + 1 <= g->window && g->on_wire.count < WAITING_MAX) {
		g->in_flight++;
		put_on_wire(s, i);
	}
}

static void next_open_arrival(struct sim *s, uint32_t i)
{
	struct guest *g = &s->guests[i];
	uint64_t at = s->now + g->interval / 2 + sim_random_below(&g->random, g->interval + 1);
	uint64_t burst = cycles_of(s, s->c->burst_ns);

	/* Guests begin one after the other. */
	if (burst && (at / burst + i) % BURST_PARTS != 0)
		at = (at / burst + BURST_PARTS - (at / burst + i) % BURST_PARTS) * burst;
	nic_event_set(&s->events, arrival_of(i), at);
	s->r.sent += is_measured(s);
}

/* A packet is acknowledged, or answered, or missed. */
static void on_answer(struct sim *s, uint32_t i)
{
	struct guest *g = &s->guests[i];
	bool is_lost = g->answers.is_lost[g->answers.head];

	pop(&g->answers);
	nic_event_set(&s->events, answer_of(i), first(&g->answers));
	g->in_flight--;
	if (s->c->load == NIC_REQUESTS) {
		send_window(s, i);
		return;
	}
	if (!is_lost) {
		g->window += g->window < s->c->window ? 1 / g->window : 0;
	} else if (s->now > g->recovered) {
		g->window = g->window > 4 ? g->window / 2 : 2;
		g->recovered = s->now + cycles_of(s, MS(1));
	}
	send_window(s, i);
}

static void answer(struct sim *s, uint32_t i, bool is_lost)
{
	struct guest *g = &s->guests[i];

	if (s->c->load == NIC_OPEN)
		return;
	push(&g->answers, s->now + s->way, is_lost);
	nic_event_set(&s->events, answer_of(i), first(&g->answers));
}

/* --- the device --------------------------------------------------------------------------- */

static void start_core(struct sim *s, uint32_t core);

static void interrupt(struct sim *s, uint32_t i)
{
	struct guest *g = &s->guests[i];
	struct core *core = &s->cores[i % s->c->cores];

	if (s->now < g->may_interrupt) {
		nic_event_set(&s->events, throttle_of(i), g->may_interrupt);
		return;
	}
	g->may_interrupt = s->now + s->c->hz / g->rate.rate;
	g->has_cause = false;
	g->is_masked = s->c->masks;
	s->r.interrupts += is_measured(s);
	core->raised[core->raised_count++] = i;
	start_core(s, i % s->c->cores);
}

static void on_throttle(struct sim *s, uint32_t i)
{
	nic_event_set(&s->events, throttle_of(i), NEVER);
	if (s->guests[i].has_cause && !s->guests[i].is_masked)
		interrupt(s, i);
}

static void arrive(struct sim *s, uint32_t i, uint64_t sent)
{
	struct guest *g = &s->guests[i];

	if (g->ring_count == s->c->ring) {
		s->r.lost += is_measured(s);
		answer(s, i, true);
		return;
	}
	g->ring_sent[(g->ring_head + g->ring_count++) % NIC_RING_MAX] = sent;
	g->packets++;
	g->bytes += s->c->size + HEADERS - 24;
	if (!g->has_cause) {
		g->has_cause = true;
		if (!g->is_masked)
			interrupt(s, i);
	}
}

static void on_arrival(struct sim *s, uint32_t i)
{
	struct guest *g = &s->guests[i];

	if (s->c->load == NIC_OPEN) {
		next_open_arrival(s, i);
		arrive(s, i, s->now);
		return;
	}
	pop(&g->on_wire);
	nic_event_set(&s->events, arrival_of(i), first(&g->on_wire));
	arrive(s, i, s->now - s->way - s->wire);
}

static void on_controller(struct sim *s)
{
	for (uint32_t i = 0; i < s->c->guests; i++) {
		struct guest *g = &s->guests[i];
		struct irq_rate_sample sample = { .packets = g->packets,
						  .bytes = g->bytes,
						  .elapsed_ns = s->c->window_ns,
						  .has_link = true };

		irq_rate_tick(&g->rate, &sample);
	}
	nic_event_set(&s->events, CONTROLLER, s->now + cycles_of(s, s->c->window_ns));
}

/* --- a core ------------------------------------------------------------------------------- */

static void begin_job(struct sim *s, uint32_t core, enum job job, uint64_t cycles)
{
	s->cores[core].job = job;
	s->busy += is_measured(s) ? cycles : 0;
	nic_event_set(&s->events, core_source(core), s->now + cycles);
}

/* The guest of this core that has run least and wants to; none: the number of guests. */
static uint32_t most_behind(const struct sim *s, uint32_t core)
{
	uint32_t best = s->c->guests;

	for (uint32_t i = core; i < s->c->guests; i += s->c->cores)
		if (s->guests[i].is_awake &&
		    (best == s->c->guests || s->guests[i].ran < s->guests[best].ran))
			best = i;
	return best;
}

static uint32_t awake_count(const struct sim *s, uint32_t core)
{
	uint32_t count = 0;

	for (uint32_t i = core; i < s->c->guests; i += s->c->cores)
		count += s->guests[i].is_awake;
	return count;
}

static void run_guest(struct sim *s, uint32_t core)
{
	struct core *c = &s->cores[core];
	struct guest *g = &s->guests[c->current];

	if (g->is_interrupted) {
		g->is_interrupted = false;
		g->ran += s->c->costs.guest;
		begin_job(s, core, JOB_INTERRUPT, s->c->costs.guest);
	} else {
		uint64_t cost =
			s->c->costs.packet + (s->c->load == NIC_REQUESTS ? s->c->answer : 0);

		g->ran += cost;
		begin_job(s, core, JOB_PACKET, cost);
	}
}

static bool is_behind(const struct sim *s, uint32_t guest, uint32_t other)
{
	return s->guests[guest].ran + cycles_of(s, MS(PREEMPT_LEAD)) <= s->guests[other].ran;
}

static void choose_guest(struct sim *s, uint32_t core)
{
	struct core *c = &s->cores[core];
	uint32_t next = most_behind(s, core), others = awake_count(s, core);
	uint64_t cost;
	bool stays = c->has_current && next < s->c->guests && s->guests[c->current].is_awake;

	if (next == s->c->guests)
		return;
	if (stays && s->now < c->slice_end && !(c->has_woken && is_behind(s, next, c->current)))
		next = c->current;
	c->has_woken = false;
	c->least_ran = max_u64(c->least_ran, s->guests[next].ran);
	if (c->has_current && next == c->current) {
		if (s->now >= c->slice_end)
			c->slice_end = s->now + cycles_of(s, MS(RUN_LATENCY)) / others;
		run_guest(s, core);
		return;
	}
	cost = c->has_run && c->current == next ? s->c->costs.wake : s->c->costs.change;
	c->current = next;
	c->has_current = c->has_run = true;
	c->slice_end = s->now + cycles_of(s, MS(RUN_LATENCY)) / others;
	s->r.changes += is_measured(s) && cost != 0;
	begin_job(s, core, JOB_CHANGE, cost);
}

/* What it does next, if it does nothing. */
static void start_core(struct sim *s, uint32_t core)
{
	struct core *c = &s->cores[core];

	if (c->job != JOB_NONE)
		return;
	if (c->raised_count > 0) {
		c->job_guest = c->raised[--c->raised_count];
		begin_job(s, core, JOB_HOST, s->c->costs.host);
		return;
	}
	choose_guest(s, core);
}

/* A waking guest has not saved more than half a period. */
static void wake(struct sim *s, uint32_t core, uint32_t i)
{
	struct guest *g = &s->guests[i];
	uint64_t credit = cycles_of(s, MS(RUN_LATENCY)) / 2, least = s->cores[core].least_ran;

	g->is_interrupted = true;
	if (g->is_awake)
		return;
	g->is_awake = s->cores[core].has_woken = true;
	g->ran = max_u64(g->ran, least > credit ? least - credit : 0);
}

/* The ring is empty: it sleeps, and its guest's time on the core is over. */
static void sleep_guest(struct sim *s, uint32_t core, uint32_t i)
{
	struct guest *g = &s->guests[i];

	g->is_awake = g->is_interrupted;
	g->is_masked = false;
	if (!g->is_awake)
		s->cores[core].has_current = false;
	if (g->has_cause)
		interrupt(s, i);
}

static void note_latency(struct sim *s, uint64_t cycles)
{
	if (is_measured(s) && s->latency_count < LATENCY_MAX)
		s->latency[s->latency_count++] = cycles;
}

static void packet_done(struct sim *s, uint32_t i)
{
	struct guest *g = &s->guests[i];

	note_latency(s, s->now + s->way - g->ring_sent[g->ring_head]);
	g->ring_head = (g->ring_head + 1) % NIC_RING_MAX;
	g->ring_count--;
	g->received += is_measured(s);
	answer(s, i, false);
}

static void on_core(struct sim *s, uint32_t core)
{
	struct core *c = &s->cores[core];
	enum job job = c->job;
	uint32_t i = c->current;

	c->job = JOB_NONE;
	nic_event_set(&s->events, core_source(core), NEVER);
	if (job == JOB_HOST)
		wake(s, core, c->job_guest);
	if (job == JOB_PACKET)
		packet_done(s, i);
	if ((job == JOB_PACKET || job == JOB_INTERRUPT) && s->guests[i].ring_count == 0)
		sleep_guest(s, core, i);
	start_core(s, core);
}

/* --- all of it ---------------------------------------------------------------------------- */

static void dispatch(struct sim *s, uint32_t source)
{
	if (source < throttle_of(0))
		on_arrival(s, source);
	else if (source < answer_of(0))
		on_throttle(s, source - throttle_of(0));
	else if (source < core_source(0))
		on_answer(s, source - answer_of(0));
	else if (source < CONTROLLER)
		on_core(s, source - core_source(0));
	else
		on_controller(s);
}

static void begin(struct sim *s)
{
	const struct nic_sim_config *c = s->c;

	s->way = cycles_of(s, c->way_ns);
	s->wire = mul_div((c->size + HEADERS) * 8, c->hz, c->link_bits);
	s->measured_from = cycles_of(s, c->warm_up_ns);
	for (uint32_t i = 0; i < c->guests; i++) {
		struct guest *g = &s->guests[i];

		g->random = sim_random_stream(c->seed, i);
		irq_rate_init(&g->rate, &c->rate);
		g->interval = c->offered ? c->hz * c->guests / c->offered : 1;
		g->interval /= c->burst_ns ? BURST_PARTS : 1;
		g->window = (double)(c->load == NIC_CLOSED ? min_u64(10, c->window) : c->window);
		if (c->load == NIC_OPEN)
			nic_event_set(&s->events, arrival_of(i),
				      sim_random_below(&g->random, g->interval + 1));
		else
			send_window(s, i);
	}
	nic_event_set(&s->events, CONTROLLER, cycles_of(s, c->window_ns));
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sum_up(struct sim *s, struct nic_sim_result *r)
{
	uint64_t duration = cycles_of(s, s->c->duration_ns), sum = 0;

	s->r.least_received = UINT64_MAX;
	for (uint32_t i = 0; i < s->c->guests; i++) {
		s->r.received += s->guests[i].received;
		s->r.least_received = min_u64(s->r.least_received, s->guests[i].received);
		s->r.most_received = max_u64(s->r.most_received, s->guests[i].received);
	}
	s->r.bits = mul_div(s->r.received * s->c->size * 8, s->c->hz, duration);
	s->r.interrupt_rate = mul_div(s->r.interrupts, s->c->hz, duration);
	s->r.cpu_permille = mul_div(s->busy, 1000, duration);
	s->r.loss_ppm = s->r.sent ? mul_div(s->r.lost, 1000000, s->r.sent) : 0;
	s->r.last_rate = s->guests[0].rate.rate;
	qsort(s->latency, s->latency_count, sizeof(s->latency[0]), compare);
	for (uint64_t i = 0; i < s->latency_count; i++)
		sum += s->latency[i];
	if (s->latency_count) {
		s->r.mean_ns = ns_of(s, sum / s->latency_count);
		s->r.p99_ns = ns_of(s, s->latency[(s->latency_count - 1) * 99 / 100]);
	}
	*r = s->r;
}

enum err nic_sim_run(const struct nic_sim_config *config, struct nic_sim_result *result)
{
	struct sim *s;
	uint64_t end;

	if (config->guests == 0 || config->guests > NIC_GUEST_MAX || config->cores == 0 ||
	    config->cores > NIC_CORE_MAX || config->ring == 0 || config->ring > NIC_RING_MAX ||
	    config->window > WAITING_MAX / 2 || config->hz == 0 || config->window_ns == 0 ||
	    (config->load == NIC_OPEN ? config->offered == 0 : config->window == 0))
		return ERR_INVAL;
	s = calloc(1, sizeof(*s));
	if (!s || !(s->latency = calloc(LATENCY_MAX, sizeof(s->latency[0])))) {
		free(s);
		return ERR_NOMEM;
	}
	s->c = config;
	nic_events_init(&s->events);
	begin(s);
	end = s->measured_from + cycles_of(s, config->duration_ns);
	while (nic_event_first_at(&s->events) < end) {
		s->now = nic_event_first_at(&s->events);
		dispatch(s, nic_event_first(&s->events));
	}
	sum_up(s, result);
	free(s->latency);
	free(s);
	return OK;
}
