/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource tuples of random systems, against what they promise.
 *
 * Oracle   Written without the planner's helpers: periods divide a hyperperiod, so that a core's load is a sum of
 *	    integers; a board's memory is one piece, so that whatever is not too much in all has a place.
 * Checked  A system is accepted if and only if its minima fit. Then every grant is between min and max, and all
 *	    fit; if one is below usual, less critical ones are at min, nobody is above usual, equals have
 *	    had the same part of what lies between, and no more fits; if one is below max, less critical
 *	    ones are at usual. A refusal's proposal is accepted, and one unit less of it is refused.
 */
#include <stdlib.h>
#include <string.h>
#include "core/plan.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define SYSTEMS     2000u
#define PARTS_MAX   6u
#define HYPERPERIOD MS(1200)
#define OVERHEAD    US(100)
#define BLOCKING    US(300) /* what nothing interrupts: core/plan.h */
#define BOARD_MIB   UINT64_C(1016)

static struct partition_config parts[PARTS_MAX];
static char names[PARTS_MAX][8];
static struct config sys;
static struct board board;
static struct plan plan;
static struct plan_refusals no;
static uint32_t accepted, refused, shrunk, grown, fixes, held;

/* One resource as the oracle sees it: in units, each of which costs `cost` of `all`. */
static struct item {
	uint32_t criticality;
	uint64_t min, usual, max, given, cost, fixed;
	uint64_t unit;
} items[PARTS_MAX];
static uint32_t item_count;
static uint64_t blocking; /* in units of the resource; 0: nobody waits for another */

static enum err build(void)
{
	plan_board_from_config(&sys, &board);
	return plan_build(&sys, &board, &plan, &no);
}

static uint64_t one_of(const uint64_t *list, uint32_t count)
{
	return list[random_below(count)];
}

static void make_system(void)
{
	static const uint64_t periods[] = {
		MS(2), MS(10), MS(20), MS(30), MS(50), MS(100), MS(400)
	};

	sys.partition_count = (uint32_t)random_between(1, PARTS_MAX);
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		const uint64_t period = one_of(periods, ARRAY_SIZE(periods));
		const uint64_t usual = US(random_between(100, period / US(2)));
		const uint64_t min = random_below(3) ? US(random_between(100, usual / US(1))) : 0;
		const uint64_t max =
			random_below(2) ? US(random_between(usual / US(1), period / US(1))) : 0;
		const uint64_t memory = random_between(1, 250);

		parts[i] = (struct partition_config){
			.name = names[i],
			.cpu = RESERVATION_BETWEEN(0, usual, min, max, period),
			.criticality = (uint32_t)random_below(3),
			.memory_bytes = MIB(2) * memory,
			.memory_min_bytes =
				random_below(3) ? MIB(2) * random_between(1, memory) : 0,
			.memory_max_bytes =
				random_below(2) ? MIB(2) * random_between(memory, 400) : 0,
			.image = "x.elf",
		};
	}
}

static uint64_t or_usual(uint64_t n, uint64_t usual)
{
	return n ? n : usual;
}

/* Returns what there is of it. */
static uint64_t see_cpu(void)
{
	item_count = sys.partition_count;
	blocking = BLOCKING;
	for (uint32_t i = 0; i < item_count; i++) {
		const struct cpu_claim *const c = &parts[i].cpu;
		const uint64_t times = HYPERPERIOD / c->period_ns;

		items[i] = (struct item){ parts[i].criticality,
					  or_usual(c->budget_min_ns, c->budget_ns),
					  c->budget_ns,
					  or_usual(c->budget_max_ns, c->budget_ns),
					  plan.vcpus[i].claim.budget_ns,
					  times,
					  OVERHEAD * times,
					  US(1) };
		CHECK(plan.partition_count == 0 ||
		      plan.vcpus[i].budget_tsc == plan.vcpus[i].claim.budget_ns);
	}
	return HYPERPERIOD;
}

