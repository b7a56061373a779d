/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/clock.h"
#include "core/lib/fmt.h"
#include "core/log.h"
#include "core/service.h"
#include "core/summary.h"

typedef unsigned long long ull;

#define TAG "summary"

static uint64_t to_us(uint64_t tsc)
{
	return mul_div(tsc, 1000000, arch_clock_tsc_hz());
}

/* Parts per 10,000, so that "%u.%02u %%" prints it. */
static uint32_t share(uint64_t part, uint64_t whole)
{
	return whole ? (uint32_t)mul_div(part, 10000, whole) : 0;
}

static uint64_t exit_sum(const struct vcpu_state *v)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < EXIT_KIND_COUNT; i++)
		sum += v->exits[i];
	return sum;
}

static void describe_claim(const struct vcpu_state *v, char *text, size_t bytes)
{
	const struct cpu_claim *c = &v->plan->claim;

	switch (c->kind) {
	case CPU_RESERVED:
		fmt_text(text, bytes, "%llu/%llu us", (ull)(c->budget_ns / 1000),
			 (ull)(c->period_ns / 1000));
		break;
	case CPU_OWNED:
		fmt_text(text, bytes, "own core");
		break;
	default:
		fmt_text(text, bytes, "best effort %u", c->priority);
	}
}

static const char *describe_state(const struct partition *p)
{
	static const char *const names[] = {
		[PARTITION_CREATED] = "created",       [PARTITION_RUNNING] = "running",
		[PARTITION_RESTARTING] = "restarting", [PARTITION_ENDED] = "ended",
		[PARTITION_STOPPED] = "STOPPED",
	};

	return names[p->state];
}

/* "rt0"; "linux.1" for the second vCPU of several. */
static void name_vcpu(const struct vcpu_state *v, char *text, size_t bytes)
{
	const char *name = v->partition->config->name;

	if (v->plan->index == 0)
		fmt_text(text, bytes, "%s", name);
	else
		fmt_text(text, bytes, "%s.%u", name, v->plan->index);
}

/* Jobs and state are the partition's: with its first vCPU. */
static void print_vcpu_line(const struct vcpu_state *v, const char *claim, uint32_t granted)
{
	const struct partition *p = v->partition;
	const bool is_first = v->plan->index == 0;
	char name[24], worst[24] = "-";

	name_vcpu(v, name, sizeof(name));
	if (p->jobs && is_first)
		fmt_text(worst, sizeof(worst), "%llu us", (ull)to_us(p->response_max_tsc));
	log_line(TAG, "%-15s %4u %16s %3u.%02u %% %14s %8llu %6llu %8llu  %s", name, v->core, claim,
		 granted / 100, granted % 100, worst, (ull)(is_first ? p->jobs : 0),
		 (ull)(is_first ? p->misses : 0), (ull)exit_sum(v), describe_state(p));
}

/* What the exits were: for whoever wants to know why there are so many. */
static void print_exits(const struct vcpu_state *v)
{
	const uint64_t *n = v->exits;

	log_machine("{\"exits_of\":\"%s\",\"vcpu\":%u,\"deadline\":%llu,\"irq\":%llu,"
		    "\"cpuid\":%llu,\"hypercall\":%llu,\"hlt\":%llu,\"pio\":%llu,\"memory\":%llu,"
		    "\"apic\":%llu,\"msr_read\":%llu,\"msr_write\":%llu,\"control\":%llu,"
		    "\"steal_us\":%llu}",
		    v->partition->config->name, v->plan->index, (ull)n[EXIT_DEADLINE],
		    (ull)n[EXIT_IRQ], (ull)n[EXIT_CPUID], (ull)n[EXIT_HYPERCALL], (ull)n[EXIT_HLT],
		    (ull)(n[EXIT_PIO] + n[EXIT_PIO_STRING]), (ull)n[EXIT_MEMORY], (ull)n[EXIT_APIC],
		    (ull)n[EXIT_MSR_READ], (ull)n[EXIT_MSR_WRITE], (ull)n[EXIT_CONTROL],
		    (ull)to_us(v->steal_tsc));
	log_machine(
		"{\"ticks_of\":\"%s\",\"vcpu\":%u,\"hlt\":%llu,\"memory\":%llu,\"pio\":%llu,\"msr_write\":%llu,"
		"\"deadline\":%llu,\"switch\":%llu}",
		v->partition->config->name, v->plan->index, (ull)v->ledger.hypervisor[EXIT_HLT],
		(ull)v->ledger.hypervisor[EXIT_MEMORY], (ull)v->ledger.hypervisor[EXIT_PIO],
		(ull)v->ledger.hypervisor[EXIT_MSR_WRITE], (ull)v->ledger.hypervisor[EXIT_DEADLINE],
		(ull)v->ledger.hypervisor[LEDGER_SWITCH]);
}

