/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/disk_machine.h - core/disk*.c on the host: memory disks that lose their temper, PCs
 * that note interrupts, a service that runs when it was asked to.
 *
 * Model    One thread. Time is a number that grows by one with each look at it, and by what the
 *	    test says. The service has no step before somebody wanted one: a wish that is lost
 *	    shows as a request that never ends.
 *	    Disks are drivers/memdisk/ with this in front of it: with `is_moody` it refuses
 *	    requests, is busy, ends requests with errors and recovers for a while.
 */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "arch/clock.h"
#include "arch/mem.h"
#include "arch/mp.h"
#include "arch/pc.h"
#include "core/disk.h"
#include "core/log.h"
#include "core/run.h"
#include "drivers/memdisk/memdisk.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define PART_COUNT   4u
#define UNIT_COUNT   2u
#define DISK_BYTES   MIB(1)
#define DISK_SECTORS (DISK_BYTES / BLOCK_SECTOR_BYTES)
#define GAP          64u  /* sectors of nobody before each share */
#define SHARE        256u /* sectors of each */
#define RAM_BYTES    MIB(1)
#define PAGES_MAX    64u

struct device { /* in a partition's PC */
	struct pc_model model;
	uint64_t irq; /* messages that came, by vector */
	bool is_locked;
};

struct machine {
	uint64_t now_tsc, due_tsc;
	bool is_moody, is_settling, is_polled, is_busy;
	vcpu_set_t poked;
	void *pages[PAGES_MAX];
	uint32_t page_count;
	struct device devices[PART_COUNT];
	uint8_t *ram[PART_COUNT];
	uint8_t *data[UNIT_COUNT];   /* what is on the disks */
	uint8_t *shadow[UNIT_COUNT]; /* .. and what should be */
	bool is_unknown[UNIT_COUNT][DISK_SECTORS];
	uint64_t recovered_tsc[UNIT_COUNT];
	const struct disk_ops *real[UNIT_COUNT];
	/* In this step or kick */
	uint32_t looks, ended, submitted;
	uint32_t given[UNIT_COUNT][DISK_CLIENT_MAX]; /* requests that the disk has */
	uint64_t kicked_again, submits, busy, refusals, errors, recoveries, steps; /* in all */
	struct disk_share shares[PART_COUNT];
	struct partition_config part_configs[PART_COUNT];
	struct disk_config disk_configs[UNIT_COUNT];
	struct plan plan;
	struct config config;
};
static struct machine m;

struct partition partitions[MAX_PARTITIONS];
uint32_t partition_count;
struct vcpu_state vcpu_states[MAX_VCPUS];

/* ---- What core/disk*.c calls ---- */

uint64_t arch_clock_now_tsc(void)
{
	return ++m.now_tsc;
}

uint64_t arch_clock_tsc_hz(void)
{
	return 1000000000;
}

void arch_mp_relax(void)
{
	m.now_tsc += 100;
}

void *arch_mem_at(hpa_t at)
{
	return (void *)(uintptr_t)at.v;
}

void *arch_mem_take_pages(uint64_t page_count)
{
	void *const at = aligned_alloc(PAGE_BYTES, page_count * PAGE_BYTES);

	CHECK(m.page_count < PAGES_MAX);
	memset(at, 0, page_count * PAGE_BYTES);
	return m.pages[m.page_count++] = at;
}

enum err arch_pc_add_model(part_id_t part, const struct pc_model *model, uint32_t *index)
{
	m.devices[part].model = *model;
	*index = 1 + part;
	return OK;
}

/* No lock of a disk is held: the PC's comes before it. */
vcpu_set_t arch_pc_send(part_id_t part, uint32_t index, uint64_t vectors)
{
	CHECK(index == 1 + part && !m.devices[part].is_locked && vectors != 0);
	for (uint32_t i = 0; i < disks.count; i++)
		CHECK(disks.units[i]->lock.next == disks.units[i]->lock.serving);
	m.devices[part].irq |= vectors;
	return BIT64(part);
}

void run_notify(vcpu_set_t set)
{
}

void run_poke(vcpu_set_t set)
{
	m.poked |= set;
}

void service_want(enum service_kind kind, uint64_t at_tsc)
{
	CHECK(kind == SERVICE_DISKS && !m.is_polled);
	m.due_tsc = min_u64(m.due_tsc, at_tsc);
}

void log_line(const char *source, const char *format, ...)
{
}

void log_machine(const char *format, ...)
{
}

void log_flush(void)
{
}

/* ---- The disks ---- */

static uint32_t unit_of(const struct disk *d)
{
	uint32_t i = 0;

	while (disks.units[i]->disk != d)
		i++;
	return i;
}

static enum disk_state moody_serve(struct disk *d, uint64_t now_tsc, uint64_t *again_tsc)
{
	const uint32_t u = unit_of(d);

