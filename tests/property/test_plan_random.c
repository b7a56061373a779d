/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random systems on random boards against a slow, obvious reading of the rules.
 *
 * Oracle   Each rule is one predicate, written without the planner's helpers: names by strspn(),
 *	    the sum over a common denominator (all periods divide it), memory by a map of
 *	    2 MiB pages. Accepted if and only if all hold and the map had room; then the
 *	    partitions lie where the map put them.
 * Memory   Everything the planner is given lies in heap blocks of its exact size, so that the
 *	    address sanitizer sees a read of one byte too many.
 */
#include <string.h>
#include "arch/boot_info.h"
#include "core/plan.h"
#include "guests/abi.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define SYSTEMS     20000u
#define PAGES       512u /* of 2 MiB: boards have less than 1 GiB */
#define HYPERPERIOD MS(3600)
#define NAME_SET    "abcdefghijklmnopqrstuvwxyz0123456789_-"
#define FILE_SET    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static struct partition_config *parts;
static struct config sys;
static struct board *board;
static struct plan *plan;
static struct plan_refusals *no;
static uint32_t accepted_count, refused_count;

/* --- random systems ------------------------------------------------------------------------ */

static char *copy(const char *text)
{
	char *s = malloc(strlen(text) + 1);

	return strcpy(s, text);
}

static char *repeat(char c, size_t count)
{
	char *s = calloc(1, count + 1);

	return memset(s, c, count);
}

static char *numbered(const char *prefix, uint32_t n)
{
	char s[40];

	snprintf(s, sizeof(s), "%s%u", prefix, n);
	return copy(s);
}

static uint64_t some_period(void)
{
	static const uint32_t ms[] = { 1, 5, 10, 12, 15, 20, 36, 50, 80, 100, 150, 200, 3600 };

	return MS(ms[random_below(ARRAY_SIZE(ms))]);
}

static struct cpu_claim some_claim(uint32_t i, uint32_t core_count)
{
	core_id_t shared_count = core_count / 2 + 1;
	core_id_t core = (core_id_t)random_below(shared_count);
	uint64_t period = some_period();

	switch (random_below(8)) {
	case 0:
		return (struct cpu_claim)OWN_CORE(shared_count + i); /* or beyond the board */
	case 1:
		return (struct cpu_claim)BEST_EFFORT(core, i + 1);
	default:
		return (struct cpu_claim)RESERVATION(
			core, random_between(US(30), US(40) + period / 8), period);
	}
}

static void good_partition(uint32_t i, uint32_t core_count)
{
	parts[i] =
		(struct partition_config){ .name = numbered("p", i),
					   .cpu = some_claim(i, core_count),
					   .memory_bytes = MIB(2) * random_between(1, 12),
					   .image = numbered("image-", (uint32_t)random_below(4)),
					   .args = random_below(2) ? copy("x=1") : NULL };
}

/* Free ranges in order, with holes between, aligned to 4 KiB only; below 1 GiB. */
static void some_memory(void)
{
	uint64_t at = PAGE_BYTES * random_below(1000);

	board->memory_count = (uint32_t)random_between(1, 5);
	for (uint32_t i = 0; i < board->memory_count; i++) {
		uint64_t bytes = PAGE_BYTES * random_below(random_below(3) ? 60000 : 2000);

		board->memory[i] = (struct board_range){ at, bytes };
		at += bytes + PAGE_BYTES * random_between(1, random_below(2) ? 2 : 600);
	}
}

static void good_system(void)
{
	uint32_t core_count = (uint32_t)random_between(1, MAX_CORES);

	sys = (struct config){ .name = copy("random"), .board = { .core_count = core_count } };
	sys.partition_count = (uint32_t)random_between(1, random_below(4) ? 6 : MAX_PARTITIONS);
	parts = calloc(sys.partition_count, sizeof(*parts));
	sys.partitions = parts;
	for (uint32_t i = 0; i < sys.partition_count; i++)
		good_partition(i, core_count);
	board = calloc(1, sizeof(*board));
	*board = (struct board){ .core_count = core_count,
				 .tsc_hz = SEC(1),
				 .switch_overhead_tsc = random_between(1, US(30)),
				 .timer_resolution_tsc = random_between(1, US(1)) };
	some_memory();
	if (random_below(2)) {
		for (uint32_t i = 0; i < 4; i++)
			board->files[i] = numbered("image-", i);
		board->file_count = 4;
	}
}

