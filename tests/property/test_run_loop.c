/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/test_run_loop.c - core/run.c, as it is, over a fake machine.
 *
 * Guests that compute, sleep, storm with timers or flood with hypercalls share a core for
 * millions of ticks. What must hold is asked of the trace by sched/trace_check.h, of the
 * ledger by adding up, and of the fake guests, who know what they truly got.
 */
#include <stdlib.h>
#include <string.h>
#include "core/run.h"
#include "guests/abi.h"
#include "sched/trace_check.h"
#include "tests/fake/arch.h"
#include "tests/test.h"

#define RECORDS (1u << 20)
#define END_TSC UINT64_C(2000000)

/* Longest time that the fake machine spends away from a guest in one go, with some to spare:
 * a timer's lateness, an exit, a pass, an entry. */
#define REACTION_TSC 60u

static struct trace_record records[RECORDS];
static struct plan plan;
static struct partition_config configs[MAX_PARTITIONS];

enum habit { SPINS, SLEEPS, STORMS, FLOODS, HABIT_COUNT };

static void give_habit(struct fake_guest *g, enum habit habit, uint64_t work, uint64_t sleep)
{
	*g = (struct fake_guest){ .timer_tsc = TSC_NEVER };
	switch (habit) {
	case SPINS:
		g->steps[g->step_count++] = (struct fake_step){ UINT64_MAX / 4, EXIT_HLT, 0 };
		break;
	case SLEEPS:
		g->steps[g->step_count++] = (struct fake_step){ work, EXIT_MSR_WRITE, sleep };
		g->steps[g->step_count++] = (struct fake_step){ 1, EXIT_HLT, 0 };
		break;
	case STORMS:
		g->steps[g->step_count++] = (struct fake_step){ 1, EXIT_MSR_WRITE, 20 };
		g->steps[g->step_count++] = (struct fake_step){ 1, EXIT_HLT, 0 };
		break;
	case FLOODS:
	default:
		g->steps[g->step_count++] =
			(struct fake_step){ 3, EXIT_HYPERCALL, GUEST_CALL_NULL };
		g->steps[g->step_count++] = (struct fake_step){ 3, EXIT_HYPERCALL, 0x1234567 };
	}
	g->ticks_left = g->steps[0].ticks;
}

static void start_machine(uint64_t seed)
{
	memset(&fake, 0, sizeof(fake));
	memset(run_cores, 0, sizeof(run_cores[0]));
	memset(partitions, 0, sizeof(partitions));
	fake.random = seed;
	fake.now_tsc = 1000;
	fake.cost_enter = 2;
	fake.cost_exit = 2;
	fake.cost_look = 3;
	fake.timer_late_max = 4;
	plan = (struct plan){ 0 };
	partition_count = 0;
}

static void add_partition(const struct plan_partition *p, enum habit habit, uint64_t work,
			  uint64_t sleep)
{
	part_id_t id = plan.partition_count++;

	partition_count = plan.partition_count;
	plan.partitions[id] = *p;
	configs[id] = (struct partition_config){ .name = "p" };
	partitions[id] = (struct partition){
		.config = &configs[id],
		.plan = &plan.partitions[id],
		.vcpu = { .id = id, .part = id, .timer_tsc = TSC_NEVER },
	};
	give_habit(&fake.guests[id], habit, work, sleep);
}

static void run(void)
{
	CHECK(run_init(&plan, &(struct board){ .core_count = 1 }, END_TSC) == OK);
	run_trace_init(0, records, RECORDS);
	run_loop(0);
}

static void check_ledger(void)
{
	const struct run_core *c = &run_cores[0];
	uint64_t sum = ledger_core_sum(&c->ledger);

	for (part_id_t i = 0; i < partition_count; i++) {
		const struct vcpu_ledger *l = &partitions[i].vcpu.ledger;

		sum += l->guest + ledger_hypervisor_sum(l);
		CHECK(l->guest == fake.guests[i].ran_tsc);
	}
	CHECK(sum == ledger_elapsed(&c->ledger));
	CHECK(ledger_elapsed(&c->ledger) >= END_TSC - 1100);
}