	*again_tsc = TSC_NEVER;
	if (!m.is_moody || (m.is_settling && d->state == DISK_UP))
		return DISK_UP;
	*again_tsc = now_tsc + random_between(US(10), US(500));
	if (d->state == DISK_RECOVERING)
		return now_tsc < m.recovered_tsc[u] ? DISK_RECOVERING : DISK_UP;
	if (random_below(8) != 0)
		return DISK_UP;
	m.recoveries++;
	m.recovered_tsc[u] = now_tsc + random_between(US(10), US(300));
	return DISK_RECOVERING;
}

/* What the device is asked for is in the client's range, and nothing else. */
static bool is_allowed(uint32_t u, const struct block_request *r)
{
	const struct disk_client *const c = &disks.units[u]->clients[r->client];
	const struct disk_share *const s = c->share;

	if (r->op == BLOCK_FLUSH)
		return r->sector_count == 0;
	if (s->is_read_only && r->op != BLOCK_READ)
		return false;
	return r->sector >= s->first_sector && r->sector_count > 0 &&
	       r->sector + r->sector_count <= s->first_sector + s->sector_count;
}

static enum err moody_submit(struct disk *d, struct block_request *r, uint64_t now_tsc)
{
	const uint32_t u = unit_of(d);

	CHECK(is_allowed(u, r));
	CHECK(r->vblk.life == disks.units[u]->clients[r->client].vblk.life);
	if (d->state != DISK_UP || (m.is_busy && d->in_flight > 0) ||
	    (m.is_moody && d->in_flight > 0 && random_below(8) == 0)) {
		m.busy++;
		return ERR_BUSY;
	}
	m.submitted++;
	m.submits++;
	if (m.is_moody && random_below(d->in_flight ? 24 : 6) == 0) {
		m.refusals++;
		return random_below(2) ? ERR_UNSUPPORTED : ERR_RANGE;
	}
	CHECK(d->in_flight < disks.units[u]->sched.config.depth);
	m.given[u][r->client]++;
	return m.real[u]->submit(d, r, now_tsc);
}

static void moody_kick(struct disk *d)
{
	m.real[unit_of(d)]->kick(d);
}

static uint32_t moody_poll(struct disk *d, uint64_t now_tsc, struct block_request *done[],
			   uint32_t max, uint64_t *again_tsc)
{
	const uint32_t some = m.is_moody && max > 1 ? (uint32_t)random_between(1, max) : max;
	const uint32_t n = m.real[unit_of(d)]->poll(d, now_tsc, done, some, again_tsc);

	m.looks += max != 0;
	m.ended += n;
	CHECK(max <= DISK_STEP_MAX);
	for (uint32_t i = 0; i < n; i++) {
		m.given[unit_of(d)][done[i]->client]--;
		if (m.is_moody && random_below(24) == 0) {
			done[i]->status = BLOCK_IO_ERROR;
			m.errors++;
		}
	}
	return n;
}

static const struct disk_ops moody = { "moody", moody_serve, moody_submit, moody_kick, moody_poll };

/* ---- Building ---- */

static inline uint32_t random_of_two(uint32_t one, uint32_t other)
{
	return random_below(2) ? one : other;
}

static inline void make_disk(uint32_t i)
{
	const uint64_t slow = random_below(3) == 0 ? 20 : 1; /* then much is queued */

	m.data[i] = aligned_alloc(PAGE_BYTES, DISK_BYTES);
	m.shadow[i] = aligned_alloc(PAGE_BYTES, DISK_BYTES);
	m.plan.disks[i].memory_base = (uintptr_t)m.data[i];
	m.disk_configs[i] = (struct disk_config){
		.name = i ? "b" : "a",
		.kind = DISK_MEMORY,
		.bytes = DISK_BYTES,
		.time = { .read = { slow * random_between(0, US(50)), random_below(2000) },
			  .write = { slow * random_between(0, US(80)), random_below(2000) },
			  .flush_ns = random_of_two(0, US(100)),
			  .trim_ns = US(5),
			  .parallel = (uint32_t)random_between(1, 4),
			  .jitter = SERVICE_UNIFORM,
			  .uniform_ns = US(20),
			  .seed = random_u64() },
		.scheduler = (enum disk_scheduler)random_below(DISK_BUDGET + 1),
		.depth = (uint32_t)random_between(1, 12),
		.slice_idle_ns = random_below(2) ? DISK_NO_IDLE : US(100),
		.max_budget_bytes = MIB(1),
		.report_ns = random_of_two(0, US(300)),
		.audit_records = random_of_two(0, 64),
	};
}

