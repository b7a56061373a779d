/* SPDX-License-Identifier: Apache-2.0 */
#include "io/disk_bound.h"
#include "core/lib/assert.h"
#include "io/bfq.h"

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* a * b / c, rounded up. */
static uint64_t scale_capped(uint64_t a, uint64_t b, uint64_t c)
{
	unsigned __int128 x = ((unsigned __int128)a * b + c - 1) / c;

	return x > UINT64_MAX ? UINT64_MAX : (uint64_t)x;
}

/* So many bytes, in requests of at least `each`. */
static uint64_t time_of(const struct disk_bound_system *s, uint64_t bytes, uint64_t each)
{
	uint64_t fixed = scale_capped(scale_capped(bytes, 1, each), s->device.fixed_ns, 1);

	return add_capped(fixed, scale_capped(bytes, s->device.byte_ps, 1000));
}

static uint64_t weight_sum(const struct disk_bound_system *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->client_count; i++)
		sum += s->clients[i].weight;
	return sum;
}

/* Of `client` in a turn; it has `outstanding` of its longest requests. */
static uint64_t budget_of(const struct disk_bound_system *s, uint32_t client, uint32_t outstanding)
{
	const struct disk_bound_client *c = &s->clients[client];
	uint64_t sum = weight_sum(s), budget = s->max_budget_bytes;

	if (!s->has_fixed_budgets && sum > c->weight) {
		uint64_t used = scale_capped(scale_capped(c->request_max_bytes, outstanding + 1, 1),
					     sum, sum - c->weight);
		uint64_t learnt = max_u64(add_capped(used, used), BFQ_FLOOR * BLOCK_SECTOR_BYTES);

		budget = min_u64(budget, learnt);
	}
	return max_u64(budget, c->request_max_bytes);
}

/* Of another client's turn that has just begun. */
static uint64_t turn_ns(const struct disk_bound_system *s, uint32_t client, uint64_t longest)
{
	uint64_t bytes = max_u64(s->max_budget_bytes, longest), ns = 0;

	for (uint32_t i = 0; i < s->client_count; i++) {
		if (i != client)
			ns = max_u64(ns, time_of(s, bytes, s->clients[i].request_min_bytes));
	}
	if (s->timeout_ns > 0)
		ns = min_u64(ns, add_capped(s->timeout_ns, time_of(s, longest, longest)));
	return add_capped(ns, s->slice_idle_ns);
}

/* What the others are due while one of that weight is due so many bytes. */
static uint64_t others_ns(const struct disk_bound_system *s, uint32_t client, uint64_t bytes)
{
	uint64_t ns = 0;

	for (uint32_t i = 0; i < s->client_count; i++) {
		const struct disk_bound_client *c = &s->clients[i];

		if (i != client)
			ns = add_capped(ns, time_of(s,
						    scale_capped(bytes, c->weight,
								 s->clients[client].weight),
						    c->request_min_bytes));
	}
	return ns;
}

struct disk_bound disk_bound_of(const struct disk_bound_system *s, uint32_t client,
				uint32_t outstanding)
{
	const struct disk_bound_client *c = &s->clients[client];
	uint64_t longest = 0, earlier_bytes, own_ns;
	struct disk_bound b;

	ASSERT(client < s->client_count && outstanding > 0);
	for (uint32_t i = 0; i < s->client_count; i++)
		longest = max_u64(longest, s->clients[i].request_max_bytes);
	earlier_bytes = scale_capped(c->request_max_bytes, outstanding - 1, 1);
	own_ns = scale_capped(time_of(s, c->request_max_bytes, c->request_max_bytes), outstanding,
			      1);
	b.in_device_ns = scale_capped(time_of(s, longest, longest), s->depth, 1);
	b.turn_ns = turn_ns(s, client, longest);
	b.due_ns =
		others_ns(s, client, add_capped(earlier_bytes, budget_of(s, client, outstanding)));
	b.due_ns = add_capped(b.due_ns, own_ns);
	b.ns = add_capped(add_capped(b.in_device_ns, b.turn_ns),
			  add_capped(b.due_ns, s->device.stall_ns));
	return b;
}
