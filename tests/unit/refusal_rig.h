/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/refusal_rig.h - tables of wrong configurations: what makes each wrong, the whole sentence that its
 * user is told, and a change that does what the sentence says.
 *
 * Model    For each row: the good system is accepted; with `wrong` it is refused by exactly this sentence, by
 *	    none beside it; with `mend` after that it is accepted. A sentence names who, which field, its
 *	    value, the rule and, behind the last ';' or ':', what would mend it: tests/check-refusals
 *	    sees to it that each sentence of core/plan*.c has a row, and that fields are core/config.h's.
 * Sharing  Included once by a test, which defines good_system(): it fills in `sys` and all it leads to.
 */
#pragma once
#include "tests/unit/plan_rig.h"

struct edit {
	void *at;
	const void *value;
	size_t bytes;
};
#define SET(field, ...) \
	{ \
		&(field), &(const __typeof__(field)){ __VA_ARGS__ }, sizeof(field) \
	}
#define CLAIM(field, claim) \
	{ \
		&(field), &(const struct cpu_claim)claim, sizeof(field) \
	}
#define EDIT_MAX 4u

struct row {
	const char *name;
	struct edit wrong[EDIT_MAX];
	const char *says;
	struct edit mend[EDIT_MAX];
};

/* Again after the board was made of the configuration: it may be what is changed. */
static void apply(const struct edit *edits)
{
	for (uint32_t i = 0; i < EDIT_MAX && edits[i].at; i++)
		memcpy(edits[i].at, edits[i].value, edits[i].bytes);
}

static enum err build_row(const struct row *row, uint32_t steps)
{
	good_system();
	for (uint32_t again = 0; again < 2; again++) {
		if (steps > 0)
			apply(row->wrong);
		if (steps > 1)
			apply(row->mend);
		if (again == 0)
			plan_board_from_config(&sys, &board);
	}
	return build_on_board();
}

static void show(const struct row *row, const char *what)
{
	printf("  %s: %s\n", row->name, what);
	for (uint32_t i = 0; i < no.count && i < PLAN_REFUSAL_MAX; i++)
		printf("    got    %s\n", no.text[i]);
}

/* Whole: who is in front, a change that mends it at the end, nothing left out but of a text of the user's. */
static bool is_sentence(const char *s)
{
	static const char *const who[] = { "system: ", "partition '", "partitions[",
					   "disk '",   "disks[",      "core " };
	const char *const field = strstr(s, ": ");
	bool has_who = false;

	for (uint32_t i = 0; i < ARRAY_SIZE(who); i++)
		has_who |= strncmp(s, who[i], strlen(who[i])) == 0;
	return has_who && strlen(s) < PLAN_REFUSAL_BYTES && field && strpbrk(field + 2, ";:") &&
	       is_whole(s);
}

static void check_row(const struct row *row)
{
	const bool is_good = build_row(row, 0) == OK;
	bool is_refused, is_mended;

	if (!is_good)
		show(row, "the good system is refused");
	is_refused = build_row(row, 1) == ERR_INVAL && no.count == 1 &&
		     strcmp(no.text[0], row->says) == 0 && is_no_plan();
	if (!is_refused) {
		show(row, "refused otherwise");
		printf("    wanted %s\n", row->says);
	}
	is_mended = build_row(row, 2) == OK && no.count == 0;
	if (!is_mended)
		show(row, "what the sentence says does not mend it");
	CHECK(is_good && is_refused && is_mended && is_sentence(row->says));
}

#define CHECK_ROWS(rows) \
	do { \
		for (uint32_t n = 0; n < ARRAY_SIZE(rows); n++) \
			check_row(&(rows)[n]); \
		printf("%u wrong configurations\n", (uint32_t)ARRAY_SIZE(rows)); \
	} while (0)
