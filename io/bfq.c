/* SPDX-License-Identifier: Apache-2.0 */
#include "io/bfq.h"
#include "core/lib/assert.h"

/* Averages take in an eighth of each sample. */
#define AVERAGE_SHIFT 3u
#define FAR_WHOLE     256u
/* One long sleep is not to be remembered for long. */
#define THINK_MAX(slice_idle_tsc) (4 * (slice_idle_tsc))

/* A window for the rate: this many requests, and an eighth of timeout_tsc at least. */
#define RATE_COUNT       32u
#define RATE_DIVISOR     8u
#define RATE_FALLS_SHIFT 6u

static void flow_init(struct bfq *b, struct bfq_flow *f, uint32_t weight, uint32_t id)
{
	bool is_small = !b->config->has_fixed_budgets && BFQ_FLOOR < b->budget_max;

	*f = (struct bfq_flow){ .budget = is_small ? BFQ_FLOOR : b->budget_max };
	bwf2q_child_init(&f->child, weight, (uint16_t)id);
}

static void client_init(struct bfq *b, uint32_t id)
{
	const struct iosched_client_config *config = &b->config->clients[id];
	struct bfq_client *c = &b->clients[id];

	*c = (struct bfq_client){ .queue_count = config->queue_count,
				  .has_async_writes = config->has_async_writes,
				  .are_weights_equal = true,
				  .recent = &c->queues[0] };
	flow_init(b, &c->flow, config->weight, id);
	bwf2q_init(&c->server);
	for (uint32_t i = 0; i < c->queue_count; i++) {
		flow_init(b, &c->queues[i].flow, config->queue_weights[i], i);
		if (config->queue_weights[i] != config->queue_weights[0])
			c->are_weights_equal = false;
	}
	if (config->weight != b->config->clients[0].weight)
		b->are_weights_equal = false;
}

void bfq_init(struct bfq *b, const struct iosched_config *config, struct iosched_trail *trail)
{
	uint64_t max = config->max_budget_bytes / BLOCK_SECTOR_BYTES;

	*b = (struct bfq){ 0 };
	b->config = config;
	b->trail = trail;
	b->budget_max = max ? (uint32_t)max : BFQ_DEFAULT;
	b->are_weights_equal = !config->is_strict;
	bwf2q_init(&b->server);
	for (uint32_t i = 0; i < config->client_count; i++)
		client_init(b, i);
	b->heeds_distance = b->are_weights_equal && config->slice_idle_tsc > 0;
}

/* --- the trail ---------------------------------------------------------------------------- */

static __attribute__((noinline, cold)) void keep(struct bfq *b, enum iosched_event event,
						 uint32_t client, uint32_t queue, uint32_t sectors,
						 enum bfq_expiry reason, uint64_t now_tsc)
{
	trail_add(b->trail, (struct iosched_audit){ .tsc = now_tsc,
						    .event = (uint8_t)event,
						    .reason = (uint8_t)reason,
						    .client = (uint16_t)client,
						    .queue = (uint16_t)queue,
						    .bytes = sectors * BLOCK_SECTOR_BYTES });
}

static inline void record(struct bfq *b, enum iosched_event event, uint32_t client, uint32_t queue,
			  uint32_t sectors, enum bfq_expiry reason, uint64_t now_tsc)
{
	if (__builtin_expect(b->trail->records != NULL, 0))
		keep(b, event, client, queue, sectors, reason, now_tsc);
}

/* --- a flow: budgets and think time ------------------------------------------------------- */

static uint32_t budget_of(const struct bfq_flow *f)
{
	return f->budget > f->longest ? f->budget : f->longest;
}

static inline uint32_t budget_left(const struct bfq_flow *f)
{
	return f->child.budget - f->child.service;
}

/* What it did with this one tells how large the next is to be. */
static void budget_learn(const struct bfq *b, struct bfq_flow *f, enum bfq_expiry reason)
{
	uint32_t used = f->child.service, budget = f->child.budget;
	uint32_t max = b->budget_max, floor = BFQ_FLOOR < max ? BFQ_FLOOR : max;

	if (reason == BFQ_EXHAUSTED || reason == BFQ_TIMED_OUT)
		budget *= used > 0 ? 2 : 1; /* not even one request: budget_of() sees to that */
	else if (f->in_flight == 0 || used > budget / 2)
		budget = used;
	else
		budget /= 2;
	if (budget > max || b->config->has_fixed_budgets)
		budget = max;
	f->budget = budget > floor ? budget : floor;
}

