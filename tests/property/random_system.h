/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/random_system.h - random systems on random boards, some of them spoilt.
 *
 * good_system() makes one that breaks no rule but, perhaps, that there is room for everybody;
 * spoil() breaks something, or nothing; free_system() forgets it.
 * Memory   Everything the planner is given lies in heap blocks of its exact size, so that the
 *	    address sanitizer sees a read of one byte too many.
 */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "core/plan.h"
#include "tests/property/random.h"

#define NAME_SET "abcdefghijklmnopqrstuvwxyz0123456789_-"
#define FILE_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static struct partition_config *parts;
static struct config sys;
static struct board *board;

/* Everything of a system, to be freed with it, whatever has become of its pointers. */
static void *blocks[4096];
static uint32_t block_count;

static void *make(size_t bytes)
{
	void *block = calloc(1, bytes);

	if (block_count == ARRAY_SIZE(blocks))
		abort();
	blocks[block_count++] = block;
	return block;
}

static char *copy(const char *text)
{
	return strcpy(make(strlen(text) + 1), text);
}

static char *repeat(char c, size_t count)
{
	return memset(make(count + 1), c, count);
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
		return (struct cpu_claim)OWN_CORE(shared_count + i / 8); /* or beyond the board */
	case 1:
		return (struct cpu_claim)BEST_EFFORT(core, i + 1);
	default:
		return (struct cpu_claim)RESERVATION(
			core, random_between(US(30), US(40) + period / 8), period);
	}
}

static struct cpu_claim *some_claims(uint32_t i, uint32_t count, uint32_t core_count)
{
	struct cpu_claim *c = make(count * sizeof(*c));

	for (uint32_t n = 0; n < count; n++)
		c[n] = some_claim(i * CONFIG_VCPU_MAX + n, core_count);
	return c;
}

static char *some_digest(void)
{
	return random_below(3) ? NULL : repeat('f', 64);
}

static struct module_config *some_modules(uint32_t count, bool have_args)
{
	struct module_config *m = make(count * sizeof(*m));

	for (uint32_t n = 0; n < count; n++)
		m[n] = (struct module_config){ numbered("image-", (uint32_t)random_below(4)),
					       some_digest(),
					       have_args && random_below(2) ? copy("m") : NULL };
	return m;
}

static void good_partition(uint32_t i, uint32_t core_count)
{
	const enum boot_protocol boot =
		random_below(2) ? BOOT_GUEST : (enum boot_protocol)random_below(3);
	struct partition_config *p = &parts[i];

	*p = (struct partition_config){ .name = numbered("p", i),
					.memory_bytes = MIB(2) * random_between(1, 12),
					.boot = boot,
					.image = numbered("image-", (uint32_t)random_below(4)),
					.image_sha256 = some_digest(),
					.args = random_below(2) ? copy("x=1") : NULL };
	if (random_below(3) == 0) {
		p->cpu_count = (uint32_t)random_between(1, 3);
		p->cpus = some_claims(i, p->cpu_count, core_count);
	} else {
		p->cpu = some_claim(i * CONFIG_VCPU_MAX, core_count);
	}
	if (boot != BOOT_GUEST) {
		p->memory_bytes = MIB(2) * random_between(8, 20);
		p->module_count = (uint32_t)random_below(boot == BOOT_LINUX ? 2 : 5);
		if (p->module_count > 0)
			p->modules = some_modules(p->module_count, boot == BOOT_MULTIBOOT);
	}
	if (boot != BOOT_GUEST || random_below(4) == 0) {
		p->platform = PLATFORM_PC;
		p->has_exit_port = random_below(2);
		p->on_reset = (enum life_action)random_below(2);
	}
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
	parts = make(sys.partition_count * sizeof(*parts));
	sys.partitions = parts;
	for (uint32_t i = 0; i < sys.partition_count; i++)
		good_partition(i, core_count);
	board = make(sizeof(*board));
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
		c->kind = (enum cpu_claim_kind)random_below(6);
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

static void spoil_cpu_list(struct partition_config *p)
{
	switch (random_below(4)) {
	case 0:
		p->cpu = some_claim(0, MAX_CORES);
		break;
	case 1: /* one of the two halves; a count that leads behind the list is nobody's rule */
		if (p->cpus && random_below(2))
			p->cpu_count = 0;
		else if (!p->cpus)
			p->cpu_count = (uint32_t)random_below(3);
		break;
	case 2:
		p->cpu_count = p->cpus && random_below(2) ? 17 : p->cpu_count;
		break;
	default:
		p->cpu_count = (uint32_t)random_between(14, 16);
		p->cpus = some_claims(0, p->cpu_count, MAX_CORES);
		for (uint32_t n = 0; n < p->cpu_count; n++)
			((struct cpu_claim *)(uintptr_t)p->cpus)[n] =
				(struct cpu_claim)BEST_EFFORT(0, 1000 + n);
		p->cpu = (struct cpu_claim){ 0 };
	}
}

static void spoil_guest(struct partition_config *p)
{
	switch (random_below(8)) {
	case 0:
		p->boot = (enum boot_protocol)random_below(4);
		break;
	case 1:
		p->platform = (enum platform_kind)random_below(3);
		break;
	case 2:
		p->apic = (enum apic_kind)random_below(4);
		break;
	case 3:
		p->on_reset = (enum life_action)random_below(3);
		break;
	case 4:
		p->on_power_off = (enum life_action)random_below(3);
		break;
	case 5:
		p->has_exit_port = true;
		break;
	case 6:
		p->image_sha256 = repeat(random_below(4) ? 'a' : 'g', random_between(63, 65));
		break;
	default:
		if (p->module_count > 0)
			p->module_count = 0;
		else if (!p->modules)
			p->module_count = 1;
	}
}

static void spoil_module(struct partition_config *p)
{
	struct module_config *m = (struct module_config *)(uintptr_t)p->modules;

	if (!m || p->module_count == 0)
		return;
	m += random_below(p->module_count);
	if (random_below(2))
		m->name = random_below(3) ? repeat('a', random_below(66)) : NULL;
	else
		m->args = repeat('a', random_between(2046, 2048));
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

	switch (random_below(7)) {
	case 0:
		spoil_strings(p);
		break;
	case 1:
		spoil_claim(p->cpus ? (struct cpu_claim *)(uintptr_t)p->cpus : &p->cpu);
		break;
	case 2:
		p->memory_bytes = random_below(8) ? MIB(1) * random_below(400) : some_number();
		break;
	case 3:
		spoil_cpu_list(p);
		break;
	case 4:
		spoil_guest(p);
		break;
	case 5:
		spoil_module(p);
		break;
	default:
		spoil_system();
	}
}

static void free_system(void)
{
	while (block_count > 0)
		free(blocks[--block_count]);
}
