/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/disk_sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/property/random.h"

static void fail(struct disk_sim *s, const char *what)
{
	if (!s->wrong)
		s->wrong = what;
}

static FILE *trail_file;
static bool has_trail_file;

/* The first simulation of the program begins it, the second ends it. */
static void open_or_close_trail(void)
{
	const char *name = getenv("DISK_TRAIL");

	if (trail_file)
		fclose(trail_file);
	trail_file = name && !has_trail_file ? fopen(name, "w") : NULL;
	has_trail_file = true;
}

static void print_record(const struct iosched_audit *r)
{
	if (trail_file)
		fprintf(trail_file, "@{\"io\":\"sim\",\"records\":[[%llu,%u,%u,%u,%u,%u]]}\n",
			(unsigned long long)r->tsc, r->event, r->reason, r->client, r->queue,
			r->bytes);
}

void sim_seed(uint64_t seed)
{
	random_state = seed;
}

void sim_init(struct disk_sim *s, const struct iosched_config *config,
	      const struct sim_device *device)
{
	open_or_close_trail();
	memset(s, 0, sizeof(*s));
	s->config = *config;
	s->config.audit = s->ring;
	s->config.audit_mask = ARRAY_SIZE(s->ring) - 1;
	s->device = *device;
	s->now_ns = 1;
	s->again_ns = TSC_NEVER;
	if (iosched_init(&s->sched, &s->config) != OK)
		fail(s, "iosched_init() refuses");
	disk_audit_init(&s->audit, &s->config);
}

static void drain_trail(struct disk_sim *s)
{
	if (s->config.kind != IOSCHED_BFQ)
		return;
	if (s->sched.trail.count - s->audited > ARRAY_SIZE(s->ring))
		fail(s, "the trail is overrun");
	for (; s->audited < s->sched.trail.count; s->audited++) {
		const struct iosched_audit *r = &s->ring[s->audited % ARRAY_SIZE(s->ring)];

		print_record(r);
		if (!disk_audit_record(&s->audit, r))
			fail(s, s->audit.wrong);
	}
}

static void send(struct disk_sim *s, uint16_t client, uint16_t queue)
{
	struct sim_client *c = &s->clients[client];
	struct sim_slot *slot = s->slots;
	uint32_t sectors = (uint32_t)random_between(c->sectors_min, c->sectors_max);
	uint64_t dice = random_below(100);

	while (slot->state != SIM_FREE) {
		if (++slot == s->slots + SIM_REQUEST_MAX) {
			fail(s, "too many requests");
			return;
		}
	}
	if (slot - s->slots >= s->slot_top)
		s->slot_top = (uint32_t)(slot - s->slots) + 1;
	slot->state = SIM_QUEUED;
	slot->number = c->added[queue]++;
	slot->arrived_ns = s->now_ns;
	slot->r.client = client;
	slot->r.queue = queue;
	slot->r.op = dice < c->flush_percent                      ? BLOCK_FLUSH
		     : dice < c->flush_percent + c->write_percent ? BLOCK_WRITE
								  : BLOCK_READ;
	slot->r.sector = c->is_sequential ? c->at_sector : random_below(1u << 30);
	slot->r.sector_count = slot->r.op == BLOCK_FLUSH ? 0 : sectors;
	c->at_sector += slot->r.sector_count;
	c->in_system[queue]++;
	iosched_add(&s->sched, &slot->r, s->now_ns);
	drain_trail(s);
}

static void submit(struct disk_sim *s, struct block_request *r)
{
	struct sim_slot *slot = (struct sim_slot *)((uint8_t *)r - offsetof(struct sim_slot, r));
	struct sim_client *c = &s->clients[r->client];
	uint64_t *lane = s->lane_free_ns;

	if (slot->state != SIM_QUEUED)
		fail(s, "a request that is not queued");
	if (slot->number != c->dispatched[r->queue]++)
		fail(s, "order within a queue");
	for (uint32_t i = 0; i < s->device.lanes; i++) {
		if (s->lane_free_ns[i] < *lane)
			lane = &s->lane_free_ns[i];
	}
	*lane = max_u64(*lane, s->now_ns) + s->device.fixed_ns +
		r->sector_count * s->device.sector_ns;
	if (s->device.stall_every && ++s->submitted % s->device.stall_every == 0)
		*lane += s->device.stall_ns;
	slot->done_ns = *lane;
	slot->state = SIM_IN_DEVICE;
	c->served[r->queue] += block_bytes(r);
}