static uint64_t see_memory(void)
{
	item_count = sys.partition_count;
	blocking = 0;
	for (uint32_t i = 0; i < item_count; i++) {
		const struct partition_config *const p = &parts[i];

		items[i] = (struct item){ p->criticality,
					  or_usual(p->memory_min_bytes, p->memory_bytes),
					  p->memory_bytes,
					  or_usual(p->memory_max_bytes, p->memory_bytes),
					  plan.partitions[i].memory_bytes,
					  1,
					  0,
					  MIB(2) };
	}
	return MIB(BOARD_MIB - 16);
}

static uint64_t cost_of_minima(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < item_count; i++)
		sum += items[i].min * items[i].cost + items[i].fixed;
	return sum;
}

static uint64_t cost_of_grants(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < item_count; i++)
		sum += items[i].given * items[i].cost + items[i].fixed;
	return sum;
}

/*
 * Somebody's period does not hold what those of periods as short want in it, and what one with a longer period is at.
 * The dearer a unit, the shorter the period.
 */
static bool waits_too_long(bool has_minima, uint64_t more)
{
	bool any = false;

	for (uint32_t k = 0; k < item_count; k++) {
		uint64_t sum = 0;
		bool is_longest = true;

		for (uint32_t i = 0; i < item_count; i++) {
			const struct item *const g = &items[i];

			is_longest &= g->cost >= items[k].cost;
			if (g->cost >= items[k].cost)
				sum += ((has_minima ? g->min : g->given) + more) * g->cost +
				       g->fixed;
		}
		any |= !is_longest && sum + blocking * items[k].cost > HYPERPERIOD;
	}
	return blocking != 0 && any;
}

/* Equals stand at the same part of their ways, to two units; and no more of it fits. */
static void check_equals(const struct item *a, const struct item *b, uint64_t a_from, uint64_t a_to,
			 uint64_t b_from, uint64_t b_to)
{
	const uint64_t slack = 2 * a->unit;
	const uint64_t a_way = a_to - a_from, b_way = b_to - b_from;

	if (a->criticality != b->criticality || a_way == 0 || b_way == 0)
		return;
	/* a's part <= b's part, give or take: (given - from) / way */
	CHECK((unsigned __int128)(a->given - a_from) * b_way <=
	      (unsigned __int128)(b->given - b_from + slack) * a_way +
		      (unsigned __int128)slack * b_way);
}

static void check_pair(const struct item *a, const struct item *b)
{
	if (a->given < a->usual) {
		shrunk++;
		CHECK(b->given <= b->usual);
		if (b->criticality < a->criticality)
			CHECK(b->given == b->min);
		check_equals(a, b, a->min, a->usual, b->min, b->usual);
	} else if (a->given < a->max) {
		grown += a->given > a->usual;
		if (b->criticality < a->criticality)
			CHECK(b->given <= b->usual);
	}
	if (a->given > a->usual && b->given >= b->usual)
		check_equals(a, b, a->usual, a->max, b->usual, b->max);
}

static void check_grants(uint64_t all)
{
	const uint64_t used = cost_of_grants();
	uint64_t step = 0, of_class = 0;

	CHECK(used <= all && !waits_too_long(false, 0));
	for (uint32_t i = 0; i < item_count; i++) {
		CHECK(items[i].given >= items[i].min && items[i].given <= items[i].max);
		for (uint32_t n = 0; n < item_count; n++)
			check_pair(&items[i], &items[n]);
		step += items[i].unit * items[i].cost;
		of_class += items[i].given < items[i].usual;
	}
	/* Who is shrunk is because less than a unit for each is left, or somebody would wait too long. */
	if (of_class != 0 && all - used >= 2 * step) {
		CHECK(waits_too_long(false, 2 * items[0].unit));
		held++;
	}
}

static uint64_t read_number(const char *text, const char *const *units, const uint64_t *scales)
{
	char *end;
	const long double value = strtold(text, &end);

	for (uint32_t i = 0; units[i]; i++)
		if (strncmp(end, units[i], strlen(units[i])) == 0)
			return (uint64_t)(value * (long double)scales[i] + 0.5L);
	return (uint64_t)value;
}

static struct partition_config *named(const char *text)
{
	for (uint32_t i = 0; i < sys.partition_count; i++)
		if (strncmp(text, names[i], strlen(names[i])) == 0 &&
		    text[strlen(names[i])] == '\'')
			return &parts[i];
	return NULL;
}

