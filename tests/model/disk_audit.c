/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/disk_audit.h"
#include <string.h>

#define NOBODY     AUDIT_CHILD_MAX
#define TIMED_OUT  1u         /* enum bfq_expiry */
#define BUDGET_TOP (1u << 26) /* 2^17 sectors */
#define ONE_SECTOR ((uint64_t)1 << 41)

static unsigned __int128 span(uint64_t bytes, uint32_t weight)
{
	return (unsigned __int128)(bytes / 512) * (ONE_SECTOR / weight);
}

static bool fail(struct disk_audit *a, const char *what)
{
	if (!a->wrong)
		a->wrong = what;
	return false;
}

void disk_audit_init(struct disk_audit *a, const struct iosched_config *config)
{
	memset(a, 0, sizeof(*a));
	a->depth = config->depth;
	a->root.child_count = config->client_count;
	a->root.served = NOBODY;
	for (uint32_t i = 0; i < config->client_count; i++) {
		const struct iosched_client_config *c = &config->clients[i];

		a->root.children[i].weight = c->weight;
		a->clients[i].child_count = c->queue_count;
		a->clients[i].served = NOBODY;
		for (uint32_t j = 0; j < c->queue_count; j++)
			a->clients[i].children[j].weight = c->queue_weights[j];
	}
}

static uint32_t weight_sum(const struct audit_node *n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n->child_count; i++) {
		if (n->children[i].state != AUDIT_AWAY)
			sum += n->children[i].weight;
	}
	return sum;
}

/* Time passes to the first start, if nobody has begun. */
static void jump(struct audit_node *n)
{
	unsigned __int128 first = ~(unsigned __int128)0;

	for (uint32_t i = 0; i < n->child_count; i++) {
		const struct audit_child *c = &n->children[i];

		if (c->state == AUDIT_WAITING && c->start < first)
			first = c->start;
	}
	if (n->served == NOBODY && first != ~(unsigned __int128)0 && first > n->vtime)
		n->vtime = first;
}

static bool activated(struct disk_audit *a, struct audit_node *n, uint32_t child, uint64_t budget)
{
	struct audit_child *c = &n->children[child];

	if (c->queued == 0)
		return fail(a, "activated without a request");
	if (c->state == AUDIT_WAITING || c->state == AUDIT_SERVED)
		return fail(a, "activated twice");
	if (budget == 0 || budget > BUDGET_TOP)
		return fail(a, "a budget out of range");
	if (c->state == AUDIT_GOES_ON) {
		c->start = c->finish;
	} else {
		jump(n);
		c->start = n->vtime;
		if (c->state == AUDIT_LINGERING && c->finish > n->vtime)
			c->start = c->finish;
		c->x = c->x_min = c->lag = c->phi_max = 0;
		c->phi_min = 2;
		c->budget_max = 0;
	}
	c->budget = budget;
	c->finish = c->start + span(budget, c->weight);
	c->state = AUDIT_WAITING;
	c->order = n->order++;
	if (budget > c->budget_max)
		c->budget_max = budget;
	if (budget > n->budget_max)
		n->budget_max = budget;
	return true;
}

static bool is_better(const struct audit_child *a, const struct audit_child *b)
{
	return a->finish != b->finish ? a->finish < b->finish : a->order < b->order;
}

static bool selected(struct disk_audit *a, struct audit_node *n, uint32_t child, uint64_t budget)
{
	struct audit_child *c = &n->children[child];

	if (n->served != NOBODY)
		return fail(a, "selected while another is in service");
	if (c->state != AUDIT_WAITING)
		return fail(a, "selected, and did not wait");
	jump(n);
	if (c->start > n->vtime)
		return fail(a, "selected before its start");
	for (uint32_t i = 0; i < n->child_count; i++) {
		const struct audit_child *o = &n->children[i];

		if (o->state == AUDIT_WAITING && o->start <= n->vtime && is_better(o, c))
			return fail(a, "another had an earlier finish");
	}
	if (budget != c->budget)
		return fail(a, "selected with another budget");
	c->state = AUDIT_SERVED;
	c->service = 0;
	n->served = child;
	a->choices++;
	return true;
}

/* 2 B (1 - phi) + phi * B_max while the others stay who they are; else without "(1 - phi)". */
static long double bound_of(const struct audit_node *n, const struct audit_child *c)
{
	long double own = 2.0L * (long double)c->budget_max;

	if (c->phi_max - c->phi_min < 1e-12L)
		own *= 1 - c->phi_max;
	return own + c->phi_max * (long double)n->budget_max;
}

