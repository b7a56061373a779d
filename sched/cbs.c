/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/cbs.h"
#include "core/lib/assert.h"

#define PERIOD_LIMIT_TSC BIT64(62)

static bool entry_precedes(const struct cbs_entry *a, const struct cbs_entry *b)
{
	if (a->key != b->key)
		return a->key < b->key;
	return a->server < b->server;
}

static void heap_put(struct cbs *c, struct cbs_heap *h, uint32_t slot, struct cbs_entry e)
{
	h->slot[slot] = e;
	c->heap_slot[e.server] = slot;
}

/* `e` belongs at `hole` or nearer to the root: what it precedes moves down. */
static void heap_rise(struct cbs *c, struct cbs_heap *h, uint32_t hole, struct cbs_entry e)
{
	while (hole > 0) {
		uint32_t parent = (hole - 1) / 2;

		if (!entry_precedes(&e, &h->slot[parent]))
			break;
		heap_put(c, h, hole, h->slot[parent]);
		hole = parent;
	}
	heap_put(c, h, hole, e);
}

/*
 * `e` takes the place at `hole`. The hole first goes down to a leaf, and `e` rises from there:
 * mostly it belongs near the leaves, and so each level costs one comparison instead of two.
 */
static void heap_replace(struct cbs *c, struct cbs_heap *h, uint32_t hole, struct cbs_entry e)
{
	for (;;) {
		uint32_t child = 2 * hole + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count && entry_precedes(&h->slot[child + 1], &h->slot[child]))
			child++;
		heap_put(c, h, hole, h->slot[child]);
		hole = child;
	}
	heap_rise(c, h, hole, e);
}

static void heap_insert(struct cbs *c, struct cbs_heap *h, uint32_t server, uint64_t key)
{
	heap_rise(c, h, h->count++, (struct cbs_entry){ key, server });
}

static void heap_remove(struct cbs *c, struct cbs_heap *h, uint32_t server)
{
	uint32_t hole = c->heap_slot[server];
	struct cbs_entry last = h->slot[--h->count];

	if (hole != h->count)
		heap_replace(c, h, hole, last);
}

static uint64_t background_key(const struct cbs_server *s)
{
	return UINT32_MAX - s->priority;
}

void cbs_init(struct cbs *c)
{
	*c = (struct cbs){ 0 };
}

static uint32_t server_append(struct cbs *c, const struct cbs_server *s)
{
	c->servers[c->server_count] = *s;
	return c->server_count++;
}

enum err cbs_add_reservation(struct cbs *c, uint64_t budget_tsc, uint64_t period_tsc,
			     uint32_t *server)
{
	if (budget_tsc == 0 || budget_tsc > period_tsc)
		return ERR_INVAL;
	if (period_tsc >= PERIOD_LIMIT_TSC)
		return ERR_RANGE;
	if (c->server_count == CBS_SERVER_MAX)
		return ERR_NOMEM;
	/* d = 0 has passed at every t, so that the first wake-up begins a period. */
	*server = server_append(c, &(struct cbs_server){
					   .class = CBS_RESERVED,
					   .state = CBS_BLOCKED,
					   .budget_tsc = budget_tsc,
					   .period_tsc = period_tsc,
				   });
	return OK;
}

enum err cbs_add_background(struct cbs *c, uint32_t priority, uint32_t *server)
{
	for (uint32_t i = 0; i < c->server_count; i++) {
		const struct cbs_server *s = &c->servers[i];

		if (s->class == CBS_BACKGROUND && s->priority == priority)
			return ERR_INVAL;
	}
	if (c->server_count == CBS_SERVER_MAX)
		return ERR_NOMEM;
	*server = server_append(c, &(struct cbs_server){
					   .class = CBS_BACKGROUND,
					   .state = CBS_BLOCKED,
					   .priority = priority,
				   });
	return OK;
}

static struct cbs_server *server_at(struct cbs *c, uint32_t server)
{
	ASSERT(server < c->server_count);
	return &c->servers[server];
}

/* Would (q, d), used from `now_tsc` on, exceed the bandwidth Q/P? Then it may not be kept. */
static bool has_stale_budget(const struct cbs_server *s, uint64_t now_tsc)
{
	if (now_tsc >= s->deadline_tsc)
		return true;
	return (unsigned __int128)s->left_tsc * s->period_tsc >=
	       (unsigned __int128)(s->deadline_tsc - now_tsc) * s->budget_tsc;
}

