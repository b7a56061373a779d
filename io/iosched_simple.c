/* SPDX-License-Identifier: Apache-2.0 */
#include "io/iosched_simple.h"
#include "io/bfq.h"

void iosched_simple_init(struct iosched_simple *s, const struct iosched_config *config)
{
	*s = (struct iosched_simple){ 0 };
	s->config = config;
}

/* block_request.sched.due_tsc orders requests: DEADLINE: when it is due; else the how many-th it is. */
void iosched_simple_add(struct iosched_simple *s, struct block_request *r, uint64_t now_tsc)
{
	const struct iosched_config *config = s->config;
	struct iosched_simple_client *c = &s->clients[r->client];
	uint32_t list = IOSCHED_READS;

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
	best->left_bytes -=
		(int64_t)bfq_service(best->lists[IOSCHED_READS].head) * (int64_t)BLOCK_SECTOR_BYTES;
	return list_pop(best, IOSCHED_READS);
}

struct block_request *iosched_simple_next(struct iosched_simple *s, uint64_t now_tsc,
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
