/* SPDX-License-Identifier: Apache-2.0 */
/* io/shaper.c - see io/shaper.h. */
#include "io/shaper.h"
#include "core/lib/assert.h"

#define NS_PER_S     1000000000u
#define TOKEN_SHIFT  16
#define DEBT_MAX     (INT64_C(1) << 61)
#define FILL_MAX_NS  SEC(2) /* who is not filled for longer has lost the rest */
#define EQUAL_ROUNDS 4u
/*
 * A link is full from 127/128 on; what is then kept free for who may be crowded out: 1/64 of it, and up to a
 * quarter as long as that makes them send more.
 */
#define FULL_SHIFT     7
#define FREE_SHIFT     6
#define FREE_SHIFT_MIN 2

/* Time is in 2^-32 seconds where it is multiplied by a rate. */
static int64_t tokens_of(uint64_t rate, uint64_t time)
{
	return (int64_t)((unsigned __int128)rate * time >> (32 - TOKEN_SHIFT));
}

/* What is assured, to the last token: a low rate and short ticks are usual. */
static int64_t assured_tokens(struct shaper_bucket *b, uint64_t time)
{
	unsigned __int128 sum = (unsigned __int128)b->assured * time + b->fraction;

	b->fraction = (uint64_t)sum & (BIT64(32 - TOKEN_SHIFT) - 1);
	return (int64_t)(sum >> (32 - TOKEN_SHIFT));
}

void shaper_init(struct shaper *s, uint64_t link_bytes, uint64_t burst_ns, uint64_t now_ns)
{
	ASSERT(burst_ns <= SEC(1));
	*s = (struct shaper){ .link_bytes = min_u64(link_bytes, SHAPER_RATE_MAX),
			      .burst_ns = burst_ns,
			      .free_shift = FREE_SHIFT,
			      .last_ns = now_ns };
}

static uint64_t burst_time(const struct shaper *s)
{
	return (s->burst_ns << 32) / NS_PER_S;
}

/* A bucket that holds nothing would never open. */
static int64_t capacity(const struct shaper *s, uint64_t rate)
{
	return 1 + tokens_of(rate, burst_time(s));
}

static void bucket_init(struct shaper_bucket *b, const struct shaper_tuple *t, uint64_t link)
{
	ASSERT(t->min <= t->usual && (t->max == 0 || t->usual <= t->max));
	b->assured = min_u64(t->usual, SHAPER_RATE_MAX);
	b->most = min_u64(t->max, SHAPER_RATE_MAX);
	if (link != 0)
		b->most = b->most == 0 ? link : min_u64(b->most, max_u64(link, b->assured));
}

/* Without a link, nothing can be lent: the one rate is what is assured. */
static void bucket_fix(struct shaper_bucket *b, uint64_t rate)
{
	b->assured = rate;
	b->most = rate;
}

static void insert_by_priority(struct shaper *s, uint32_t client)
{
	uint32_t i = client;

	while (i > 0 && s->clients[s->order[i - 1]].priority < s->clients[client].priority) {
		s->order[i] = s->order[i - 1];
		i--;
	}
	s->order[i] = (uint8_t)client;
}

/* What the link has beyond what is assured would be shared by so many. */
static uint64_t spare_each(const struct shaper *s)
{
	uint64_t assured = 0;
	uint32_t takers = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct shaper_bucket *b = &s->clients[i].bytes;

		assured += b->assured;
		takers += b->most > b->assured;
	}
	return takers == 0 || assured >= s->link_bytes ? 0 : (s->link_bytes - assured) / takers;
}

static void bucket_size(const struct shaper *s, struct shaper_bucket *b, uint64_t spare)
{
	b->surge = capacity(s, b->most);
	b->room = capacity(s, min_u64(b->most, b->assured + spare));
	b->tokens = b->room;
}

uint32_t shaper_add(struct shaper *s, const struct shaper_claim *claim)
{
	uint32_t client = s->count;
	struct shaper_client *c = &s->clients[client];

	ASSERT(client < SHAPER_CLIENT_MAX);
	*c = (struct shaper_client){ .priority = claim->priority };
	bucket_init(&c->bytes, &claim->bytes, s->link_bytes);
	bucket_init(&c->packets, &claim->packets, 0);
	bucket_fix(&c->packets, c->packets.most);
	if (s->link_bytes == 0 && c->bytes.most != 0)
		bucket_fix(&c->bytes, c->bytes.assured ? c->bytes.assured : c->bytes.most);
	s->count++;
	insert_by_priority(s, client);
	for (uint32_t i = 0; i < s->count; i++) {
		bucket_size(s, &s->clients[i].bytes, spare_each(s));
		bucket_size(s, &s->clients[i].packets, 0);
	}
	return client;
}

static void bucket_take(struct shaper_bucket *b, uint64_t amount)
{
	b->used += amount;
	b->tokens -= (int64_t)min_u64(amount, SHAPER_RATE_MAX) << TOKEN_SHIFT;
	if (b->tokens < -DEBT_MAX)
		b->tokens = -DEBT_MAX;
}

void shaper_take(struct shaper *s, uint32_t client, uint64_t packets, uint64_t bytes)
{
	bucket_take(&s->clients[client].packets, packets);
	bucket_take(&s->clients[client].bytes, bytes);
}