void cbs_wake(struct cbs *c, uint32_t server, uint64_t now_tsc)
{
	struct cbs_server *s = server_at(c, server);

	if (s->state != CBS_BLOCKED)
		return;
	s->state = CBS_READY;
	if (s->class == CBS_BACKGROUND) {
		heap_insert(c, &c->background, server, background_key(s));
		return;
	}
	if (has_stale_budget(s, now_tsc)) {
		s->deadline_tsc = now_tsc + s->period_tsc;
		s->left_tsc = s->budget_tsc;
		s->replenish_count++;
	} else if (s->left_tsc == 0) {
		s->state = CBS_THROTTLED;
		heap_insert(c, &c->throttled, server, s->deadline_tsc);
		return;
	}
	heap_insert(c, &c->ready, server, s->deadline_tsc);
}

void cbs_block(struct cbs *c, uint32_t server)
{
	struct cbs_server *s = server_at(c, server);

	if (s->state == CBS_BLOCKED)
		return;
	if (s->state == CBS_THROTTLED)
		heap_remove(c, &c->throttled, server);
	else
		heap_remove(c, s->class == CBS_RESERVED ? &c->ready : &c->background, server);
	s->state = CBS_BLOCKED;
}

void cbs_charge(struct cbs *c, uint32_t server, uint64_t used_tsc)
{
	struct cbs_server *s = server_at(c, server);

	if (used_tsc < s->left_tsc) {
		s->left_tsc -= used_tsc;
		return;
	}
	if (s->class == CBS_BACKGROUND)
		return;
	s->overrun_max_tsc = max_u64(s->overrun_max_tsc, used_tsc - s->left_tsc);
	s->left_tsc = 0;
	if (s->state != CBS_READY)
		return;
	heap_remove(c, &c->ready, server);
	s->state = CBS_THROTTLED;
	heap_insert(c, &c->throttled, server, s->deadline_tsc);
}

/* Its deadline has come: a new budget, and a deadline that lies ahead, whole periods later. */
static void replenish(struct cbs *c, uint32_t server, uint64_t now_tsc)
{
	struct cbs_server *s = &c->servers[server];
	uint64_t late_tsc = now_tsc - s->deadline_tsc;
	uint64_t skipped = 0;

	/* Rare, and a loop here would take as long as the core was away. */
	if (late_tsc >= s->period_tsc)
		skipped = late_tsc / s->period_tsc;
	s->deadline_tsc += (skipped + 1) * s->period_tsc;
	s->left_tsc = s->budget_tsc;
	s->replenish_count += skipped + 1;
	s->late_count += skipped + (s->state == CBS_READY);
	c->replenished |= BIT64(server);
}

static void replenish_due(struct cbs *c, uint64_t now_tsc)
{
	c->replenished = 0;
	while (c->throttled.count > 0 && c->throttled.slot[0].key <= now_tsc) {
		uint32_t server = c->throttled.slot[0].server;

		heap_remove(c, &c->throttled, server);
		replenish(c, server, now_tsc);
		c->servers[server].state = CBS_READY;
		heap_insert(c, &c->ready, server, c->servers[server].deadline_tsc);
	}
	while (c->ready.count > 0 && c->ready.slot[0].key <= now_tsc) {
		uint32_t server = c->ready.slot[0].server;

		replenish(c, server, now_tsc);
		heap_replace(c, &c->ready, 0,
			     (struct cbs_entry){ c->servers[server].deadline_tsc, server });
	}
}

struct cbs_pick cbs_pick(struct cbs *c, uint64_t now_tsc)
{
	struct cbs_pick p = { CBS_NONE, TSC_NEVER };

	replenish_due(c, now_tsc);
	if (c->throttled.count > 0)
		p.until_tsc = c->throttled.slot[0].key;
	if (c->ready.count > 0) {
		const struct cbs_server *s;

		p.server = c->ready.slot[0].server;
		s = &c->servers[p.server];
		p.until_tsc = min_u64(p.until_tsc, s->deadline_tsc);
		p.until_tsc = min_u64(p.until_tsc, now_tsc + s->left_tsc);
	} else if (c->background.count > 0) {
		p.server = c->background.slot[0].server;
	}
	return p;
}