static void spoil_strings(struct partition_config *p)
{
	const char **field = random_below(3) == 0 ? &p->name
			     : random_below(2)    ? &p->image
						  : &p->args;
	static const char *const bad[] = { "", "UPPER", "a b", "../x", ".x", "a\n", "x%s%n", "p0" };

	free((void *)(uintptr_t)*field);
	if (random_below(6) == 0)
		*field = NULL;
	else if (random_below(3) == 0)
		*field = repeat('a', random_between(14, 17));
	else if (random_below(3) == 0)
		*field = repeat('a', random_between(62, 65));
	else if (random_below(3) == 0)
		*field = repeat('a', random_between(254, 2000));
	else
		*field = copy(bad[random_below(ARRAY_SIZE(bad))]);
}

static uint64_t some_number(void)
{
	static const uint64_t edges[] = { 0, 1, US(1), US(30), MS(1), MS(50), MS(3600), BIT64(62) };
	uint64_t n = edges[random_below(ARRAY_SIZE(edges))];

	return random_below(20) == 0 ? random_u64() : n + random_below(3) - 1;
}

static void spoil_claim(struct cpu_claim *c)
{
	switch (random_below(6)) {
	case 0:
		c->kind = (enum cpu_claim_kind)random_below(5);
		break;
	case 1:
		c->core = (core_id_t)(random_below(20) ? random_below(18) : random_u64());
		break;
	case 2:
		c->budget_ns = some_number();
		break;
	case 3: /* shorter: always a divisor of the common denominator, or refused as too long */
		c->period_ns = random_below(2) ? some_period() : BIT64(62) - 1 + random_below(3);
		break;
	case 4:
		c->period_ns = random_below(2) ? 0 : 1;
		break;
	default:
		c->priority = (uint32_t)random_below(4);
	}
}

static void spoil_system(void)
{
	switch (random_below(8)) {
	case 0:
		sys.trace_records = (uint32_t)random_u64() >> random_below(32);
		break;
	case 1:
		sys.run_limit_ns = some_number();
		break;
	case 2:
		sys.at_end = (enum end_action)random_below(4);
		break;
	case 3:
		board->core_count = (uint32_t)random_below(MAX_CORES + 2);
		break;
	case 4:
		sys.board.core_count = (uint32_t)random_below(MAX_CORES + 3);
		break;
	case 5:
		board->switch_overhead_tsc = some_number();
		break;
	case 6:
		board->timer_resolution_tsc = some_number();
		break;
	default:
		if (random_below(4) == 0 || board->memory_count == 0)
			board->memory_count = (uint32_t)random_below(2);
		else
			board->memory[random_below(board->memory_count)].base =
				random_below(2) ? random_below(MIB(700))
						: UINT64_MAX - random_below(3);
	}
}

static void spoil(void)
{
	struct partition_config *p = &parts[random_below(sys.partition_count)];

	switch (random_below(4)) {
	case 0:
		spoil_strings(p);
		break;
	case 1:
		spoil_claim(&p->cpu);
		break;
	case 2:
		p->memory_bytes = random_below(8) ? MIB(1) * random_below(400) : some_number();
		break;
	default:
		spoil_system();
	}
}

static void free_system(void)
{
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		free((void *)(uintptr_t)parts[i].name);
		free((void *)(uintptr_t)parts[i].image);
		free((void *)(uintptr_t)parts[i].args);
	}
	for (uint32_t i = 0; i < board->file_count; i++)
		free((void *)(uintptr_t)board->files[i]);
	free((void *)(uintptr_t)sys.name);
	free(parts);
	free(board);
}

/* --- the rules, slowly --------------------------------------------------------------------- */

static bool name_is_good(const char *name, size_t max)
{
	return name && strlen(name) >= 1 && strlen(name) <= max &&
	       strspn(name, NAME_SET) == strlen(name);
}

