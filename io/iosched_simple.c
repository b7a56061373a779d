/* SPDX-License-Identifier: Apache-2.0 */
#include "io/iosched_simple.h"
#include "io/bfq.h"

void iosched_simple_init(struct iosched_simple *s, const struct iosched_config *config)
{
	*s = (struct iosched_simple){ 0 };
	s->config = config;
}

#define THINK_SHIFT               3u /* averages take in an eighth of each sample */
#define THINK_MAX(slice_idle_tsc) (4 * (slice_idle_tsc))

/* It sends a request after a pause. */
static void learn_think(const struct iosched_simple *s, struct iosched_simple_client *c,
			uint64_t now_tsc)
{
	uint64_t think;

	if (c->lists[IOSCHED_READS].head || c->in_flight > 0 || !c->has_idled)
		return;
	think = min_u64(now_tsc - c->idle_since_tsc, THINK_MAX(s->config->slice_idle_tsc));
	c->think_tsc += (think >> THINK_SHIFT) - (c->think_tsc >> THINK_SHIFT);
}

/* block_request.sched.due_tsc orders requests: DEADLINE: when it is due; else the how many-th it is. */
void iosched_simple_add(struct iosched_simple *s, struct block_request *r, uint64_t now_tsc)
{
	const struct iosched_config *config = s->config;
	struct iosched_simple_client *c = &s->clients[r->client];
	uint32_t list = IOSCHED_READS;

	learn_think(s, c, now_tsc);
	r->sched.due_tsc = s->arrivals++;
	if (config->kind == IOSCHED_DEADLINE) {
		r->sched.due_tsc = now_tsc + config->read_expire_tsc;
		if (r->op != BLOCK_READ && r->op != BLOCK_FLUSH) {
			r->sched.due_tsc = now_tsc + config->write_expire_tsc;
			list = IOSCHED_OTHERS;
		}
	}
	r->next = NULL;
	if (c->lists[list].head)
		c->lists[list].tail->next = r;
	else
		c->lists[list].head = r;
	c->lists[list].tail = r;
}

static struct block_request *list_pop(struct iosched_simple_client *c, uint32_t list)
{
	struct block_request *r = c->lists[list].head;

	if (r) {
		c->lists[list].head = r->next;
		r->next = NULL;
	}
	return r;
}

struct block_request *iosched_simple_remove(struct iosched_simple *s, uint32_t client)
{
	struct block_request *r = list_pop(&s->clients[client], IOSCHED_READS);

	return r ? r : list_pop(&s->clients[client], IOSCHED_OTHERS);
}

/* The client whose list begins with what is due first, or NULL. */
static struct iosched_simple_client *first_due(struct iosched_simple *s, uint32_t list)
{
	struct iosched_simple_client *first = NULL;

	for (uint32_t i = 0; i < s->config->client_count; i++) {
		struct iosched_simple_client *c = &s->clients[i];
		const struct block_request *r = c->lists[list].head;

		if (r && (!first || r->sched.due_tsc < first->lists[list].head->sched.due_tsc))
			first = c;
	}
	return first;
}

static struct block_request *next_by_deadline(struct iosched_simple *s, uint64_t now_tsc)
{
	struct iosched_simple_client *reader = first_due(s, IOSCHED_READS);
	struct iosched_simple_client *other = first_due(s, IOSCHED_OTHERS);
	uint64_t read_due, other_due;

	if (!reader || !other)
		return reader  ? list_pop(reader, IOSCHED_READS)
		       : other ? list_pop(other, IOSCHED_OTHERS)
			       : NULL;
	read_due = reader->lists[IOSCHED_READS].head->sched.due_tsc;
	other_due = other->lists[IOSCHED_OTHERS].head->sched.due_tsc;
	if (other_due <= now_tsc && other_due < read_due)
		return list_pop(other, IOSCHED_OTHERS);
	return list_pop(reader, IOSCHED_READS);
}

/* Periods follow each other without a gap from the client's first request on. */
static void replenish(const struct iosched_client_config *config, struct iosched_simple_client *c,
		      uint64_t now_tsc)
{
	int64_t debt = c->left_bytes < 0 ? c->left_bytes : 0;

	if (now_tsc < c->replenish_tsc)
		return;
	if (c->replenish_tsc == 0) {
		c->replenish_tsc = now_tsc;
		debt = 0;
	}
	c->replenish_tsc +=
		((now_tsc - c->replenish_tsc) / config->period_tsc + 1) * config->period_tsc;
	c->left_bytes = (int64_t)config->budget_bytes + debt;
}

