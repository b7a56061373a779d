/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/admission.h"
#include "sched/cbs.h"

#define TICK_LIMIT BIT64(62)
#define WHOLE_PPM  UINT64_C(1000000)

/*
 * A natural number, least significant word first. The common denominator is a product of
 * CBS_SERVER_MAX factors below 2^62. The sum is below 2^69 of it (each term is below 2^63),
 * and a million times the sum below 2^89: two words more than the denominator has.
 */
#define BIG_WORDS (CBS_SERVER_MAX + 2)

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
			      uint64_t overhead_tsc)
{
	if (server_count > CBS_SERVER_MAX)
		return ERR_NOMEM;
	if (overhead_tsc >= TICK_LIMIT)
		return ERR_RANGE;
	for (uint32_t i = 0; i < server_count; i++) {
		if (servers[i].budget_tsc == 0 || servers[i].budget_tsc > servers[i].period_tsc)
			return ERR_INVAL;
		if (servers[i].period_tsc >= TICK_LIMIT)
			return ERR_RANGE;
	}
	return OK;
}

enum err admission_test(const struct admission_server *servers, uint32_t server_count,
			uint64_t overhead_tsc, struct admission *answer)
{
	struct big sum = { { 0 } };
	struct big whole = { { 1 } };
	enum err err = check_servers(servers, server_count, overhead_tsc);

	if (err != OK)
		return err;
	/* a/b + c/p = (a * p + c * b) / (b * p) */
	for (uint32_t i = 0; i < server_count; i++) {
		big_scale(&sum, servers[i].period_tsc);
		big_add_scaled(&sum, &whole, servers[i].budget_tsc + overhead_tsc);
		big_scale(&whole, servers[i].period_tsc);
	}
	answer->is_admitted = !big_exceeds(&sum, &whole);
	big_scale(&sum, WHOLE_PPM);
	answer->utilization_ppm = big_ratio_rounded_up(&sum, &whole);
	answer->excess_ppm = answer->is_admitted ? 0 : answer->utilization_ppm - WHOLE_PPM;
	return OK;
}