static bool image_is_good(const char *image)
{
	bool is_there = board->file_count == 0;

	if (!image || strlen(image) < 1 || strlen(image) > 63 || !strchr(FILE_SET, image[0]) ||
	    strspn(image, FILE_SET "._-") != strlen(image))
		return false;
	for (uint32_t i = 0; i < board->file_count; i++)
		is_there |= strcmp(board->files[i], image) == 0;
	return is_there;
}

static bool claim_is_good(const struct cpu_claim *c)
{
	uint64_t least = board->switch_overhead_tsc;

	if (c->kind < CPU_OWNED || c->kind > CPU_BEST_EFFORT || c->core >= board->core_count ||
	    c->core >= 16)
		return false;
	if (c->kind == CPU_OWNED)
		return c->budget_ns == 0 && c->period_ns == 0 && c->priority == 0;
	if (c->kind == CPU_BEST_EFFORT)
		return c->budget_ns == 0 && c->period_ns == 0 && c->priority >= 1;
	if (least < board->timer_resolution_tsc)
		least = board->timer_resolution_tsc;
	return c->priority == 0 && board->switch_overhead_tsc > 0 &&
	       board->switch_overhead_tsc < BIT64(62) && board->timer_resolution_tsc > 0 &&
	       c->budget_ns > 0 && c->budget_ns <= c->period_ns && c->budget_ns >= least &&
	       c->period_ns >= board->timer_resolution_tsc && c->period_ns < BIT64(62);
}

static bool pair_is_good(const struct partition_config *a, const struct partition_config *b)
{
	if (strcmp(a->name, b->name) == 0)
		return false;
	if (a->cpu.core != b->cpu.core)
		return true;
	if (a->cpu.kind == CPU_OWNED || b->cpu.kind == CPU_OWNED)
		return false;
	return a->cpu.kind != CPU_BEST_EFFORT || b->cpu.kind != CPU_BEST_EFFORT ||
	       a->cpu.priority != b->cpu.priority;
}

/* In parts of the hyperperiod; a period that does not divide it is near 2^62 and alone fits. */
static bool core_is_good(core_id_t core)
{
	unsigned __int128 sum = 0;
	long double rest = 0;

	for (uint32_t i = 0; i < sys.partition_count; i++) {
		const struct cpu_claim *c = &parts[i].cpu;
		uint64_t cost = c->budget_ns + board->switch_overhead_tsc;

		if (c->kind != CPU_RESERVED || c->core != core)
			continue;
		if (HYPERPERIOD % c->period_ns == 0)
			sum += (unsigned __int128)cost * (HYPERPERIOD / c->period_ns);
		else
			rest += (long double)cost / (long double)c->period_ns * HYPERPERIOD;
	}
	return (long double)sum + rest <= HYPERPERIOD;
}

static bool system_is_good(void)
{
	uint32_t t = sys.trace_records, bits = 0;

	for (uint32_t i = 0; i < 32; i++)
		bits += t >> i & 1;
	return name_is_good(sys.name, 31) && sys.board.core_count >= 1 &&
	       sys.board.core_count <= 16 && board->core_count >= 1 && bits <= 1 && t <= 65536 &&
	       sys.run_limit_ns < BIT64(62) && sys.at_end <= END_RESET && sys.partition_count >= 1;
}

static bool memory_map_is_good(void)
{
	for (uint32_t i = 0; i < board->memory_count; i++) {
		const struct board_range *r = &board->memory[i];

		if (r->base + r->bytes < r->base)
			return false;
		if (i > 0 && r->base < board->memory[i - 1].base + board->memory[i - 1].bytes)
			return false;
	}
	return board->memory_count > 0;
}