static inline void flow_added(const struct bfq *b, struct bfq_flow *f, uint32_t sectors,
			      uint64_t now_tsc)
{
	if (f->queued++ == 0 && f->in_flight == 0 && f->has_idled) {
		uint64_t think = now_tsc - f->idle_since_tsc;
		uint64_t max = THINK_MAX(b->config->slice_idle_tsc);

		think = think < max ? think : max;
		f->think_tsc += (think >> AVERAGE_SHIFT) - (f->think_tsc >> AVERAGE_SHIFT);
	}
	if (sectors > f->longest)
		f->longest = sectors;
}

static inline void flow_done(struct bfq_flow *f, uint64_t now_tsc)
{
	if (--f->in_flight > 0 || f->queued > 0)
		return;
	f->has_idled = true;
	f->idle_since_tsc = now_tsc;
}

/* When its turn ends even if it goes on, or TSC_NEVER. */
static inline uint64_t turn_end_tsc(const struct bfq *b, const struct bfq_flow *f)
{
	if (b->config->timeout_tsc == 0)
		return TSC_NEVER;
	return f->since_tsc + b->config->timeout_tsc - f->used_tsc;
}

/*
 * It is in service and has nothing queued. True: it is waited for, and *again_tsc says until when at
 * the latest.
 */
static bool is_awaited(const struct bfq *b, const struct bfq_flow *f, const struct bfq_queue *q,
		       bool are_weights_equal, uint64_t now_tsc, uint64_t *again_tsc)
{
	uint64_t slice_idle = b->config->slice_idle_tsc;
	uint64_t until_tsc = turn_end_tsc(b, f);

	if (slice_idle == 0 || q->is_async || f->think_tsc > slice_idle || budget_left(f) == 0)
		return false;
	if (are_weights_equal && q->far > FAR_WHOLE / 2)
		return false;
	if (f->in_flight == 0)
		until_tsc = min_u64(until_tsc, f->idle_since_tsc + slice_idle);
	*again_tsc = until_tsc;
	return now_tsc < until_tsc;
}

static inline bool has_idled_for(const struct bfq_flow *f, uint64_t tsc, uint64_t now_tsc)
{
	return f->queued == 0 && f->in_flight == 0 && now_tsc - f->idle_since_tsc >= tsc;
}

/* Why one that has run empty, and is not waited for, leaves. */
static enum bfq_expiry why_empty(const struct bfq *b, const struct bfq_flow *f, uint64_t now_tsc)
{
	uint64_t slice_idle = b->config->slice_idle_tsc;

	if (slice_idle > 0 && has_idled_for(f, slice_idle, now_tsc))
		return BFQ_TOO_IDLE;
	return budget_left(f) == 0 ? BFQ_EXHAUSTED : BFQ_NO_BACKLOG;
}

/* --- turns -------------------------------------------------------------------------------- */

static inline struct bfq_flow *flow_of(struct bwf2q_child *c)
{
	return (struct bfq_flow *)((uint8_t *)c - offsetof(struct bfq_flow, child));
}

/* A child of `server` that is the client itself if queue is IOSCHED_NO_QUEUE. */
static void wake(struct bfq *b, struct bwf2q *server, struct bfq_flow *f, uint32_t client,
		 uint32_t queue, uint64_t now_tsc)
{
	bwf2q_wake(server, &f->child, budget_of(f));
	record(b, IOSCHED_ACTIVATED, client, queue, f->child.budget, 0, now_tsc);
}