static void pump(struct disk_sim *s)
{
	struct block_request *r;

	while ((r = iosched_next(&s->sched, s->now_ns, &s->again_ns)) != NULL) {
		drain_trail(s);
		submit(s, r);
	}
	drain_trail(s);
	if (s->again_ns <= s->now_ns)
		fail(s, "to ask again at once");
	if (iosched_queued(&s->sched) > 0 && s->sched.in_flight < s->config.depth)
		s->idle_kept++;
	if (iosched_queued(&s->sched) > 0 && s->sched.in_flight == 0 && s->again_ns == TSC_NEVER)
		fail(s, "nothing moves any more");
}

static void finish(struct disk_sim *s, struct sim_slot *slot)
{
	struct sim_client *c = &s->clients[slot->r.client];

	iosched_done(&s->sched, &slot->r, s->now_ns);
	drain_trail(s);
	c->done_count++;
	c->done_bytes += block_bytes(&slot->r);
	c->worst_ns = max_u64(c->worst_ns, s->now_ns - slot->arrived_ns);
	slot->state = SIM_FREE;
	c->in_system[slot->r.queue]--;
	if (c->pattern == SIM_FLOOD && c->think_ns > 0) {
		slot->state = SIM_THINKING;
		slot->done_ns = s->now_ns + c->think_ns;
		c->in_system[slot->r.queue]++;
	}
}

static void clients_send(struct disk_sim *s)
{
	for (uint16_t i = 0; i < s->config.client_count; i++) {
		struct sim_client *c = &s->clients[i];
		uint32_t queue_count = s->config.clients[i].queue_count;

		for (uint16_t q = 0; q < queue_count && c->pattern == SIM_FLOOD; q++) {
			while (c->in_system[q] < c->outstanding && !s->wrong)
				send(s, i, q);
		}
		if (c->pattern == SIM_PERIODIC && c->next_ns <= s->now_ns) {
			uint16_t q = (uint16_t)(c->turn++ % queue_count);

			c->next_ns = s->now_ns + c->period_ns;
			if (c->in_system[q] < c->outstanding)
				send(s, i, q);
		}
	}
}

/* The next point in time at which something happens. */
static uint64_t next_event(const struct disk_sim *s)
{
	uint64_t next = s->again_ns;

	for (uint32_t i = 0; i < s->slot_top; i++) {
		if (s->slots[i].state >= SIM_THINKING)
			next = min_u64(next, s->slots[i].done_ns);
	}
	for (uint32_t i = 0; i < s->config.client_count; i++) {
		if (s->clients[i].pattern == SIM_PERIODIC)
			next = min_u64(next, s->clients[i].next_ns);
	}
	return next;
}

void sim_run(struct disk_sim *s, uint64_t until_ns)
{
	while (!s->wrong) {
		uint64_t next;

		clients_send(s);
		pump(s);
		next = next_event(s);
		if (next > until_ns)
			break;
		s->now_ns = max_u64(next, s->now_ns);
		for (uint32_t i = 0; i < s->slot_top; i++) {
			struct sim_slot *slot = &s->slots[i];

			if (slot->state < SIM_THINKING || slot->done_ns > s->now_ns)
				continue;
			if (slot->state == SIM_IN_DEVICE) {
				finish(s, slot);
			} else {
				slot->state = SIM_FREE;
				s->clients[slot->r.client].in_system[slot->r.queue]--;
			}
		}
	}
	if (s->wrong)
		printf("at %llu ns, client %u queue %u, event %u, record %llu: %s\n",
		       (unsigned long long)s->now_ns, s->audit.at.client, s->audit.at.queue,
		       s->audit.at.event, (unsigned long long)s->audit.records, s->wrong);
	s->now_ns = max_u64(s->now_ns, until_ns);
}

void sim_reset_client(struct disk_sim *s, uint32_t client)
{
	struct block_request *r;

	while ((r = iosched_remove(&s->sched, client)) != NULL) {
		struct sim_slot *slot =
			(struct sim_slot *)((uint8_t *)r - offsetof(struct sim_slot, r));
		struct sim_client *c = &s->clients[client];

		drain_trail(s);
		if (slot->state != SIM_QUEUED || r->client != client)
			fail(s, "a request that was not to be removed");
		if (slot->number != c->dispatched[r->queue]++)
			fail(s, "removed out of order");
		slot->state = SIM_FREE;
		c->in_system[r->queue]--;
	}
}

uint64_t sim_served(const struct disk_sim *s, uint32_t client)
{
	uint64_t sum = 0;

	for (uint32_t q = 0; q < IOSCHED_QUEUE_MAX; q++)
		sum += s->clients[client].served[q];
	return sum;
}
