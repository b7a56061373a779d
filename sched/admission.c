/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/admission.h"
#include "sched/cbs.h"

#define TICK_LIMIT BIT64(62)
#define WHOLE_PPM  UINT64_C(1000000)

/*
 * A natural number, least significant word first. The common denominator is a product of
 * CBS_SERVER_MAX + 1 factors below 2^62: the servers' periods, and one of them again for what blocks it.
 * The sum is below 2^70 of it (each term is below 2^63), and a million times the sum below
 * 2^90: two words more than the denominator has.
 */
#define BIG_WORDS (CBS_SERVER_MAX + 3)

struct big {
	uint64_t word[BIG_WORDS];
};

/* n = n * factor */
static void big_scale(struct big *n, uint64_t factor)
{
	uint64_t carry = 0;

	for (uint32_t i = 0; i < BIG_WORDS; i++) {
		unsigned __int128 x = (unsigned __int128)n->word[i] * factor + carry;

		n->word[i] = (uint64_t)x;
		carry = (uint64_t)(x >> 64);
	}
}

/* n = n + m * factor */
static void big_add_scaled(struct big *n, const struct big *m, uint64_t factor)
{
	uint64_t carry = 0;

	for (uint32_t i = 0; i < BIG_WORDS; i++) {
		unsigned __int128 x = (unsigned __int128)m->word[i] * factor + n->word[i] + carry;

		n->word[i] = (uint64_t)x;
		carry = (uint64_t)(x >> 64);
	}
}

static bool big_exceeds(const struct big *n, const struct big *m)
{
	for (uint32_t i = BIG_WORDS; i-- > 0;) {
		if (n->word[i] != m->word[i])
			return n->word[i] > m->word[i];
	}
	return false;
}

/* The smallest u with n <= u * m, found bit by bit; UINT64_MAX if there is none below it. */
static uint64_t big_ratio_rounded_up(const struct big *n, const struct big *m)
{
	uint64_t too_small = 0;

	if (!big_exceeds(n, &(struct big){ { 0 } }))
		return 0;
	for (uint32_t bit = 64; bit-- > 0;) {
		uint64_t candidate = too_small | BIT64(bit);
		struct big product = { { 0 } };

		big_add_scaled(&product, m, candidate);
		if (big_exceeds(n, &product))
			too_small = candidate;
	}
	return too_small == UINT64_MAX ? UINT64_MAX : too_small + 1;
}

static enum err check_servers(const struct admission_server *servers, uint32_t server_count,
			      uint64_t overhead_tsc, uint64_t background_tsc)
{
	if (server_count > CBS_SERVER_MAX)
		return ERR_NOMEM;
	if (overhead_tsc >= TICK_LIMIT || background_tsc >= TICK_LIMIT)
		return ERR_RANGE;
	for (uint32_t i = 0; i < server_count; i++) {
		if (servers[i].budget_tsc == 0 || servers[i].budget_tsc > servers[i].period_tsc)
			return ERR_INVAL;
		if (servers[i].period_tsc >= TICK_LIMIT || servers[i].blocking_tsc >= TICK_LIMIT)
			return ERR_RANGE;
	}
	return OK;
}

/* a/b + n/d = (a * d + n * b) / (b * d) */
struct fraction {
	struct big sum, whole;
};

static void add(struct fraction *f, uint64_t n, uint64_t d)
{
	big_scale(&f->sum, d);
	big_add_scaled(&f->sum, &f->whole, n);
	big_scale(&f->whole, d);
}

static uint64_t ppm_rounded_up(const struct fraction *f)
{
	struct big sum = f->sum;

	big_scale(&sum, WHOLE_PPM);
	return big_ratio_rounded_up(&sum, &f->whole);
}

static void order_by_period(const struct admission_server *servers, uint32_t count,
			    uint32_t order[CBS_SERVER_MAX])
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;

		for (; at > 0 && servers[order[at - 1]].period_tsc > servers[i].period_tsc; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

/* Those from order[from] on, and the background. */
static uint64_t longest_of(const struct admission_server *servers, uint32_t count,
			   const uint32_t order[CBS_SERVER_MAX], uint32_t from,
			   uint64_t background_tsc)
{
	uint64_t longest_tsc = background_tsc;

	for (uint32_t i = from; i < count; i++)
		longest_tsc = max_u64(longest_tsc, servers[order[i]].blocking_tsc);
	return longest_tsc;
}

/* `f` is the sum of all whose periods are at most this one's: has it room for what blocks it? */
static void test_blocking(const struct fraction *f, uint32_t server, uint64_t period_tsc,
			  uint64_t blocking_tsc, struct admission *answer)
{
	struct fraction with = *f;

	add(&with, blocking_tsc, period_tsc);
	if (!big_exceeds(&with.sum, &with.whole))
		return;
	answer->blocked = server;
	answer->blocking_tsc = blocking_tsc;
	answer->blocked_ppm = ppm_rounded_up(&with);
}

enum err admission_test(const struct admission_server *servers, uint32_t server_count,
			uint64_t overhead_tsc, uint64_t background_tsc, struct admission *answer)
{
	struct fraction f = { .sum = { { 0 } }, .whole = { { 1 } } };
	uint32_t order[CBS_SERVER_MAX];
	enum err err = check_servers(servers, server_count, overhead_tsc, background_tsc);

	if (err != OK)
		return err;
	*answer = (struct admission){ .blocked = server_count };
	order_by_period(servers, server_count, order);
	for (uint32_t i = 0; i < server_count; i++) {
		const struct admission_server *const s = &servers[order[i]];
		uint64_t blocking_tsc;

		add(&f, s->budget_tsc + overhead_tsc, s->period_tsc);
		if (answer->blocked != server_count ||
		    (i + 1 < server_count && servers[order[i + 1]].period_tsc == s->period_tsc))
			continue;
		blocking_tsc = longest_of(servers, server_count, order, i + 1, background_tsc);
		if (blocking_tsc != 0)
			test_blocking(&f, order[i], s->period_tsc, blocking_tsc, answer);
	}
	answer->utilization_ppm = ppm_rounded_up(&f);
	if (big_exceeds(&f.sum, &f.whole))
		answer->excess_ppm = answer->utilization_ppm - WHOLE_PPM;
	answer->is_admitted = answer->excess_ppm == 0 && answer->blocked == server_count;
	return OK;
}