/* Page by page: the largest partition first, each at the first run of free pages. */
static bool memory_fits(uint64_t *base)
{
	bool is_free[PAGES + 1] = { false };
	bool is_placed[MAX_PARTITIONS] = { false };

	for (uint32_t r = 0; r < board->memory_count; r++) {
		for (uint64_t p = 0; p < PAGES; p++)
			is_free[p] |=
				p * MIB(2) >= board->memory[r].base &&
				(p + 1) * MIB(2) <= board->memory[r].base + board->memory[r].bytes;
	}
	for (uint32_t n = 0; n < sys.partition_count; n++) {
		uint32_t best = MAX_PARTITIONS;
		uint64_t pages, run = 0, p = 0;

		for (uint32_t i = 0; i < sys.partition_count; i++) {
			if (!is_placed[i] && (best == MAX_PARTITIONS ||
					      parts[i].memory_bytes > parts[best].memory_bytes))
				best = i;
		}
		pages = parts[best].memory_bytes / MIB(2);
		while (p < PAGES && run < pages)
			run = is_free[p++] ? run + 1 : 0;
		if (run < pages)
			return false;
		base[best] = (p - pages) * MIB(2);
		is_placed[best] = true;
		while (run > 0)
			is_free[p - run--] = false;
	}
	return true;
}

/* Two ranges that touch are two to the planner: the map must not join them. */
static bool ranges_touch(void)
{
	for (uint32_t i = 1; i < board->memory_count; i++) {
		if (board->memory[i].base == board->memory[i - 1].base + board->memory[i - 1].bytes)
			return true;
	}
	return false;
}

static bool all_is_good(uint64_t *base)
{
	if (!system_is_good() || !memory_map_is_good())
		return false;
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		const struct partition_config *p = &parts[i];

		if (!name_is_good(p->name, 15) || !claim_is_good(&p->cpu) ||
		    !image_is_good(p->image) || (p->args && strlen(p->args) > 255) ||
		    p->memory_bytes == 0 || p->memory_bytes % MIB(2) != 0 ||
		    p->memory_bytes > BIT64(48))
			return false;
	}
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (!pair_is_good(&parts[i], &parts[j]))
				return false;
		}
	}
	for (core_id_t core = 0; core < 16; core++) {
		if (!core_is_good(core))
			return false;
	}
	return memory_fits(base);
}

/* --- the properties ------------------------------------------------------------------------ */

static void check_memory_of_plan(const uint64_t *base)
{
	for (uint32_t i = 0; i < plan->partition_count; i++) {
		uint64_t b = plan->partitions[i].memory_base, n = plan->partitions[i].memory_bytes;
		bool is_inside = false;

		CHECK(b == base[i] && n == parts[i].memory_bytes && b % MIB(2) == 0);
		for (uint32_t r = 0; r < board->memory_count; r++)
			is_inside |= b >= board->memory[r].base &&
				     b + n <= board->memory[r].base + board->memory[r].bytes;
		CHECK(is_inside);
		for (uint32_t j = 0; j < i; j++)
			CHECK(b + n <= plan->partitions[j].memory_base ||
			      plan->partitions[j].memory_base + plan->partitions[j].memory_bytes <=
				      b);
	}
}

static size_t longest_line;

static void put_line(const char *line)
{
	if (strlen(line) > longest_line)
		longest_line = strlen(line);
}

static void check_accepted(const uint64_t *base)
{
	CHECK(no->count == 0 && plan->partition_count == sys.partition_count);
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		CHECK(plan->partitions[i].kind == parts[i].cpu.kind);
		CHECK(plan->partitions[i].core == parts[i].cpu.core);
		CHECK(plan->partitions[i].budget_tsc == parts[i].cpu.budget_ns);
		CHECK(plan->partitions[i].period_tsc == parts[i].cpu.period_ns);
		CHECK(plan->partitions[i].priority == parts[i].cpu.priority);
	}
	check_memory_of_plan(base);
	plan_print(&sys, board, plan, put_line);
}

static void check_refused(void)
{
	uint32_t kept = no->count < PLAN_REFUSAL_MAX ? no->count : PLAN_REFUSAL_MAX;

	CHECK(no->count >= 1);
	for (uint32_t i = 0; i < kept; i++) {
		size_t n = strnlen(no->text[i], PLAN_REFUSAL_BYTES);

		CHECK(n > 20 && n < PLAN_REFUSAL_BYTES && strstr(no->text[i], ": "));
		/* Dots stand only where a string of the configuration was shortened. */
		CHECK(!strstr(no->text[i], "...") || strstr(no->text[i], "...'"));
		for (size_t j = 0; j < n; j++)
			CHECK(no->text[i][j] >= ' ' && no->text[i][j] <= '~');
	}
}

