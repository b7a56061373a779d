/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/plan_rig.h - for tests of the planner: change what good_system() has made, and ask what the
 * plan says to it.
 *
 * Sharing  Included once by a test, which defines good_system(): it fills in `sys` and all it leads to.
 */
#pragma once
#include <string.h>
#include "core/plan.h"
#include "tests/test.h"

static struct config sys;
static struct board board;
static struct plan plan;
static struct plan_refusals no;

void good_system(void);

#define TEST_BOARD(cores, overhead) \
	{ \
		.core_count = (cores), .memory_bytes = MIB(256), .switch_overhead_ns = (overhead), \
		.timer_resolution_ns = US(1) \
	}

/* On the board as it is now: a test may have changed it since it was made of the configuration. */
static __attribute__((unused)) enum err build_on_board(void)
{
	memset(&plan, 0xaa, sizeof(plan));
	memset(&no, 0xaa, sizeof(no));
	return plan_build(&sys, &board, &plan, &no);
}

static __attribute__((unused)) enum err build(void)
{
	plan_board_from_config(&sys, &board);
	return build_on_board();
}

static __attribute__((unused)) bool or_say_why(bool is_as_wanted)
{
	for (uint32_t i = 0; !is_as_wanted && i < no.count && i < PLAN_REFUSAL_MAX; i++)
		printf("  %s\n", no.text[i]);
	good_system();
	return is_as_wanted;
}

/* Is there exactly one refusal, and does it say all of this? Then all is good again. */
static __attribute__((unused)) bool refuses(const char *who, const char *field, const char *fix)
{
	const enum err e = build();

	return or_say_why(e == ERR_INVAL && no.count == 1 && strstr(no.text[0], who) &&
			  strstr(no.text[0], field) && strstr(no.text[0], fix));
}

static __attribute__((unused)) bool accepts(void)
{
	const enum err e = build();

	return or_say_why(e == OK && no.count == 0);
}

/* Nothing is left out, but of a text of the user's. */
static inline bool is_whole(const char *sentence)
{
	return !strstr(sentence, "...") || strstr(sentence, "...'");
}

/* No half of a plan is left. */
static inline bool is_no_plan(void)
{
	static const struct plan nothing;

	return memcmp(&plan, &nothing, sizeof(plan)) == 0;
}

/* The same with one text, of a whole sentence, and of the board as it is now. */
static __attribute__((unused)) bool refused_on_board(const char *text)
{
	const bool is_refused = build_on_board() == ERR_INVAL && no.count == 1 &&
				strstr(no.text[0], text) && is_whole(no.text[0]) && is_no_plan();

	if (!is_refused)
		printf("  wanted %s\n", text);
	return or_say_why(is_refused);
}

static __attribute__((unused)) bool refused(const char *text)
{
	plan_board_from_config(&sys, &board);
	return refused_on_board(text);
}
