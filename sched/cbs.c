/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/cbs.h"
#include "core/lib/assert.h"

#define PERIOD_LIMIT_TSC BIT64(62)

/* Of equal keys the left one wins: it has the smaller index. */
static inline void tree_play(struct cbs_tree *t, uint64_t node)
{
	uint64_t left = t->winner[2 * node];
	uint64_t right = t->winner[2 * node + 1];

	t->winner[node] = (uint8_t)(t->key[left] <= t->key[right] ? left : right);
}

static inline void tree_set(struct cbs *c, struct cbs_tree *t, uint64_t server, uint64_t key)
{
	t->key[server] = key;
	for (uint64_t node = (c->leaf_count + server) / 2; node > 0; node /= 2)
		tree_play(t, node);
}

static inline void tree_remove(struct cbs *c, struct cbs_tree *t, uint64_t server)
{
	tree_set(c, t, server, CBS_AWAY);
}

/* CBS_AWAY: nobody takes part. */
static inline uint64_t tree_first_key(const struct cbs_tree *t)
{
	return t->key[t->winner[1]];
}

static void tree_grow(struct cbs_tree *t, uint32_t leaf_count)
{
	for (uint32_t i = leaf_count / 2; i < leaf_count; i++)
		t->key[i] = CBS_AWAY;
	for (uint32_t i = 0; i < leaf_count; i++)
		t->winner[leaf_count + i] = (uint8_t)i;
	for (uint64_t node = leaf_count - 1; node > 0; node--)
		tree_play(t, node);
}

static void trees_grow(struct cbs *c, uint32_t leaf_count)
{
	c->leaf_count = leaf_count;
	tree_grow(&c->ready, leaf_count);
	tree_grow(&c->throttled, leaf_count);
	tree_grow(&c->background, leaf_count);
}

static uint64_t background_key(const struct cbs_server *s)
{
	return UINT32_MAX - s->priority;
}

void cbs_init(struct cbs *c)
{
	*c = (struct cbs){ 0 };
	trees_grow(c, 1);
}

static uint32_t server_append(struct cbs *c, const struct cbs_server *s)
{
	if (c->server_count == c->leaf_count)
		trees_grow(c, 2 * c->leaf_count);
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
		tree_set(c, &c->background, server, background_key(s));
		return;
	}
	if (has_stale_budget(s, now_tsc)) {
		s->deadline_tsc = now_tsc + s->period_tsc;
		s->left_tsc = s->budget_tsc;
		s->replenish_count++;
	} else if (s->left_tsc == 0) {
		s->state = CBS_THROTTLED;
		tree_set(c, &c->throttled, server, s->deadline_tsc);
		return;
	}
	tree_set(c, &c->ready, server, s->deadline_tsc);
}

void cbs_block(struct cbs *c, uint32_t server)
{
	struct cbs_server *s = server_at(c, server);

	if (s->state == CBS_BLOCKED)
		return;
	if (s->state == CBS_THROTTLED)
		tree_remove(c, &c->throttled, server);
	else
		tree_remove(c, s->class == CBS_RESERVED ? &c->ready : &c->background, server);
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
	tree_remove(c, &c->ready, server);
	s->state = CBS_THROTTLED;
	tree_set(c, &c->throttled, server, s->deadline_tsc);
}

/* Its deadline has come: a new budget, and a deadline that lies ahead, whole periods later. */
static inline void replenish(struct cbs *c, uint32_t server, uint64_t now_tsc)
{
	struct cbs_server *s = &c->servers[server];
	uint64_t late_tsc = now_tsc - s->deadline_tsc;
	uint64_t skipped = 0;

	/* Rare, and a loop here would take as long as the core was away. */
	if (late_tsc >= s->period_tsc) {
		skipped = late_tsc / s->period_tsc;
		s->late_count += skipped;
	}
	s->deadline_tsc += (skipped + 1) * s->period_tsc;
	s->left_tsc = s->budget_tsc;
	s->replenish_count += skipped + 1;
	c->replenished |= BIT64(server);
}

static void replenish_due(struct cbs *c, uint64_t now_tsc)
{
	c->replenished = 0;
	while (tree_first_key(&c->throttled) <= now_tsc) {
		uint32_t server = c->throttled.winner[1];

		tree_remove(c, &c->throttled, server);
		replenish(c, server, now_tsc);
		c->servers[server].state = CBS_READY;
		tree_set(c, &c->ready, server, c->servers[server].deadline_tsc);
	}
	while (tree_first_key(&c->ready) <= now_tsc) {
		uint32_t server = c->ready.winner[1];

		c->servers[server].late_count++;
		replenish(c, server, now_tsc);
		tree_set(c, &c->ready, server, c->servers[server].deadline_tsc);
	}
}

struct cbs_pick cbs_pick(struct cbs *c, uint64_t now_tsc)
{
	struct cbs_pick p = { CBS_NONE, TSC_NEVER };

	replenish_due(c, now_tsc);
	p.until_tsc = tree_first_key(&c->throttled);
	if (tree_first_key(&c->ready) != CBS_AWAY) {
		const struct cbs_server *s;

		p.server = c->ready.winner[1];
		s = &c->servers[p.server];
		p.until_tsc = min_u64(p.until_tsc, s->deadline_tsc);
		p.until_tsc = min_u64(p.until_tsc, now_tsc + s->left_tsc);
	} else if (tree_first_key(&c->background) != CBS_AWAY) {
		p.server = c->background.winner[1];
	}
	return p;
}