static inline void make_partition(uint32_t i, uint32_t unit, uint32_t place)
{
	struct partition *const p = &partitions[i];
	const bool has_budget = m.disk_configs[unit].scheduler == DISK_BUDGET;

	m.plan.disks[unit].client_count++;
	m.ram[i] = aligned_alloc(PAGE_BYTES, RAM_BYTES);
	memset(m.ram[i], 0, RAM_BYTES);
	m.shares[i] = (struct disk_share){ .disk = m.disk_configs[unit].name,
					   .first_sector = GAP + place * (SHARE + GAP),
					   .sector_count = SHARE,
					   .is_read_only = random_below(8) == 0,
					   .is_writethrough = random_below(2),
					   .has_async_writes = random_below(2),
					   .weight = (uint32_t)random_between(1, 300),
					   .queue_count = (uint32_t)random_between(1, 2),
					   .queue_size = random_of_two(16, 64),
					   .priority = (uint32_t)random_below(3),
					   .budget_bytes = has_budget ? KIB(64) : 0,
					   .budget_period_ns = has_budget ? US(200) : 0 };
	m.part_configs[i] = (struct partition_config){ .name = "guest",
						       .disks = &m.shares[i],
						       .disk_count = 1 };
	m.plan.partitions[i] = (struct plan_partition){ .vcpu_first = i,
							.vcpu_count = 1,
							.has_pc = true,
							.memory_base = (uintptr_t)m.ram[i],
							.memory_bytes = RAM_BYTES };
	vcpu_states[i] = (struct vcpu_state){ .id = i, .partition = p };
	*p = (struct partition){ .config = &m.part_configs[i],
				 .plan = &m.plan.partitions[i],
				 .vcpus = &vcpu_states[i],
				 .ram = { m.ram[i], RAM_BYTES, true },
				 .state = PARTITION_RUNNING };
}

/* Sometimes the last share's requests are fewer than its rings hold: the pool runs dry. */
static inline void shrink_pool(struct disk_client *c)
{
	const uint32_t left = (uint32_t)random_between(1, 8);

	while (c->request_count > left) {
		c->free = c->free->next;
		c->request_count--;
	}
}

static inline void machine_start(void)
{
	const uint32_t parts = (uint32_t)random_between(1, PART_COUNT);
	const uint32_t units = parts > 1 ? (uint32_t)random_between(1, UNIT_COUNT) : 1;
	const char *reason = NULL;

	memset(&m, 0, sizeof(m));
	memset(&disks, 0, sizeof(disks));
	m.now_tsc = 1000;
	m.is_polled = random_below(4) == 0;
	for (uint32_t i = 0; i < units; i++)
		make_disk(i);
	for (uint32_t i = 0; i < parts; i++)
		make_partition(i, i % units, i / units);
	partition_count = parts;
	m.config = (struct config){ .partitions = m.part_configs,
				    .partition_count = parts,
				    .disks = m.disk_configs,
				    .disk_count = units };
	m.config.service.kind = m.is_polled ? CPU_OWNED : CPU_RESERVED;
	CHECK(disk_service.start(&m.config, &m.plan, &reason) == OK && disks.count == units);
	for (uint32_t u = 0; u < units; u++) {
		m.real[u] = disks.units[u]->disk->ops;
		disks.units[u]->disk->ops = &moody;
		for (uint32_t i = 0; i < DISK_BYTES; i += 8) {
			const uint64_t word = random_u64();

			memcpy(m.data[u] + i, &word, 8);
		}
		memcpy(m.shadow[u], m.data[u], DISK_BYTES);
		if (random_below(3) == 0)
			shrink_pool(&disks.units[u]->clients[0]);
	}
}

static inline void machine_end(void)
{
	for (uint32_t i = 0; i < m.page_count; i++)
		free(m.pages[i]);
	for (uint32_t i = 0; i < UNIT_COUNT; i++) {
		free(m.data[i]);
		free(m.shadow[i]);
	}
	for (uint32_t i = 0; i < PART_COUNT; i++)
		free(m.ram[i]);
}

static inline struct disk_client *client_of(uint32_t part)
{
	return &disks.units[part % disks.count]->clients[part / disks.count];
}

static inline uint32_t taken_count(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < partition_count; i++)
		sum += vblk_taken_count(&client_of(i)->vblk);
	return sum;
}

/* One step, and what it may do at most. Requests that were refused end in it, too. */
static inline void step(void)
{
	const uint32_t before = taken_count();
	uint64_t next_tsc;
	uint32_t after;

	m.looks = m.ended = m.submitted = 0;
	m.steps++;
	m.due_tsc = TSC_NEVER;
	next_tsc = disk_serve(m.now_tsc);
	m.due_tsc = min_u64(m.due_tsc, next_tsc);
	after = taken_count();
	CHECK(m.looks <= 1 && m.ended <= DISK_STEP_MAX);
	CHECK(after + m.ended <= before + DISK_STEP_MAX);
	CHECK(m.submitted <= 12);
}
