/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/main.c - from the boot stubs to the run loops and back.
 *
 * Boot core: log, memory, machine, plan, other cores, partitions; then its own run loop, the
 * summary, and the end that the configuration asks for. Whatever is missing is named in one
 * line before any guest runs.
 */
#include "arch/clock.h"
#include "arch/iommu.h"
#include "arch/machine.h"
#include "arch/mem.h"
#include "arch/mp.h"
#include "core/console.h"
#include "core/service.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/run.h"
#include "core/summary.h"

#define TAG "bulkhead"

typedef unsigned long long ull;

static struct boot_info boot; /* [I] */
static struct board board;    /* [I] */
static struct plan plan;      /* [I] */
static struct plan_refusals refusals;
static uint32_t enabled_count; /* atomic: cores with virtualization on */
static uint32_t may_run;       /* atomic: partitions are ready */

static NORETURN void finish(bool is_well, uint64_t late_count)
{
	log_machine("{\"event\":\"end\",\"ok\":%s,\"late\":%llu,\"config\":\"%s\"}",
		    is_well ? "true" : "false", (unsigned long long)late_count, config.name);
	log_flush();
	if (config.at_end == END_RESET && is_well)
		arch_reset();
	if (config.at_end == END_POWER_OFF)
		arch_power_off();
	arch_halt();
}

static NORETURN void refuse(const char *what, const char *missing)
{
	log_line(TAG, "cannot start: %s: %s", what, missing ? missing : "no further reason");
	finish(false, 0);
}

static void put_plan_line(const char *line)
{
	log_line("plan", "%s", line);
	log_flush();
}

static void make_plan(void)
{
	uint64_t began_tsc;
	enum err e;

	board.core_count = arch_mp_core_count();
	board.tsc_hz = arch_clock_tsc_hz();
	board.switch_overhead_tsc =
		mul_div(config.board.switch_overhead_ns, board.tsc_hz, SEC(1)) + 1;
	board.timer_resolution_tsc = arch_clock_resolution_tsc();
	for (uint32_t i = 0; i < boot.file_count; i++)
		board.files[i] = boot.files[i].name;
	board.file_count = boot.file_count;
	began_tsc = arch_clock_now_tsc();
	e = plan_build(&config, &board, &plan, &refusals);
	log_line("plan", "made in %llu us",
		 (unsigned long long)mul_div(arch_clock_now_tsc() - began_tsc, SEC(1) / US(1),
					     board.tsc_hz));
	if (e == OK) {
		plan_print(&config, &board, &plan, put_plan_line);
		return;
	}
	for (uint32_t i = 0; i < min_u64(refusals.count, PLAN_REFUSAL_MAX); i++)
		put_plan_line(refusals.text[i]);
	refuse("the configuration does not fit this machine", "see the lines above");
}

static void start_memory(void)
{
	const uint64_t pool_bytes = memory_pool_bytes(&config);
	hpa_t pool;

	if (memory_choose_pool(&boot, pool_bytes, &pool) != OK)
		refuse("memory", "no free range below 4 GiB holds the hypervisor's own frames");
	if (arch_mem_init(&boot, pool, pool_bytes) != OK)
		refuse("memory", "the hypervisor's page tables do not fit its frame pool");
	memory_offer(&boot, pool, pool_bytes, &board);
}

/* What bring-up had to say since the last call; it may be why something is refused next. */
static void say_remarks(void)
{
	static uint32_t said;
	const char *line;

	while ((line = arch_remark(said)) != NULL) {
		log_line(TAG, "%s", line);
		said++;
	}
}

static void start_machine(void)
{
	const char *missing = NULL;
	char line[128];
	const enum err e = arch_init(&boot, &missing);

	say_remarks();
	if (e != OK)
		refuse("machine", missing);
	if (arch_vcpu_probe(&missing) != OK)
		refuse("hardware virtualization", missing);
	arch_describe(line, sizeof(line));
	log_line(TAG, "%s", line);
	log_line(TAG, "%s guests (virtual APICs: %s), booted by %s", arch_vcpu_backend(),
		 arch_vcpu_apic_name(), boot.loader);
}

static void enable_core(core_id_t core)
{
	const char *missing = NULL;

	if (arch_vcpu_core_enable(&missing) != OK) {
		log_line(TAG, "cannot start: core %u: %s", core, missing);
		return;
	}
	__atomic_add_fetch(&enabled_count, 1, __ATOMIC_ACQ_REL);
}

static void other_core_main(core_id_t core)
{
	enable_core(core);
	while (!__atomic_load_n(&may_run, __ATOMIC_ACQUIRE))
		arch_mp_relax();
	run_loop(core);
	arch_halt();
}