static void only_systems_that_keep_all_rules_are_accepted(void)
{
	for (uint32_t n = 0; n < SYSTEMS && !test_failed; n++) {
		uint64_t base[MAX_PARTITIONS];
		uint64_t spoils = random_below(4);
		bool is_good, is_accepted;

		good_system();
		while (spoils-- > 0)
			spoil();
		if (memory_map_is_good() && ranges_touch()) {
			free_system();
			continue;
		}
		plan = malloc(sizeof(*plan));
		no = malloc(sizeof(*no));
		is_good = all_is_good(base);
		is_accepted = plan_build(&sys, board, plan, no) == OK;
		CHECK(is_good == is_accepted);
		if (is_good != is_accepted)
			printf("  system %u: oracle %d, %s\n", n, is_good,
			       is_accepted ? "accepted" : no->text[0]);
		else if (is_accepted)
			check_accepted(base);
		else
			check_refused();
		accepted_count += is_accepted;
		refused_count += !is_accepted;
		free(plan);
		free(no);
		free_system();
	}
	/* Both halves of the property were tried. */
	CHECK(accepted_count > SYSTEMS / 10 && refused_count > SYSTEMS / 10);
	CHECK(longest_line < 300);
	printf("%u accepted, %u refused\n", accepted_count, refused_count);
}

/* The milliseconds, microseconds or seconds in "to at most 24.94 ms", in ns. */
static uint64_t read_time(const char *text)
{
	uint64_t value = 0, scale;
	uint32_t digits = 0;
	bool is_fraction = false;

	for (; (*text >= '0' && *text <= '9') || *text == '.'; text++) {
		if (*text == '.') {
			is_fraction = true;
			continue;
		}
		value = value * 10 + (uint64_t)(*text - '0');
		digits += is_fraction;
	}
	scale = strncmp(text, " ms", 3) == 0   ? MS(1)
		: strncmp(text, " us", 3) == 0 ? US(1)
		: strncmp(text, " s", 2) == 0  ? SEC(1)
					       : 1;
	while (digits-- > 0)
		scale /= 10;
	return value * scale;
}

/* What the refusal of a sum above 1 proposes is accepted; one microsecond more is not. */
static void the_fix_that_a_refusal_offers_is_a_fix(void)
{
	uint32_t fix_count = 0;

	plan = malloc(sizeof(*plan));
	no = malloc(sizeof(*no));
	for (uint32_t n = 0; n < SYSTEMS / 10 && !test_failed; n++) {
		char name[16];
		const char *fix;

		good_system();
		board->memory_count = 1;
		board->memory[0] = (struct board_range){ 0, GIB(1) };
		for (uint32_t i = 0; i < sys.partition_count; i++) {
			uint64_t period = some_period();

			uint64_t most = US(41) + 2 * period / sys.partition_count;

			parts[i].cpu = (struct cpu_claim)RESERVATION(
				0, random_between(US(40), min_u64(most, period)), period);
		}
		if (plan_build(&sys, board, plan, no) != OK && no->count == 1 &&
		    (fix = strstr(no->text[0], "lower cpu.budget of partition '")) != NULL &&
		    sscanf(fix, "lower cpu.budget of partition '%15[^']'", name) == 1) {
			uint32_t i = (uint32_t)strtoul(name + 1, NULL, 10);

			parts[i].cpu.budget_ns = read_time(strstr(fix, "at most ") + 8);
			CHECK(plan_build(&sys, board, plan, no) == OK);
			parts[i].cpu.budget_ns += US(1);
			CHECK(plan_build(&sys, board, plan, no) == ERR_INVAL);
			fix_count++;
		}
		free_system();
	}
	free(plan);
	free(no);
	CHECK(fix_count > SYSTEMS / 100);
	printf("%u fixes tried\n", fix_count);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(only_systems_that_keep_all_rules_are_accepted);
	RUN(the_fix_that_a_refusal_offers_is_a_fix);
	return test_failed;
}