static void end_turn(struct bfq *b, struct bwf2q *server, struct bfq_flow *f, uint32_t client,
		     uint32_t queue, enum bfq_expiry reason, uint64_t now_tsc)
{
	uint32_t charged = reason == BFQ_TIMED_OUT ? f->child.budget : f->child.service;

	budget_learn(b, f, reason);
	record(b, IOSCHED_EXPIRED, client, queue, charged, reason, now_tsc);
	if (f->queued == 0) {
		bwf2q_end(server, charged);
		return;
	}
	bwf2q_end_and_wait(server, charged, budget_of(f));
	record(b, IOSCHED_ACTIVATED, client, queue, f->child.budget, 0, now_tsc);
}

static void end_queue(struct bfq *b, struct bfq_client *c, enum bfq_expiry reason, uint64_t now_tsc)
{
	struct bwf2q_child *q = c->server.in_service;

	end_turn(b, &c->server, flow_of(q), c->flow.child.id, q->id, reason, now_tsc);
}

/* Its queue in service stays so, for the client's next turn, if it has more to do. */
static void end_client(struct bfq *b, struct bfq_client *c, enum bfq_expiry reason,
		       uint64_t now_tsc)
{
	if (c->server.in_service) {
		struct bfq_flow *q = flow_of(c->server.in_service);

		q->used_tsc += now_tsc - q->since_tsc;
		q->is_paused = true;
		if (q->queued == 0)
			end_queue(b, c, reason, now_tsc);
	}
	end_turn(b, &b->server, &c->flow, c->flow.child.id, IOSCHED_NO_QUEUE, reason, now_tsc);
}

static struct bfq_client *client_in_service(struct bfq *b, uint64_t now_tsc)
{
	struct bwf2q_child *chosen = b->server.in_service;

	if (chosen)
		return &b->clients[chosen->id];
	chosen = bwf2q_choose(&b->server);
	flow_of(chosen)->since_tsc = now_tsc;
	record(b, IOSCHED_SELECTED, chosen->id, IOSCHED_NO_QUEUE, chosen->budget, 0, now_tsc);
	return &b->clients[chosen->id];
}

static struct bfq_queue *queue_in_service(struct bfq *b, struct bfq_client *c, uint64_t now_tsc)
{
	struct bwf2q_child *chosen = c->server.in_service;
	struct bfq_flow *q;

	if (chosen && !flow_of(chosen)->is_paused)
		return &c->queues[chosen->id];
	if (!chosen) {
		chosen = bwf2q_choose(&c->server);
		flow_of(chosen)->used_tsc = 0;
		record(b, IOSCHED_SELECTED, c->flow.child.id, chosen->id, chosen->budget, 0,
		       now_tsc);
	}
	q = flow_of(chosen);
	q->since_tsc = now_tsc;
	q->is_paused = false;
	return &c->queues[chosen->id];
}

/* --- what the scheduler is asked for ------------------------------------------------------ */

static void queue_append(struct bfq_queue *q, struct block_request *r)
{
	r->next = NULL;
	if (q->head)
		q->tail->next = r;
	else
		q->head = r;
	q->tail = r;
}

static struct block_request *queue_pop(struct bfq_queue *q)
{
	struct block_request *r = q->head;

	q->head = r->next;
	r->next = NULL;
	return r;
}

static void queue_notice_distance(struct bfq_queue *q, const struct block_request *r)
{
	uint64_t distance = r->sector - q->end_sector;

	if (r->op > BLOCK_WRITE)
		return;
	q->end_sector = r->sector + r->sector_count;
	if (distance + BFQ_FAR_SECTORS > 2 * BFQ_FAR_SECTORS)
		q->far += (FAR_WHOLE - q->far) >> AVERAGE_SHIFT;
	else
		q->far -= q->far >> AVERAGE_SHIFT;
}

/*
 * The client slept while nobody asked, so that its turn did not end: it is not to pay for that time.
 * True: nobody waits for the disk, and a new turn is its own once it has its request. (Not inline:
 * the usual path is shorter without.)
 */
static __attribute__((noinline)) bool end_sleep(struct bfq *b, struct bfq_client *c,
						uint64_t now_tsc)
{
	enum bfq_expiry reason = b->config->slice_idle_tsc > 0 ? BFQ_TOO_IDLE : BFQ_NO_BACKLOG;

	if (b->server.waiting || c->queue_count > 1) {
		end_client(b, c, reason, now_tsc);
		return false;
	}
	budget_learn(b, &c->flow, reason);
	record(b, IOSCHED_EXPIRED, c->flow.child.id, IOSCHED_NO_QUEUE, c->flow.child.service,
	       reason, now_tsc);
	return true;
}