static bool lag_is_bounded(struct disk_audit *a, const struct audit_node *n, struct audit_child *c)
{
	long double bound = bound_of(n, c);

	if (c->x < c->x_min)
		c->x_min = c->x;
	c->lag = c->x - c->x_min;
	if (c->lag > c->lag_max) {
		c->lag_max = c->lag;
		c->lag_bound = bound;
	}
	if (c->lag > bound * c->lag_part)
		c->lag_part = c->lag / bound;
	/* Reciprocals are cut off: a millionth of what was served is theirs. */
	return c->lag <= bound + 1e-6L * (long double)c->total + 1 ||
	       fail(a, "lag beyond its bound");
}

static bool served(struct disk_audit *a, struct audit_node *n, uint32_t child, uint64_t bytes)
{
	uint32_t sum = weight_sum(n);

	if (n->served != child)
		return fail(a, "dispatched out of its turn");
	n->children[child].service += bytes;
	if (n->children[child].service > n->children[child].budget)
		return fail(a, "more than its budget");
	for (uint32_t i = 0; i < n->child_count; i++) {
		struct audit_child *c = &n->children[i];
		long double phi = (long double)c->weight / sum;

		if (c->state != AUDIT_WAITING && c->state != AUDIT_SERVED)
			continue;
		c->total += bytes;
		c->phi_min = phi < c->phi_min ? phi : c->phi_min;
		c->phi_max = phi > c->phi_max ? phi : c->phi_max;
		c->x += phi * (long double)bytes - (i == child ? (long double)bytes : 0);
		if (!lag_is_bounded(a, n, c))
			return false;
	}
	n->vtime += span(bytes, sum);
	for (uint32_t k = 0; k < 2; k++) {
		struct audit_child *first = NULL;

		for (uint32_t i = 0; i < n->child_count; i++) {
			struct audit_child *c = &n->children[i];

			if (c->state == AUDIT_LINGERING && (!first || c->finish < first->finish))
				first = c;
		}
		if (first && first->finish <= n->vtime)
			first->state = AUDIT_AWAY;
	}
	return true;
}

static bool expired(struct disk_audit *a, struct audit_node *n, uint32_t child, uint64_t charged,
		    uint32_t reason)
{
	struct audit_child *c = &n->children[child];

	if (c->state == AUDIT_WAITING) { /* its requests were taken away */
		if (c->queued > 0 || charged > 0)
			return fail(a, "withdrawn with requests");
		c->finish = c->start;
	} else {
		if (n->served != child)
			return fail(a, "expired out of its turn");
		if (charged != (reason == TIMED_OUT ? c->budget : c->service))
			return fail(a, "charged for something else");
		c->finish = c->start + span(charged, c->weight);
		c->x -= (long double)(charged - c->service);
		n->served = NOBODY;
	}
	c->state = AUDIT_GOES_ON;
	if (c->queued == 0)
		c->state = c->finish > n->vtime ? AUDIT_LINGERING : AUDIT_AWAY;
	return true;
}

static bool request(struct disk_audit *a, const struct iosched_audit *r, struct audit_node *n)
{
	struct audit_child *client = &a->root.children[r->client], *queue = &n->children[r->queue];

	if (r->event == IOSCHED_ADDED) {
		client->queued++;
		queue->queued++;
		return true;
	}
	if (r->event == IOSCHED_COMPLETED)
		return a->in_flight-- > 0 || fail(a, "completed what was never dispatched");
	if (queue->queued-- == 0 || client->queued-- == 0)
		return fail(a, "a request from nowhere");
	if (r->event == IOSCHED_REMOVED)
		return true;
	if (a->in_flight++ >= a->depth)
		return fail(a, "more than the device's depth");
	return served(a, &a->root, r->client, r->bytes) &&
	       (n->child_count == 1 || served(a, n, r->queue, r->bytes));
}

/* REMOVED comes after the EXPIRED that it caused: that one is judged without the request. */
static bool turn(struct disk_audit *a, const struct iosched_audit *r, struct audit_node *n,
		 uint32_t child)
{
	if (child >= n->child_count)
		return fail(a, "no such child");
	switch (r->event) {
	case IOSCHED_ACTIVATED:
		return activated(a, n, child, r->bytes);
	case IOSCHED_SELECTED:
		return selected(a, n, child, r->bytes);
	case IOSCHED_EXPIRED:
		return expired(a, n, child, r->bytes, r->reason);
	default:
		return fail(a, "no such event");
	}
}

bool disk_audit_record(struct disk_audit *a, const struct iosched_audit *r)
{
	struct audit_node *n;

	if (a->wrong)
		return false;
	a->at = *r;
	a->records++;
	if (r->client >= a->root.child_count)
		return fail(a, "no such client");
	n = &a->clients[r->client];
	if (r->event <= IOSCHED_REMOVED)
		return r->queue < n->child_count ? request(a, r, n) : fail(a, "no such queue");
	if (r->queue == IOSCHED_NO_QUEUE)
		return turn(a, r, &a->root, r->client);
	return turn(a, r, n, r->queue);
}
