/* SPDX-License-Identifier: Apache-2.0 */
#include "io/iosched.h"
#include "core/lib/assert.h"
#include "io/iosched_state.h"

static const char *const names[IOSCHED_KIND_COUNT] = { "bfq", "none", "deadline", "priority",
						       "budget" };

const char *iosched_name(enum iosched_kind kind)
{
	return kind < IOSCHED_KIND_COUNT ? names[kind] : "?";
}

static bool is_weight(uint32_t weight)
{
	return weight >= 1 && weight <= IOSCHED_WEIGHT_MAX;
}

static bool is_client(const struct iosched_config *config, const struct iosched_client_config *c)
{
	if (c->queue_count == 0 || c->queue_count > IOSCHED_QUEUE_MAX)
		return false;
	if (config->kind == IOSCHED_BUDGET)
		return c->budget_bytes > 0 && c->budget_bytes <= INT64_MAX && c->period_tsc > 0;
	if (config->kind != IOSCHED_BFQ)
		return true;
	for (uint32_t i = 0; i < c->queue_count; i++) {
		if (!is_weight(c->queue_weights[i]))
			return false;
	}
	return is_weight(c->weight);
}

static bool is_config(const struct iosched_config *config)
{
	uint64_t max = config->max_budget_bytes;

	if (config->kind >= IOSCHED_KIND_COUNT || config->depth == 0)
		return false;
	if (config->client_count == 0 || config->client_count > IOSCHED_CLIENT_MAX)
		return false;
	if (config->kind == IOSCHED_BFQ && max != 0 &&
	    (max < BLOCK_SECTOR_BYTES || max / BLOCK_SECTOR_BYTES > BWF2Q_BUDGET_MAX))
		return false;
	if (config->audit && (config->audit_mask & (config->audit_mask + 1)) != 0)
		return false;
	for (uint32_t i = 0; i < config->client_count; i++) {
		if (!is_client(config, &config->clients[i]))
			return false;
	}
	return true;
}

enum err iosched_init(struct iosched *s, const struct iosched_config *config)
{
	if (!is_config(config))
		return ERR_INVAL;
	s->config = *config;
	s->queued = s->in_flight = 0;
	s->last_tsc = 0;
	s->trail = (struct iosched_trail){ .records = config->audit, .mask = config->audit_mask };
	if (s->config.kind == IOSCHED_BFQ)
		bfq_init(&s->bfq, &s->config, &s->trail);
	else
		iosched_simple_init(&s->simple, &s->config);
	return OK;
}

/* Cores' clocks may be a little apart, and one may have waited for the lock: time never goes back. */
static inline uint64_t tell_time(struct iosched *s, uint64_t now_tsc)
{
	s->last_tsc = max_u64(s->last_tsc, now_tsc);
	return s->last_tsc;
}

static inline void record(struct iosched *s, enum iosched_event event,
			  const struct block_request *r)
{
	if (__builtin_expect(s->trail.records == NULL, 1))
		return;
	trail_add(&s->trail,
		  (struct iosched_audit){ .tsc = s->last_tsc,
					  .event = (uint8_t)event,
					  .client = r->client,
					  .queue = r->queue,
					  .bytes = bfq_service(r) * BLOCK_SECTOR_BYTES });
}

void iosched_add(struct iosched *s, struct block_request *r, uint64_t now_tsc)
{
	now_tsc = tell_time(s, now_tsc);
	s->queued++;
	if (s->config.kind == IOSCHED_BFQ) {
		bfq_add(&s->bfq, r, now_tsc);
		return;
	}
	record(s, IOSCHED_ADDED, r);
	iosched_simple_add(&s->simple, r, now_tsc);
}

struct block_request *iosched_next(struct iosched *s, uint64_t now_tsc, uint64_t *again_tsc)
{
	struct block_request *r;

	*again_tsc = TSC_NEVER;
	if (s->queued == 0 || s->in_flight >= s->config.depth)
		return NULL;
	now_tsc = tell_time(s, now_tsc);
	if (s->config.kind == IOSCHED_BFQ)
		r = bfq_next(&s->bfq, now_tsc, again_tsc);
	else
		r = iosched_simple_next(&s->simple, now_tsc, again_tsc);
	if (!r)
		return NULL;
	s->queued--;
	s->in_flight++;
	record(s, IOSCHED_DISPATCHED, r);
	return r;
}

void iosched_done(struct iosched *s, struct block_request *r, uint64_t now_tsc)
{
	ASSERT(s->in_flight > 0);
	now_tsc = tell_time(s, now_tsc);
	s->in_flight--;
	record(s, IOSCHED_COMPLETED, r);
	if (s->config.kind == IOSCHED_BFQ)
		bfq_done(&s->bfq, r, now_tsc);
	else
		iosched_simple_done(&s->simple, r, now_tsc);
}

struct block_request *iosched_remove(struct iosched *s, uint32_t client)
{
	struct block_request *r;

	if (s->config.kind == IOSCHED_BFQ) {
		r = bfq_remove(&s->bfq, client, s->last_tsc);
	} else {
		r = iosched_simple_remove(&s->simple, client);
		if (r)
			record(s, IOSCHED_REMOVED, r);
	}
	if (r)
		s->queued--;
	return r;
}