static __attribute__((noinline)) void renew(struct bfq *b, struct bfq_client *c, uint64_t now_tsc)
{
	uint32_t budget = budget_of(&c->flow), id = c->flow.child.id;

	bwf2q_renew(&b->server, budget);
	c->flow.since_tsc = now_tsc;
	record(b, IOSCHED_ACTIVATED, id, IOSCHED_NO_QUEUE, budget, 0, now_tsc);
	record(b, IOSCHED_SELECTED, id, IOSCHED_NO_QUEUE, budget, 0, now_tsc);
}

void bfq_add(struct bfq *b, struct block_request *r, uint64_t now_tsc)
{
	struct bfq_client *c = &b->clients[r->client];
	struct bfq_queue *q = &c->queues[r->queue];
	uint32_t sectors = bfq_service(r);
	bool is_renewed = false;

	ASSERT(r->queue < c->queue_count);
	if (c->flow.child.state == BWF2Q_IN_SERVICE &&
	    has_idled_for(&c->flow, b->config->slice_idle_tsc, now_tsc))
		is_renewed = end_sleep(b, c, now_tsc);
	record(b, IOSCHED_ADDED, r->client, r->queue, sectors, 0, now_tsc);
	r->sched.leaf = sectors;
	queue_append(q, r);
	if (b->heeds_distance)
		queue_notice_distance(q, r);
	b->queued++;
	flow_added(b, &c->flow, sectors, now_tsc);
	if (c->queue_count > 1) {
		flow_added(b, &q->flow, sectors, now_tsc);
		if (q->flow.queued == 1 && q->flow.child.state != BWF2Q_IN_SERVICE)
			wake(b, &c->server, &q->flow, r->client, r->queue, now_tsc);
	}
	if (is_renewed)
		renew(b, c, now_tsc);
	else if (c->flow.queued == 1 && c->flow.child.state != BWF2Q_IN_SERVICE)
		wake(b, &b->server, &c->flow, r->client, IOSCHED_NO_QUEUE, now_tsc);
}

static struct block_request *dispatch(struct bfq *b, struct bfq_client *c, struct bfq_queue *q,
				      uint64_t now_tsc)
{
	struct block_request *r = queue_pop(q);
	uint32_t sectors = r->sched.leaf;

	q->is_async = c->has_async_writes && r->op != BLOCK_READ && r->op != BLOCK_FLUSH;
	c->recent = q;
	bwf2q_serve(&b->server, sectors);
	c->flow.queued--;
	c->flow.in_flight++;
	if (c->queue_count > 1) {
		bwf2q_serve(&c->server, sectors);
		q->flow.queued--;
		q->flow.in_flight++;
	}
	b->queued--;
	b->in_flight++;
	if (b->rate.began_tsc == 0)
		b->rate.began_tsc = now_tsc;
	return r;
}

/*
 * The client in service has requests. NULL: ask again, or, if *is_waiting, nobody now: one of its
 * queues is waited for.
 */
static struct block_request *next_of_client(struct bfq *b, struct bfq_client *c, uint64_t now_tsc,
					    uint64_t *again_tsc, bool *is_waiting)
{
	struct bfq_queue *q = &c->queues[0];

	if (c->queue_count > 1)
		q = queue_in_service(b, c, now_tsc);
	if (!q->head) {
		*is_waiting = !c->are_weights_equal &&
			      is_awaited(b, &q->flow, q, false, now_tsc, again_tsc);
		if (!*is_waiting)
			end_queue(b, c, why_empty(b, &q->flow, now_tsc), now_tsc);
		return NULL;
	}
	if (q->head->sched.leaf > budget_left(&c->flow)) {
		end_client(b, c, BFQ_EXHAUSTED, now_tsc);
		return NULL;
	}
	if (c->queue_count > 1) {
		bool is_over = now_tsc >= turn_end_tsc(b, &q->flow);

		if (is_over || q->head->sched.leaf > budget_left(&q->flow)) {
			end_queue(b, c, is_over ? BFQ_TIMED_OUT : BFQ_EXHAUSTED, now_tsc);
			return NULL;
		}
	}
	return dispatch(b, c, q, now_tsc);
}

