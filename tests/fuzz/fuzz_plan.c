/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner and configurations at random: core/plan.h's promises. What must hold is checked each time:
 *
 *	- no byte beyond a list or a text is read, no sum wraps where it matters (the sanitizers)
 *	- what is refused has at least one sentence; each is whole, and can be printed
 *	- what is accepted keeps the rules, read off again by fuzz_plan_rules.c, and is printed, in
 *	  whole lines
 *	- the second time the answer is the same
 *	- it takes no more than STEPS_MAX steps of any analysis, whatever the numbers are
 */
#include "tests/fuzz/fuzz_plan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sched/demand.h"

#define LINE_MAX   299u /* core/plan_text.c cuts there */
#define TEXT_BYTES 65536u

#define MUST(x) \
	do { \
		if (!(x)) \
			found(#x, __LINE__); \
	} while (0)

uint64_t fuzz_plan_accepted, fuzz_plan_refused, fuzz_plan_steps_most;

static struct world world;
static struct plan plans[2];
static struct plan_refusals refusals[2];
static char texts[2][TEXT_BYTES];
static uint32_t which;

/* Of each partition: its tasks one by one, then two searches to propose something, or one to see what it needs. */
#define STEPS_MAX ((uint64_t)MAX_PARTITIONS * (DEMAND_TASK_MAX + 2) * DEMAND_STEP_MAX)

/* A step: a window of time that is looked at for a guest's tasks. */
static uint64_t steps;
uint64_t __real_supply_window(const struct supply *s, uint64_t demand);
uint64_t __wrap_supply_window(const struct supply *s, uint64_t demand);
uint64_t __wrap_supply_window(const struct supply *s, uint64_t demand)
{
	steps++;
	return __real_supply_window(s, demand);
}

static void found(const char *what, int line)
{
	fprintf(stderr, "fuzz_plan.c:%d: %s\n", line, what);
	for (uint32_t i = 0; i < refusals[which].count && i < PLAN_REFUSAL_MAX; i++)
		fprintf(stderr, "  %.*s\n", (int)PLAN_REFUSAL_BYTES, refusals[which].text[i]);
	abort();
}

static void must_be_plain(const char *text, size_t most)
{
	const size_t n = strnlen(text, most + 1);

	MUST(n < most);
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~') {
			fprintf(stderr, "'%s'\n", text);
			found("every character can be printed", __LINE__);
		}
}

/* "who: field ..: what would mend it", not cut: dots stand only where a text of the user's was shortened. */
static void check_sentence(const char *text)
{
	const char *const field = strstr(text, ": ");

	must_be_plain(text, PLAN_REFUSAL_BYTES);
	if (!field || !strpbrk(field + 2, ";:") || strlen(text) < 24 ||
	    strcmp(text + strlen(text) - 3, "...") == 0) {
		fprintf(stderr, "'%s'\n", text);
		found("a sentence is whole", __LINE__);
	}
}

static void put(const char *line)
{
	char *const text = texts[which];
	const size_t length = strlen(text), n = strnlen(line, LINE_MAX + 1);

	must_be_plain(line, LINE_MAX);
	MUST(length + n + 2 < TEXT_BYTES);
	memcpy(text + length, line, n);
	memcpy(text + length + n, "\n", 2);
}

static enum err plan_once(uint32_t n)
{
	enum err e;

	which = n;
	memset(&plans[n], 0x55 << n, sizeof(plans[n]));
	memset(&refusals[n], 0x55 << n, sizeof(refusals[n]));
	texts[n][0] = '\0';
	steps = 0;
	e = plan_build(&world.sys, &world.board, &plans[n], &refusals[n]);
	if (steps > fuzz_plan_steps_most)
		fuzz_plan_steps_most = steps;
	MUST(steps <= STEPS_MAX);
	if (e == OK)
		plan_print(&world.sys, &world.board, &plans[n], put);
	return e;
}

static void check_refused(void)
{
	MUST(refusals[0].count >= 1 && refusals[0].count == refusals[1].count);
	for (uint32_t i = 0; i < refusals[0].count && i < PLAN_REFUSAL_MAX; i++) {
		check_sentence(refusals[0].text[i]);
		MUST(strcmp(refusals[0].text[i], refusals[1].text[i]) == 0);
	}
	fuzz_plan_refused++;
}

static void check_accepted(void)
{
	const char *const broken = plan_breaks(&world.sys, &world.board, &plans[0]);

	MUST(refusals[0].count == 0);
	if (broken) {
		fprintf(stderr, "%s", texts[0]);
		found(broken, __LINE__);
	}
	MUST(strcmp(texts[0], texts[1]) == 0);
	fuzz_plan_accepted++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	enum err e;

	world_make(&world, &in);
	e = plan_once(0);
	MUST(e == OK || e == ERR_INVAL);
	MUST(plan_once(1) == e);
	if (e == OK)
		check_accepted();
	else
		check_refused();
	world_forget();
	return 0;
}