static void print_vcpu(const struct vcpu_state *v)
{
	const struct partition *p = v->partition;
	const struct run_core *c = &run_cores[v->core];
	const struct cbs_server *s = &c->cbs.servers[v->server];
	uint64_t hypervisor = ledger_hypervisor_sum(&v->ledger);
	uint64_t elapsed = ledger_elapsed(&c->ledger);
	char claim[40];

	describe_claim(v, claim, sizeof(claim));
	print_vcpu_line(v, claim, share(v->ledger.guest + hypervisor, elapsed));
	log_machine("{\"partition\":\"%s\",\"vcpu\":%u,\"core\":%u,\"claim\":\"%s\","
		    "\"guest_tsc\":%llu,"
		    "\"hypervisor_tsc\":%llu,\"elapsed_tsc\":%llu,\"exits\":%llu,\"switches\":%llu,"
		    "\"state\":\"%s\",\"status\":%llu,\"overrun_max_tsc\":%llu,\"late\":%llu,"
		    "\"jobs\":%llu,\"misses\":%llu,\"response_max_us\":%llu,\"restarts\":%u}",
		    p->config->name, v->plan->index, v->core, claim, (ull)v->ledger.guest,
		    (ull)hypervisor, (ull)elapsed, (ull)exit_sum(v), (ull)v->switches,
		    describe_state(p), (ull)p->exit_status,
		    (ull)(c->is_owned ? 0 : s->overrun_max_tsc),
		    (ull)(c->is_owned ? 0 : s->late_count), (ull)p->jobs, (ull)p->misses,
		    (ull)to_us(p->response_max_tsc), p->life);
	print_exits(v);
	log_flush();
}

struct core_sums {
	uint64_t guests;
	uint64_t hypervisor;
	uint64_t all;
};

static struct core_sums sum_core(const struct run_core *c)
{
	struct core_sums s = { 0 };

	for (uint32_t i = 0; i < vcpu_count; i++) {
		const struct vcpu_state *v = &vcpu_states[i];

		if (v->core != c->id)
			continue;
		s.guests += v->ledger.guest;
		s.hypervisor += ledger_hypervisor_sum(&v->ledger);
	}
	s.all = s.guests + s.hypervisor + ledger_core_sum(&c->ledger);
	return s;
}

static void print_core(const struct run_core *c)
{
	struct core_sums s = sum_core(c);
	uint64_t elapsed = ledger_elapsed(&c->ledger);
	uint32_t g = share(s.guests, elapsed), h = share(s.hypervisor, elapsed);
	uint32_t sc = share(c->ledger.scheduler, elapsed), co = share(c->ledger.console, elapsed);
	uint32_t i = share(c->ledger.idle, elapsed), all = share(s.all, elapsed);

	log_line(
		TAG,
		"core %u: guests %u.%02u %%, hypervisor for them %u.%02u %%, scheduler %u.%02u %%, "
		"console %u.%02u %%, idle %u.%02u %%: sum %u.%02u %% of %llu us",
		c->id, g / 100, g % 100, h / 100, h % 100, sc / 100, sc % 100, co / 100, co % 100,
		i / 100, i % 100, all / 100, all % 100, (ull)to_us(elapsed));
	log_machine("{\"core\":%u,\"elapsed_tsc\":%llu,\"sum_tsc\":%llu,\"guests_tsc\":%llu,"
		    "\"hypervisor_tsc\":%llu,\"scheduler_tsc\":%llu,\"console_tsc\":%llu,"
		    "\"idle_tsc\":%llu,\"passes\":%llu,\"switch_max_tsc\":%llu,"
		    "\"switch_overhead_tsc\":%llu}",
		    c->id, (ull)elapsed, (ull)s.all, (ull)s.guests, (ull)s.hypervisor,
		    (ull)c->ledger.scheduler, (ull)c->ledger.console, (ull)c->ledger.idle,
		    (ull)c->passes, (ull)c->switch_max_tsc, (ull)c->switch_overhead_tsc);
	if (c->switch_max_tsc > c->switch_overhead_tsc)
		log_line(TAG,
			 "core %u: a server switch took %llu ticks, more than the %llu that "
			 "the configuration's board.switch_overhead_ns allows: raise it",
			 c->id, (ull)c->switch_max_tsc, (ull)c->switch_overhead_tsc);
	log_flush();
}

void summary_print(uint32_t core_count)
{
	log_line(TAG, "%-15s %4s %16s %8s %14s %8s %6s %8s  %s", "partition", "core",
		 "budget/period", "granted", "worst response", "jobs", "missed", "exits", "state");
	for (uint32_t i = 0; i < vcpu_count; i++)
		print_vcpu(&vcpu_states[i]);
	for (core_id_t i = 0; i < core_count; i++)
		print_core(&run_cores[i]);
	service_summarize();
}

void summary_trace(uint32_t core_count)
{
	for (uint32_t i = 0; i < vcpu_count; i++) {
		const struct vcpu_state *v = &vcpu_states[i];
		char name[24];

		name_vcpu(v, name, sizeof(name));
		if (v->plan->kind == CPU_RESERVED)
			log_machine(
				"{\"server\":%u,\"core\":%u,\"name\":\"%s\",\"budget_tsc\":%llu,"
				"\"period_tsc\":%llu,\"overhead_tsc\":%llu}",
				v->server, v->core, name, (ull)v->plan->budget_tsc,
				(ull)v->plan->period_tsc,
				(ull)run_cores[v->core].switch_overhead_tsc);
	}
	log_flush();
	for (core_id_t i = 0; i < core_count; i++)
		trace_dump(&run_cores[i].trace, i);
}

bool summary_is_sound(uint32_t core_count)
{
	for (core_id_t i = 0; i < core_count; i++)
		if (sum_core(&run_cores[i]).all != ledger_elapsed(&run_cores[i].ledger))
			return false;
	return true;
}

uint64_t summary_late_count(uint32_t core_count)
{
	uint64_t late = 0;

	for (core_id_t i = 0; i < core_count; i++)
		for (uint32_t s = 0; s < run_cores[i].cbs.server_count; s++)
			late += run_cores[i].cbs.servers[s].late_count;
	return late;
}
