/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random systems on random boards against a slow, obvious reading of the rules.
 *
 * Oracle   Each rule is one predicate, written without the planner's helpers: names by strspn(),
 *	    the sum over a common denominator (all periods divide it), memory by a map of
 *	    2 MiB pages. Accepted if and only if all hold and the map had room; then the
 *	    partitions lie where the map put them.
 * CPUs     Some partitions have several: then a list of claims, and the fields of a single one are 0.
 */
#include <string.h>
#include "arch/boot_info.h"
#include "core/plan.h"
#include "guests/abi.h"
#include "tests/property/random_system.h"
#include "tests/test.h"

#define SYSTEMS     20000u
#define PAGES       512u /* of 2 MiB: boards have less than 1 GiB */
#define HYPERPERIOD MS(3600)

static struct plan *plan;
static struct plan_refusals *no;
static uint32_t accepted_count, refused_count;

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

/* All virtual CPUs, written out. */
static struct {
	struct cpu_claim claim;
	uint32_t part, index;
} vcpus[MAX_VCPUS];
static uint32_t vcpu_count;

static bool cpu_lists_are_good(void)
{
	static const struct cpu_claim nothing;

	vcpu_count = 0;
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		const struct partition_config *p = &parts[i];
		uint32_t count = p->cpus ? p->cpu_count : 1;

		if ((p->cpus == NULL) != (p->cpu_count == 0) || count > 16 ||
		    (p->cpus && memcmp(&p->cpu, &nothing, sizeof(nothing)) != 0))
			return false;
		for (uint32_t n = 0; n < count; n++) {
			if (vcpu_count == 64)
				return false;
			vcpus[vcpu_count].claim = p->cpus ? p->cpus[n] : p->cpu;
			vcpus[vcpu_count].part = i;
			vcpus[vcpu_count++].index = n;
		}
	}
	return true;
}

static bool claims_go_together(const struct cpu_claim *a, const struct cpu_claim *b)
{
	if (a->core != b->core)
		return true;
	if (a->kind == CPU_OWNED || b->kind == CPU_OWNED)
		return false;
	return a->kind != CPU_BEST_EFFORT || b->kind != CPU_BEST_EFFORT ||
	       a->priority != b->priority;
}

static bool digest_is_good(const char *digest)
{
	return !digest || (strlen(digest) == 64 && strspn(digest, "0123456789abcdefABCDEF") == 64);
}

static bool modules_are_good(const struct partition_config *p)
{
	static const uint32_t most[] = { 0, 1, 8 };

	if ((p->modules == NULL) != (p->module_count == 0) || p->module_count > most[p->boot])
		return false;
	for (uint32_t n = 0; n < p->module_count; n++) {
		const struct module_config *m = &p->modules[n];

		if (!image_is_good(m->name) || !digest_is_good(m->sha256))
			return false;
		if (m->args && (p->boot == BOOT_LINUX || strlen(m->args) > 2047))
			return false;
	}
	return true;
}

static bool owns_its_cores(const struct partition_config *p)
{
	for (uint32_t n = 0; n < p->cpu_count; n++)
		if (p->cpus && p->cpus[n].kind != CPU_OWNED)
			return false;
	return p->cpu_count > 0 || p->cpu.kind == CPU_OWNED;
}

static bool guest_is_good(const struct partition_config *p)
{
	bool has_pc = p->boot != BOOT_GUEST || p->platform == PLATFORM_PC;
	uint64_t least = p->boot == BOOT_GUEST ? MIB(2) : MIB(16);

	if ((uint32_t)p->boot > 2 || (uint32_t)p->platform > 1 || (uint32_t)p->apic > 2 ||
	    (uint32_t)p->on_reset > 1 || (uint32_t)p->on_power_off > 1)
		return false;
	if (p->apic == APIC_DIRECT && !owns_its_cores(p))
		return false;
	if (!has_pc &&
	    (p->has_exit_port || p->on_reset == LIFE_RESTART || p->on_power_off == LIFE_RESTART))
		return false;
	return name_is_good(p->name, 15) && image_is_good(p->image) &&
	       digest_is_good(p->image_sha256) && modules_are_good(p) &&
	       (!p->args || strlen(p->args) <= (p->boot == BOOT_GUEST ? 255 : 2047)) &&
	       p->memory_bytes >= least && p->memory_bytes % MIB(2) == 0 &&
	       p->memory_bytes <= GIB(512);
}

/* In parts of the hyperperiod; a period that does not divide it is near 2^62 and alone fits. */
static bool core_is_good(core_id_t core)
{
	unsigned __int128 sum = 0;
	long double rest = 0;

	for (uint32_t i = 0; i < vcpu_count; i++) {
		const struct cpu_claim *c = &vcpus[i].claim;
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
	if (!system_is_good() || !memory_map_is_good() || !cpu_lists_are_good())
		return false;
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		if (!guest_is_good(&parts[i]))
			return false;
		for (uint32_t j = 0; j < i; j++) {
			if (strcmp(parts[i].name, parts[j].name) == 0)
				return false;
		}
	}
	for (uint32_t i = 0; i < vcpu_count; i++) {
		if (!claim_is_good(&vcpus[i].claim))
			return false;
		for (uint32_t j = 0; j < i; j++) {
			if (!claims_go_together(&vcpus[i].claim, &vcpus[j].claim))
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
	CHECK(plan->vcpu_count == vcpu_count);
	for (uint32_t i = 0; i < vcpu_count; i++) {
		const struct plan_vcpu *v = &plan->vcpus[i];
		const struct plan_partition *p = &plan->partitions[v->part];

		CHECK(v->part == vcpus[i].part && v->index == vcpus[i].index);
		CHECK(i == p->vcpu_first + v->index && v->index < p->vcpu_count);
		CHECK(v->kind == vcpus[i].claim.kind);
		CHECK(v->core == vcpus[i].claim.core);
		CHECK(v->budget_tsc == vcpus[i].claim.budget_ns);
		CHECK(v->period_tsc == vcpus[i].claim.period_ns);
		CHECK(v->priority == vcpus[i].claim.priority);
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

			parts[i] = (struct partition_config){
				.name = parts[i].name,
				.cpu = RESERVATION(0, random_between(US(40), min_u64(most, period)),
						   period),
				.memory_bytes = MIB(2),
				.image = parts[i].image
			};
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