static void check_trace(void)
{
	struct trace_server servers[TRACE_SERVER_MAX];
	struct trace_check check;
	const struct trace *t = &run_cores[0].trace;

	CHECK(t->written <= RECORDS);
	for (uint32_t i = 0; i < run_cores[0].cbs.server_count; i++)
		servers[i] = (struct trace_server){ run_cores[0].cbs.servers[i].budget_tsc,
						    run_cores[0].cbs.servers[i].period_tsc,
						    run_cores[0].cbs.servers[i].priority };
	trace_check_init(&check, servers, run_cores[0].cbs.server_count,
			 &(struct trace_limits){ REACTION_TSC, REACTION_TSC, REACTION_TSC });
	for (uint64_t i = 0; i < t->written && !check.violation.rule; i++)
		trace_check_record(&check, t->ring[i]);
	if (check.violation.rule)
		printf("record %llu, server %u: %s: %llu, allowed %llu\n",
		       (unsigned long long)check.violation.record_index, check.violation.server,
		       check.violation.rule, (unsigned long long)check.violation.found,
		       (unsigned long long)check.violation.allowed);
	CHECK(!check.violation.rule);
}

static struct plan_partition reservation(uint64_t budget, uint64_t period)
{
	return (struct plan_partition){ .kind = CPU_RESERVED,
					.budget_tsc = budget,
					.period_tsc = period };
}

static void random_mixes_keep_every_promise(void)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		uint64_t room = 1000; /* thousandths of the core */
		uint64_t random = seed * 0x9e3779b97f4a7c15u;

		start_machine(seed);
		for (int i = 0; i < 8; i++) {
			struct plan_partition p;
			uint64_t period, share;

			random = random * 6364136223846793005u + 1442695040888963407u;
			period = 3000 + (random >> 33) % 12000;
			share = 20 + (random >> 45) % 150;
			/* One reaction a period is what admission counts on top. */
			if (share + REACTION_TSC * 1000 / period + 1 > room)
				break;
			room -= share + REACTION_TSC * 1000 / period + 1;
			p = reservation(period * share / 1000, period);
			add_partition(&p, (enum habit)((random >> 60) % HABIT_COUNT),
				      50 + (random >> 20) % 3000, (random >> 10) % 20000);
		}
		run();
		check_ledger();
		check_trace();
		if (test_failed) {
			printf("seed %llu\n", (unsigned long long)seed);
			return;
		}
	}
}

/* What the hypervisor does for a flooding guest comes out of that guest's own budget. */
static void a_flood_is_paid_by_its_guest(void)
{
	struct plan_partition victim = reservation(4000, 10000), flood = reservation(1000, 10000);
	uint64_t quiet, flooded;

	start_machine(1);
	add_partition(&victim, SPINS, 0, 0);
	run();
	quiet = partitions[0].vcpu.ledger.guest;
	for (enum habit habit = STORMS; habit <= FLOODS; habit++) {
		start_machine(1);
		add_partition(&victim, SPINS, 0, 0);
		add_partition(&flood, habit, 0, 0);
		run();
		check_ledger();
		flooded = partitions[0].vcpu.ledger.guest;
		CHECK(flooded + quiet / 100 >= quiet && quiet + quiet / 100 >= flooded);
		/* A tenth of the core, and one reaction for each of the 200 periods. */
		CHECK(partitions[1].vcpu.ledger.guest +
			      ledger_hypervisor_sum(&partitions[1].vcpu.ledger) <=
		      END_TSC / 10 + 200 * REACTION_TSC);
	}
}

static void best_effort_gets_what_is_left_over_and_no_more(void)
{
	struct plan_partition reserved = reservation(6000, 10000);
	struct plan_partition high = { .kind = CPU_BEST_EFFORT, .priority = 2 };
	struct plan_partition low = { .kind = CPU_BEST_EFFORT, .priority = 1 };

	start_machine(1);
	add_partition(&reserved, SPINS, 0, 0);
	add_partition(&low, SPINS, 0, 0);
	add_partition(&high, SPINS, 0, 0);
	run();
	check_ledger();
	CHECK(partitions[1].vcpu.ledger.guest == 0);
	CHECK(partitions[2].vcpu.ledger.guest > END_TSC * 39 / 100);
	CHECK(partitions[2].vcpu.ledger.guest < END_TSC * 41 / 100);
	CHECK(partitions[0].vcpu.ledger.guest > END_TSC * 59 / 100);
}

static void an_owned_core_is_entered_once(void)
{
	struct plan_partition own = { .kind = CPU_OWNED };

	start_machine(1);
	add_partition(&own, SPINS, 0, 0);
	run();
	check_ledger();
	CHECK(partitions[0].vcpu.switches == 1);
	CHECK(partitions[0].vcpu.exits[EXIT_DEADLINE] == 1); /* the end of the run */
}

int main(void)
{
	RUN(random_mixes_keep_every_promise);
	RUN(a_flood_is_paid_by_its_guest);
	RUN(best_effort_gets_what_is_left_over_and_no_more);
	RUN(an_owned_core_is_entered_once);
	return test_failed;
}