/* A core that does not answer is named; half a machine keeps no promise, so we stop. */
static void start_cores(void)
{
	uint64_t limit_tsc;
	core_id_t failed = 0;
	enum err e;

	enable_core(0);
	e = arch_mp_start(other_core_main, &failed);
	say_remarks();
	if (e != OK) {
		log_line(TAG, "core %u does not start", failed);
		refuse("processors", e == ERR_TIMEOUT ? "INIT-SIPI-SIPI was not answered"
						      : "see the lines above");
	}
	limit_tsc = arch_clock_now_tsc() + arch_clock_tsc_hz();
	while (__atomic_load_n(&enabled_count, __ATOMIC_ACQUIRE) < board.core_count)
		if (arch_clock_now_tsc() > limit_tsc)
			refuse("processors", "virtualization is not available on every core");
}

/*
 * Where there is an IOMMU, devices are cut off from memory, whatever firmware left them doing.
 * A machine without one is not worth a line, unless devices are wanted: start_service() says so.
 */
static void start_iommu(void)
{
	const char *missing = NULL;
	char line[128];
	enum err e = arch_pci_init(&missing);

	if (e == OK)
		e = arch_iommu_init(&missing);
	say_remarks();
	if (e == ERR_NODEV)
		return;
	if (e != OK) {
		log_line(TAG, "no device can be passed through: %s", missing);
		return;
	}
	arch_iommu_describe(line, sizeof(line));
	log_line(TAG, "%s", line);
}

static void create_partitions(void)
{
	const char *reason = NULL;

	partition_count = plan.partition_count;
	console_init(config.board.console_bytes_per_second);
	for (part_id_t i = 0; i < partition_count; i++) {
		if (partition_create(i, &config.partitions[i], &plan, &boot, &reason) == OK) {
			if (config.partitions[i].apic == APIC_DIRECT)
				log_line(partitions[i].tag, "local APICs: %s",
					 arch_vcpu_apic_of(plan.partitions[i].vcpu_first));
			continue;
		}
		log_line(TAG, "partition '%s': %s", config.partitions[i].name, reason);
		refuse("partitions", "see the line above");
	}
}

/* The planner has seen to it that there is a service where there are devices and disks. */
static void start_service(void)
{
	const char *reason = NULL;

	if (!plan.has_service)
		return;
	if (service_start(&config, &plan, &reason) != OK)
		refuse("devices", reason);
}

static void create_traces(void)
{
	uint64_t bytes = config.trace_records * sizeof(struct trace_record);

	for (core_id_t i = 0; config.trace_records && i < board.core_count; i++) {
		struct trace_record *ring;

		if (!plan.cores[i].is_used || (plan.cores[i].is_owned && !config.trace_details))
			continue;
		ring = arch_mem_take_pages(align_up(bytes, PAGE_BYTES) / PAGE_BYTES);
		if (!ring)
			refuse("trace", "its records do not fit the frame pool");
		run_trace_init(i, ring, config.trace_records);
	}
}

static uint64_t run_end_tsc(void)
{
	if (config.run_limit_ns == 0)
		return TSC_NEVER;
	return arch_clock_now_tsc() + mul_div(config.run_limit_ns, board.tsc_hz, SEC(1));
}

/* All of it is set aside at boot, and no more is ever taken. */
static void say_memory(void)
{
	uint64_t pool = memory_pool_bytes(&config);
	uint64_t all = boot.image_bytes + pool + boot.log_bytes;

	log_line(TAG, "hypervisor memory: %llu KiB: image %llu, frames %llu (%llu used), log %llu",
		 (ull)all >> 10, (ull)boot.image_bytes >> 10, (ull)pool >> 10,
		 (ull)arch_mem_pool_used_bytes() >> 10, (ull)boot.log_bytes >> 10);
	log_machine("{\"hypervisor_memory_bytes\":%llu,\"tsc_hz\":%llu}", (ull)all,
		    (ull)arch_clock_tsc_hz());
}

NORETURN void core_main(const struct boot_info *from)
{
	boot = *from;
	log_init(&boot);
	log_line(TAG, "configuration '%s', %u partitions", config.name, config.partition_count);
	start_memory();
	log_use_memory(&boot);
	start_machine();
	make_plan();
	start_cores();
	start_iommu();
	create_partitions();
	start_service();
	create_traces();
	arch_mem_seal();
	say_memory();
	log_line(TAG, "partitions start");
	log_flush();
	if (run_init(&plan, &board, run_end_tsc()) != OK)
		refuse("scheduler", "more servers on a core than it holds");
	__atomic_store_n(&may_run, 1, __ATOMIC_RELEASE);
	run_loop(0);
	run_wait_for_all();
	log_flush();
	summary_trace(board.core_count);
	summary_print(board.core_count);
	finish(summary_is_sound(board.core_count), summary_late_count(board.core_count));
}