/* "lower cpu.budget_min of partition 'p1' to at most 9.7 ms" */
static void check_cpu_fix(const char *text)
{
	static const char *const units[] = { " ms", " us", " s", NULL };
	static const uint64_t scales[] = { MS(1), US(1), SEC(1) };
	const char *const fix = strstr(text, "lower cpu.budget");
	struct partition_config *p;
	uint64_t ns, *field;

	if (!fix)
		return;
	p = named(strstr(fix, "partition '") + strlen("partition '"));
	ns = read_number(strstr(fix, "at most ") + strlen("at most "), units, scales);
	CHECK(p && (strncmp(fix, "lower cpu.budget_min", 20) == 0) == (p->cpu.budget_min_ns != 0));
	if (!p)
		return;
	field = p->cpu.budget_min_ns != 0 ? &p->cpu.budget_min_ns : &p->cpu.budget_ns;
	CHECK(ns < *field && ns % US(1) == 0);
	*field = ns;
	CHECK(build() == OK);
	*field = ns + US(1);
	CHECK(build() == ERR_INVAL);
	fixes++;
}

/* "lower memory_min of partition 'p1' to at most 74 MiB, or take a board with 16 MiB more" */
static void check_memory_fix(const char *text)
{
	static const char *const units[] = { " MiB", " GiB", NULL };
	static const uint64_t scales[] = { MIB(1), GIB(1) };
	const char *const fix = strstr(text, "lower memory");
	const char *const more = strstr(text, "take a board with ");
	struct partition_config *p;
	uint64_t bytes, *field;

	CHECK(more);
	if (!more)
		return;
	bytes = read_number(more + strlen("take a board with "), units, scales);
	sys.board.memory_bytes = MIB(BOARD_MIB) + bytes;
	CHECK(build() == OK);
	sys.board.memory_bytes -= MIB(2);
	CHECK(build() == ERR_INVAL);
	sys.board.memory_bytes = MIB(BOARD_MIB);
	if (!fix)
		return;
	p = named(strstr(fix, "partition '") + strlen("partition '"));
	bytes = read_number(strstr(fix, "at most ") + strlen("at most "), units, scales);
	CHECK(p);
	if (!p)
		return;
	field = p->memory_min_bytes != 0 ? &p->memory_min_bytes : &p->memory_bytes;
	CHECK(bytes < *field);
	*field = bytes;
	CHECK(build() == OK);
	*field = bytes + MIB(2);
	CHECK(build() == ERR_INVAL);
	fixes++;
}

static void check_refusals(bool cpu_fits, bool memory_fits)
{
	const struct plan_refusals said = no;

	CHECK(no.count == (uint32_t)!cpu_fits + (uint32_t)!memory_fits);
	if (no.count != 1)
		return;
	if (!cpu_fits)
		check_cpu_fix(said.text[0]);
	/* Without any tuple of memory it is told as ever: not what is tested here. */
	else if (strstr(said.text[0], "shrunk to the minima"))
		check_memory_fix(said.text[0]);
}

static void systems_get_what_their_tuples_promise(void)
{
	for (uint32_t i = 0; i < PARTS_MAX; i++)
		snprintf(names[i], sizeof(names[i]), "p%u", i);
	sys = (struct config){ .name = "random",
			       .board = { .core_count = 1,
					  .memory_bytes = MIB(BOARD_MIB),
					  .switch_overhead_ns = OVERHEAD,
					  .timer_resolution_ns = US(1) },
			       .partitions = parts };
	for (uint32_t n = 0; n < SYSTEMS && !test_failed; n++) {
		bool is_accepted, cpu_fits, memory_fits;
		uint64_t all;

		make_system();
		is_accepted = build() == OK;
		all = see_cpu();
		cpu_fits = cost_of_minima() <= all && !waits_too_long(true, 0);
		if (is_accepted)
			check_grants(all);
		all = see_memory();
		memory_fits = cost_of_minima() <= all;
		if (is_accepted)
			check_grants(all);
		CHECK(is_accepted == (cpu_fits && memory_fits));
		if (test_failed)
			printf("  system %u: %s\n", n, no.count ? no.text[0] : "accepted");
		if (!is_accepted)
			check_refusals(cpu_fits, memory_fits);
		accepted += is_accepted;
		refused += !is_accepted;
	}
	printf("%u accepted, %u refused, %u shrunk (%u systems for what nothing interrupts), %u grown, %u proposals tried\n",
	       accepted, refused, shrunk, held, grown, fixes);
	CHECK(accepted > SYSTEMS / 10 && refused > SYSTEMS / 10);
	CHECK(shrunk > SYSTEMS / 20 && grown > SYSTEMS / 20 && fixes > SYSTEMS / 20 && held > 0);
}