static bool bucket_is_open(const struct shaper_bucket *b)
{
	return b->most == 0 || b->tokens > 0;
}

bool shaper_is_open(struct shaper *s, uint32_t client)
{
	struct shaper_client *c = &s->clients[client];
	bool is_open = bucket_is_open(&c->packets) && bucket_is_open(&c->bytes);

	c->closed_count += !is_open;
	return is_open;
}

/* More while it uses more: who watches it sees it no more often than it is filled. */
static int64_t capacity_now(const struct shaper_bucket *b)
{
	int64_t twice = (int64_t)min_u64(b->used, SHAPER_RATE_MAX) << (TOKEN_SHIFT + 1);

	return b->room + twice < b->surge ? b->room + twice : b->surge;
}

/*
 * Fills it with what is assured. What more it could have: `lacks`. What it took of the time's tokens is
 * returned: less than nothing if it holds less than before.
 */
static int64_t bucket_fill(struct shaper_bucket *b, uint64_t time)
{
	int64_t gain = assured_tokens(b, time);
	int64_t holds = capacity_now(b), extra = tokens_of(b->most - b->assured, time);

	if (gain > holds - b->tokens)
		gain = holds - b->tokens;
	b->used = 0;
	b->tokens += gain;
	b->filled += (uint64_t)gain;
	b->lacks = holds - b->tokens < extra ? holds - b->tokens : extra;
	return gain;
}

static void give(struct shaper *s, struct shaper_bucket *b, int64_t most)
{
	int64_t given = b->lacks < most ? b->lacks : most;

	b->lacks -= given;
	b->tokens += given;
	b->filled += (uint64_t)given;
	s->pool -= given;
}

/* Clients order[first .. end) are of one priority. */
struct group {
	uint32_t first, end;
};

/* False: the pool is empty, or nobody lacks anything. */
static bool give_equally(struct shaper *s, struct group g)
{
	int64_t wanting = 0, part;

	for (uint32_t i = g.first; i < g.end; i++)
		wanting += s->clients[s->order[i]].bytes.lacks > 0;
	if (wanting == 0 || s->pool < wanting)
		return false;
	part = s->pool / wanting;
	for (uint32_t i = g.first; i < g.end; i++)
		give(s, &s->clients[s->order[i]].bytes, part);
	return true;
}

/*
 * In equal parts; what some cannot take, again; after some rounds whoever is next takes what is left, a
 * different one each time: a bound, and nothing is left over.
 */
static void give_group(struct shaper *s, struct group g)
{
	uint32_t size = g.end - g.first;

	for (uint32_t round = 0; round < EQUAL_ROUNDS; round++)
		if (!give_equally(s, g))
			return;
	for (uint32_t i = 0; i < size; i++)
		give(s, &s->clients[s->order[g.first + (s->turn + i) % size]].bytes, s->pool);
}

static void give_pool(struct shaper *s)
{
	struct group g = { 0, 0 };

	s->turn++;
	for (; g.first < s->count && s->pool > 0; g.first = g.end) {
		uint32_t priority = s->clients[s->order[g.first]].priority;

		while (g.end < s->count && s->clients[s->order[g.end]].priority == priority)
			g.end++;
		give_group(s, g);
	}
}

static uint64_t elapsed(struct shaper *s, uint64_t now_ns)
{
	uint64_t ns = min_u64(now_ns - s->last_ns, FILL_MAX_NS);
	uint64_t scaled = (ns << 32) + s->remainder;

	s->last_ns = now_ns;
	s->remainder = scaled % NS_PER_S;
	return scaled / NS_PER_S;
}

/*
 * Who sends and has tokens left does not want more, or is crowded out by who sends larger frames. On a
 * full link nobody can tell; if a little of it stays free, whoever wants more sends more. What may be
 * given away of the link:
 */
static int64_t given_by_link(struct shaper *s, uint64_t time)
{
	uint64_t used = 0, crowded = 0, link = s->link_bytes;
	uint64_t carried = (uint64_t)tokens_of(link, time) >> TOKEN_SHIFT;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct shaper_bucket *b = &s->clients[i].bytes;

		used += b->used;
		crowded += b->tokens > b->room / 2 ? b->used : 0;
	}
	if (crowded <= s->crowded + s->crowded / 16)
		s->free_shift = FREE_SHIFT;
	else if (s->free_shift > FREE_SHIFT_MIN)
		s->free_shift--;
	s->crowded = crowded;
	if (crowded == 0 || used < carried - (carried >> FULL_SHIFT))
		return s->pool + tokens_of(link, time);
	return tokens_of(link - (link >> s->free_shift), time);
}

void shaper_tick(struct shaper *s, uint64_t now_ns)
{
	int64_t pool_max = capacity(s, s->link_bytes);
	uint64_t time;

	if (now_ns <= s->last_ns)
		return;
	time = elapsed(s, now_ns);
	s->pool = given_by_link(s, time);
	for (uint32_t i = 0; i < s->count; i++) {
		struct shaper_client *c = &s->clients[i];

		bucket_fill(&c->packets, time);
		s->pool -= bucket_fill(&c->bytes, time);
	}
	if (s->link_bytes == 0 || s->pool < 0)
		s->pool = 0;
	give_pool(s);
	if (s->pool > pool_max)
		s->pool = pool_max;
}