/* Each time around a turn ends, and the one that begins has a request that its budget allows. */
struct block_request *bfq_next(struct bfq *b, uint64_t now_tsc, uint64_t *again_tsc)
{
	bool is_waiting = false;

	while (b->queued > 0 && !is_waiting) {
		struct bfq_client *c = client_in_service(b, now_tsc);

		if (now_tsc >= turn_end_tsc(b, &c->flow)) {
			end_client(b, c, BFQ_TIMED_OUT, now_tsc);
		} else if (c->flow.queued == 0) {
			is_waiting = is_awaited(b, &c->flow, c->recent, b->are_weights_equal,
						now_tsc, again_tsc);
			if (!is_waiting)
				end_client(b, c, why_empty(b, &c->flow, now_tsc), now_tsc);
		} else {
			struct block_request *r =
				next_of_client(b, c, now_tsc, again_tsc, &is_waiting);

			if (r)
				return r;
		}
	}
	return NULL;
}

/*
 * The largest budget is what fits into timeout_tsc at the rate of the best windows: up at once by
 * half of the difference, down slowly, as most windows are below what the device can do.
 */
static void rate_notice(struct bfq *b, uint32_t sectors, uint64_t now_tsc)
{
	struct bfq_rate *rate = &b->rate;
	uint64_t window_tsc = now_tsc - rate->began_tsc, found;

	rate->sectors += sectors;
	if (++rate->count >= RATE_COUNT && window_tsc >= b->config->timeout_tsc / RATE_DIVISOR) {
		found = mul_div(rate->sectors, b->config->timeout_tsc, window_tsc);
		if (found > rate->peak)
			rate->peak += (found - rate->peak + 1) / 2;
		else
			rate->peak -= (rate->peak - found) >> RATE_FALLS_SHIFT;
		b->budget_max = (uint32_t)min_u64(max_u64(rate->peak, BFQ_FLOOR), BWF2Q_BUDGET_MAX);
		*rate = (struct bfq_rate){ .peak = rate->peak, .began_tsc = now_tsc };
	}
	/* A pause is not the device's slowness. */
	if (b->in_flight == 0 && b->queued == 0)
		*rate = (struct bfq_rate){ .peak = rate->peak };
}

void bfq_done(struct bfq *b, struct block_request *r, uint64_t now_tsc)
{
	struct bfq_client *c = &b->clients[r->client];

	b->in_flight--;
	flow_done(&c->flow, now_tsc);
	if (c->queue_count > 1)
		flow_done(&c->queues[r->queue].flow, now_tsc);
	if (b->config->max_budget_bytes == 0 && b->config->timeout_tsc > 0)
		rate_notice(b, r->sched.leaf, now_tsc);
}

/* One that waits and has no more requests does not wait any more. */
static void flow_removed(struct bfq *b, struct bwf2q *server, struct bfq_flow *f, uint32_t client,
			 uint32_t queue, uint64_t now_tsc)
{
	if (--f->queued > 0 || f->child.state != BWF2Q_WAITING)
		return;
	bwf2q_withdraw(server, &f->child);
	record(b, IOSCHED_EXPIRED, client, queue, 0, BFQ_REMOVED, now_tsc);
}

struct block_request *bfq_remove(struct bfq *b, uint32_t client, uint64_t now_tsc)
{
	struct bfq_client *c = &b->clients[client];
	struct bfq_queue *q = c->queues;
	struct block_request *r;

	if (c->flow.queued == 0)
		return NULL;
	while (!q->head)
		q++;
	r = queue_pop(q);
	record(b, IOSCHED_REMOVED, client, r->queue, r->sched.leaf, 0, now_tsc);
	b->queued--;
	flow_removed(b, &b->server, &c->flow, client, IOSCHED_NO_QUEUE, now_tsc);
	if (c->queue_count > 1)
		flow_removed(b, &c->server, &q->flow, client, r->queue, now_tsc);
	return r;
}