/* Lower priorities than the holder's, `priority` the best of those that have a request, wait for it. */
static bool is_held(const struct iosched_simple *s, uint32_t priority, uint64_t now_tsc,
		    uint64_t *again_tsc)
{
	const struct iosched_config *config = s->config;
	const struct iosched_simple_client *h = s->holder;
	uint64_t until_tsc = TSC_NEVER;

	if (config->slice_idle_tsc == 0 || !h || h->lists[IOSCHED_READS].head ||
	    config->clients[h - s->clients].priority <= priority)
		return false;
	if (config->timeout_tsc != 0)
		until_tsc = s->since_tsc + config->timeout_tsc;
	if (h->in_flight == 0) {
		if (h->think_tsc > config->slice_idle_tsc)
			return false;
		until_tsc = min_u64(until_tsc, h->idle_since_tsc + config->slice_idle_tsc);
	}
	*again_tsc = until_tsc;
	return now_tsc < until_tsc;
}

/* It is served: its turn goes on, or one begins. */
static void hold(struct iosched_simple *s, struct iosched_simple_client *c, uint64_t now_tsc)
{
	if (s->holder != c || now_tsc - s->since_tsc >= s->config->timeout_tsc)
		s->since_tsc = now_tsc;
	s->holder = c;
}

static struct block_request *next_by_priority(struct iosched_simple *s, uint64_t now_tsc,
					      uint64_t *again_tsc)
{
	bool has_budgets = s->config->kind == IOSCHED_BUDGET;
	const struct iosched_client_config *best_config = NULL;
	struct iosched_simple_client *best = NULL;

	for (uint32_t i = 0; i < s->config->client_count; i++) {
		const struct iosched_client_config *config = &s->config->clients[i];
		struct iosched_simple_client *c = &s->clients[i];

		if (!c->lists[IOSCHED_READS].head)
			continue;
		if (has_budgets) {
			replenish(config, c, now_tsc);
			if (c->left_bytes <= 0) {
				*again_tsc = min_u64(*again_tsc, c->replenish_tsc);
				continue;
			}
		}
		if (!best || config->priority > best_config->priority) {
			best = c;
			best_config = config;
		}
	}
	if (!best)
		return NULL;
	*again_tsc = TSC_NEVER;
	if (!has_budgets) {
		if (is_held(s, best_config->priority, now_tsc, again_tsc))
			return NULL;
		*again_tsc = TSC_NEVER;
		hold(s, best, now_tsc);
	}
	best->left_bytes -=
		(int64_t)bfq_service(best->lists[IOSCHED_READS].head) * (int64_t)BLOCK_SECTOR_BYTES;
	return list_pop(best, IOSCHED_READS);
}

static struct block_request *next_of_kind(struct iosched_simple *s, uint64_t now_tsc,
					  uint64_t *again_tsc)
{
	struct iosched_simple_client *first;

	switch (s->config->kind) {
	case IOSCHED_DEADLINE:
		return next_by_deadline(s, now_tsc);
	case IOSCHED_PRIORITY:
	case IOSCHED_BUDGET:
		return next_by_priority(s, now_tsc, again_tsc);
	default:
		first = first_due(s, IOSCHED_READS);
		return first ? list_pop(first, IOSCHED_READS) : NULL;
	}
}

struct block_request *iosched_simple_next(struct iosched_simple *s, uint64_t now_tsc,
					  uint64_t *again_tsc)
{
	struct block_request *r = next_of_kind(s, now_tsc, again_tsc);

	if (r)
		s->clients[r->client].in_flight++;
	return r;
}

void iosched_simple_done(struct iosched_simple *s, const struct block_request *r, uint64_t now_tsc)
{
	struct iosched_simple_client *c = &s->clients[r->client];

	if (--c->in_flight > 0 || c->lists[IOSCHED_READS].head)
		return;
	c->has_idled = true;
	c->idle_since_tsc = now_tsc;
}