/* ---- Memory in pieces ---- */

/* core/plan.h's rule, in pages of 2 MiB: the largest first, each at the first place that holds it. */
static bool has_places(const uint64_t *bytes)
{
	uint64_t room[BOARD_RANGE_MAX];
	bool is_placed[PARTS_MAX] = { false };

	for (uint32_t r = 0; r < board.memory_count; r++)
		room[r] = board.memory[r].bytes;
	for (uint32_t n = 0; n < sys.partition_count; n++) {
		uint32_t next = PARTS_MAX, r = 0;

		for (uint32_t i = 0; i < sys.partition_count; i++)
			if (!is_placed[i] && (next == PARTS_MAX || bytes[i] > bytes[next]))
				next = i;
		while (r < board.memory_count && room[r] < bytes[next])
			r++;
		if (r == board.memory_count)
			return false;
		room[r] -= bytes[next];
		is_placed[next] = true;
	}
	return true;
}

static void check_places(void)
{
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		const struct plan_partition *const p = &plan.partitions[i];
		uint32_t r = 0;

		while (r < board.memory_count &&
		       (p->memory_base < board.memory[r].base ||
			p->memory_base + p->memory_bytes >
				board.memory[r].base + board.memory[r].bytes))
			r++;
		CHECK(r < board.memory_count);
		for (uint32_t n = 0; n < i; n++)
			CHECK(p->memory_base >= plan.partitions[n].memory_base +
							plan.partitions[n].memory_bytes ||
			      plan.partitions[n].memory_base >= p->memory_base + p->memory_bytes);
	}
}

static void memory_in_pieces_is_given_where_it_has_a_place(void)
{
	uint32_t in_pieces = 0, none = 0;

	for (uint32_t n = 0; n < SYSTEMS && !test_failed; n++) {
		uint64_t min[PARTS_MAX], usual[PARTS_MAX], base = MIB(16);
		bool is_accepted;

		make_system();
		plan_board_from_config(&sys, &board);
		board.memory_count = (uint32_t)random_between(2, 5);
		for (uint32_t r = 0; r < board.memory_count; r++) {
			board.memory[r] =
				(struct board_range){ base, MIB(2) * random_between(1, 200) };
			base += board.memory[r].bytes + MIB(2) * random_between(1, 5);
		}
		for (uint32_t i = 0; i < sys.partition_count; i++) {
			parts[i].cpu = (struct cpu_claim)RESERVATION(0, MS(1), MS(50));
			usual[i] = parts[i].memory_bytes;
			min[i] = or_usual(parts[i].memory_min_bytes, usual[i]);
		}
		is_accepted = plan_build(&sys, &board, &plan, &no) == OK;
		CHECK(is_accepted == (has_places(usual) || has_places(min)));
		none += !is_accepted;
		if (!is_accepted)
			continue;
		check_places();
		(void)see_memory();
		for (uint32_t i = 0; i < item_count; i++) {
			CHECK(items[i].given >= items[i].min && items[i].given <= items[i].max);
			CHECK(items[i].given >= items[i].usual || !has_places(usual));
			for (uint32_t k = 0; k < item_count; k++)
				if (items[i].given < items[i].usual &&
				    items[k].criticality < items[i].criticality)
					CHECK(items[k].given == items[k].min);
			in_pieces += items[i].given < items[i].usual;
		}
	}
	printf("%u shrunk, %u refused\n", in_pieces, none);
	CHECK(in_pieces > SYSTEMS / 20 && none > SYSTEMS / 20);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(systems_get_what_their_tuples_promise);
	RUN(memory_in_pieces_is_given_where_it_has_a_place);
	return test_failed;
}
