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
#include "arch/pc.h"
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

static uint8_t ram[MIB(1)]; /* of a partition that restarts */

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
	memset(vcpu_states, 0, sizeof(vcpu_states));
	fake.random = seed;
	fake.now_tsc = 1000;
	fake.cost_enter = 2;
	fake.cost_exit = 2;
	fake.cost_look = 3;
	fake.timer_late_max = 4;
	plan = (struct plan){ 0 };
	partition_count = 0;
}

static struct fake_guest *add_vcpu(const struct plan_vcpu *v)
{
	const vcpu_id_t id = plan.vcpu_count++;
	struct partition *p = &partitions[plan.partition_count - 1];
	struct plan_partition *of = &plan.partitions[plan.partition_count - 1];

	plan.vcpus[id] = *v;
	plan.vcpus[id].part = plan.partition_count - 1;
	plan.vcpus[id].index = of->vcpu_count++;
	vcpu_states[id] = (struct vcpu_state){
		.id = id, .partition = p, .plan = &plan.vcpus[id], .timer_tsc = TSC_NEVER
	};
	p->vcpus = &vcpu_states[of->vcpu_first];
	fake.guests[id].timer_tsc = TSC_NEVER;
	return &fake.guests[id];
}

static struct partition *new_partition(void)
{
	part_id_t id = plan.partition_count++;

	partition_count = plan.partition_count;
	plan.partitions[id] = (struct plan_partition){ .vcpu_first = plan.vcpu_count };
	configs[id] = (struct partition_config){ .name = "p" };
	partitions[id] = (struct partition){ .config = &configs[id], .plan = &plan.partitions[id] };
	return &partitions[id];
}

static void add_partition(const struct plan_vcpu *v, enum habit habit, uint64_t work,
			  uint64_t sleep)
{
	new_partition();
	give_habit(add_vcpu(v), habit, work, sleep);
}

/* A guest of two steps, for ever. */
static void give_steps(struct fake_guest *g, struct fake_step first, struct fake_step second)
{
	g->steps[0] = first;
	g->steps[1] = second;
	g->step_count = 2;
	g->ticks_left = first.ticks;
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

	for (uint32_t i = 0; i < plan.vcpu_count; i++) {
		const struct vcpu_ledger *l = &vcpu_states[i].ledger;

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

static struct plan_vcpu reservation(uint64_t budget, uint64_t period)
{
	return (struct plan_vcpu){ .kind = CPU_RESERVED,
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
			struct plan_vcpu p;
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
	struct plan_vcpu victim = reservation(4000, 10000), flood = reservation(1000, 10000);
	uint64_t quiet, flooded;

	start_machine(1);
	add_partition(&victim, SPINS, 0, 0);
	run();
	quiet = vcpu_states[0].ledger.guest;
	for (enum habit habit = STORMS; habit <= FLOODS; habit++) {
		start_machine(1);
		add_partition(&victim, SPINS, 0, 0);
		add_partition(&flood, habit, 0, 0);
		run();
		check_ledger();
		flooded = vcpu_states[0].ledger.guest;
		CHECK(flooded + quiet / 100 >= quiet && quiet + quiet / 100 >= flooded);
		/* A tenth of the core, and one reaction for each of the 200 periods. */
		CHECK(vcpu_states[1].ledger.guest + ledger_hypervisor_sum(&vcpu_states[1].ledger) <=
		      END_TSC / 10 + 200 * REACTION_TSC);
	}
}

static void best_effort_gets_what_is_left_over_and_no_more(void)
{
	struct plan_vcpu reserved = reservation(6000, 10000);
	struct plan_vcpu high = { .kind = CPU_BEST_EFFORT, .priority = 2 };
	struct plan_vcpu low = { .kind = CPU_BEST_EFFORT, .priority = 1 };

	start_machine(1);
	add_partition(&reserved, SPINS, 0, 0);
	add_partition(&low, SPINS, 0, 0);
	add_partition(&high, SPINS, 0, 0);
	run();
	check_ledger();
	CHECK(vcpu_states[1].ledger.guest == 0);
	CHECK(vcpu_states[2].ledger.guest > END_TSC * 39 / 100);
	CHECK(vcpu_states[2].ledger.guest < END_TSC * 41 / 100);
	CHECK(vcpu_states[0].ledger.guest > END_TSC * 59 / 100);
}

static void an_owned_core_is_entered_once(void)
{
	struct plan_vcpu own = { .kind = CPU_OWNED };

	start_machine(1);
	add_partition(&own, SPINS, 0, 0);
	run();
	check_ledger();
	CHECK(vcpu_states[0].switches == 1);
	CHECK(vcpu_states[0].exits[EXIT_DEADLINE] == 1); /* the end of the run */
}

/*
 * vCPU 0 computes and posts to vCPU 1, which sleeps until somebody does; its period is shorter,
 * so that it is served at once but where the other's deadline happens to be near.
 */
static void a_posted_interrupt_wakes_its_receiver(void)
{
	struct plan_vcpu sender = reservation(8000, 10000), receiver = reservation(100, 1000);
	uint64_t posts;

	start_machine(1);
	new_partition();
	give_steps(add_vcpu(&sender), (struct fake_step){ 700, EXIT_MSR_WRITE, FAKE_POST | 2 },
		   (struct fake_step){ 700, EXIT_CPUID, 0 });
	give_steps(add_vcpu(&receiver), (struct fake_step){ 10, EXIT_HLT, 0 },
		   (struct fake_step){ 10, EXIT_HLT, 0 });
	run();
	check_ledger();
	check_trace();
	posts = vcpu_states[0].exits[EXIT_MSR_WRITE];
	CHECK(posts > END_TSC * 7 / 10 / 1400);
	CHECK(vcpu_states[1].exits[EXIT_HLT] <= posts + 1);
	CHECK(vcpu_states[1].exits[EXIT_HLT] >= posts * 8 / 10);
}

/* A device's, that software has to post, or the notification of a sleeper: nobody sends a kick. */
static void a_host_interrupt_wakes_the_vcpu_that_it_was_for(void)
{
	struct plan_vcpu busy = reservation(8000, 10000), receiver = reservation(100, 1000);
	uint64_t interrupts;

	start_machine(1);
	new_partition();
	give_steps(add_vcpu(&busy), (struct fake_step){ 700, EXIT_IRQ, 2 },
		   (struct fake_step){ 700, EXIT_CPUID, 0 });
	new_partition();
	give_steps(add_vcpu(&receiver), (struct fake_step){ 10, EXIT_HLT, 0 },
		   (struct fake_step){ 10, EXIT_HLT, 0 });
	run();
	check_ledger();
	check_trace();
	interrupts = vcpu_states[0].exits[EXIT_IRQ];
	CHECK(interrupts > END_TSC * 7 / 10 / 1400);
	CHECK(vcpu_states[1].exits[EXIT_HLT] <= interrupts + 1);
	CHECK(vcpu_states[1].exits[EXIT_HLT] >= interrupts * 8 / 10);
}

static void a_host_interrupt_of_an_idle_core_wakes_it_too(void)
{
	struct plan_vcpu receiver = reservation(1000, 2000);
	uint64_t naps = END_TSC / 1000;

	start_machine(1);
	fake.idle_irq_ticks = 1000;
	new_partition();
	give_steps(add_vcpu(&receiver), (struct fake_step){ 10, EXIT_HLT, 0 },
		   (struct fake_step){ 10, EXIT_HLT, 0 });
	run();
	check_ledger();
	check_trace();
	CHECK(vcpu_states[0].exits[EXIT_HLT] > naps * 9 / 10);
	CHECK(vcpu_states[0].exits[EXIT_HLT] <= naps + 1);
}

/* Early, it waits for the gate, which is a timer of its vCPU's. */
static void a_gate_opens_and_wakes_its_vcpu(void)
{
	struct plan_vcpu busy = reservation(8000, 10000), receiver = reservation(100, 1000);
	uint64_t interrupts;

	start_machine(1);
	new_partition();
	give_steps(add_vcpu(&busy), (struct fake_step){ 1000, EXIT_IRQ, FAKE_GATED | 2 },
		   (struct fake_step){ 1000, EXIT_CPUID, 0 });
	new_partition();
	give_steps(add_vcpu(&receiver), (struct fake_step){ 10, EXIT_HLT, 0 },
		   (struct fake_step){ 10, EXIT_HLT, 0 });
	vcpu_states[1].clocks = CLOCK_GATE;
	run();
	check_ledger();
	check_trace();
	interrupts = vcpu_states[0].exits[EXIT_IRQ];
	CHECK(interrupts > END_TSC * 7 / 10 / 2000);
	CHECK(vcpu_states[1].exits[EXIT_HLT] <= interrupts + 1);
	CHECK(vcpu_states[1].exits[EXIT_HLT] >= interrupts * 8 / 10);
	CHECK(vcpu_states[1].switches <=
	      interrupts + 1); /* and not for the early ones themselves */
}

/* The timer of a vCPU that runs, and of one whose budget is spent: it opens when it runs again. */
static void a_gate_opens_for_a_vcpu_that_computes(void)
{
	struct plan_vcpu half = reservation(5000, 10000);
	struct fake_guest *g;

	start_machine(1);
	new_partition();
	g = add_vcpu(&half);
	give_steps(g, (struct fake_step){ 1000, EXIT_IRQ, FAKE_GATED | 1 },
		   (struct fake_step){ 20000, EXIT_CPUID, 0 });
	vcpu_states[0].clocks = CLOCK_GATE;
	run();
	check_ledger();
	check_trace();
	/* An interrupt starts its program over, after 1,000 ticks and the gate's 500. */
	CHECK(vcpu_states[0].exits[EXIT_IRQ] > END_TSC / 2 / 1700);
	CHECK(vcpu_states[0].exits[EXIT_CPUID] == 0);
	CHECK(g->rests == 0);
}

/* Whoever waits for his turn pays for his device's interrupts, and is laid to rest. */
static void interrupts_of_one_who_waits_are_his_to_pay(void)
{
	struct plan_vcpu victim = reservation(7000, 10000), other = reservation(2000, 10000);
	uint64_t interrupts, passes;

	start_machine(1);
	new_partition();
	give_steps(add_vcpu(&victim), (struct fake_step){ 400, EXIT_IRQ, 2 },
		   (struct fake_step){ 400, EXIT_IRQ, 2 });
	add_partition(&other, SPINS, 0, 0);
	vcpu_states[1].clocks = CLOCK_GATE;
	run();
	check_ledger();
	check_trace();
	interrupts = vcpu_states[0].exits[EXIT_IRQ];
	passes = vcpu_states[1].ledger.hypervisor[LEDGER_SWITCH];
	CHECK(interrupts > END_TSC * 6 / 10 / 400);
	CHECK(fake.guests[1].rests > interrupts / 2);
	/* Each takes a look at the clock, at least. */
	CHECK(passes >= fake.guests[1].rests * fake.cost_look);
	CHECK(vcpu_states[1].ledger.guest + ledger_hypervisor_sum(&vcpu_states[1].ledger) <=
	      END_TSC / 5 + 200 * REACTION_TSC);
	CHECK(vcpu_states[0].ledger.guest > END_TSC * 68 / 100);
}

/* Two that do nothing but wake each other, beside one that computes. */
static void a_storm_of_messages_is_paid_by_its_guest(void)
{
	struct plan_vcpu small = reservation(1000, 10000), victim = reservation(7000, 10000);

	start_machine(1);
	new_partition();
	give_steps(add_vcpu(&small), (struct fake_step){ 1, EXIT_MSR_WRITE, FAKE_POST | 2 },
		   (struct fake_step){ 1, EXIT_MSR_WRITE, FAKE_POST | 3 });
	give_steps(add_vcpu(&small), (struct fake_step){ 1, EXIT_MSR_WRITE, FAKE_POST | 1 },
		   (struct fake_step){ 1, EXIT_HLT, 0 });
	add_partition(&victim, SPINS, 0, 0);
	run();
	check_ledger();
	check_trace();
	CHECK(vcpu_states[2].ledger.guest > END_TSC * 69 / 100);
}

static void one_vcpu_ends_its_partition_and_nobody_elses(void)
{
	struct plan_vcpu third = reservation(3000, 10000);

	start_machine(1);
	new_partition();
	give_habit(add_vcpu(&third), SPINS, 0, 0);
	give_steps(add_vcpu(&third), (struct fake_step){ 20000, EXIT_HYPERCALL, GUEST_CALL_EXIT },
		   (struct fake_step){ 1, EXIT_CPUID, 0 });
	add_partition(&third, SPINS, 0, 0);
	run();
	check_ledger();
	check_trace();
	CHECK(partition_state(&partitions[0]) == PARTITION_ENDED);
	CHECK(vcpu_states[0].has_finished && vcpu_states[1].has_finished);
	/* 20,000 ticks of its own at 0.3 of the time: by then the first has had as much. */
	CHECK(vcpu_states[0].ledger.guest < 30000);
	CHECK(vcpu_states[2].ledger.guest > END_TSC * 29 / 100);
}

static void a_reset_restarts_every_vcpu_of_the_partition(void)
{
	struct plan_vcpu third = reservation(3000, 10000);
	struct partition *p;

	start_machine(1);
	p = new_partition();
	p->ram = (struct guest_ram){ .at = ram, .bytes = sizeof(ram), .has_pc = true };
	configs[0].on_reset = LIFE_RESTART;
	memset(ram, 0xa5, sizeof(ram));
	give_habit(add_vcpu(&third), SPINS, 0, 0);
	give_steps(add_vcpu(&third), (struct fake_step){ 50000, EXIT_PIO, PC_RESET },
		   (struct fake_step){ 1, EXIT_CPUID, 0 });
	add_partition(&third, SPINS, 0, 0);
	run();
	check_ledger();
	check_trace();
	CHECK(partition_state(p) == PARTITION_RUNNING && p->life >= 5);
	CHECK(fake.guests[0].restarts == p->life && fake.guests[1].restarts == p->life);
	CHECK(ram[MIB(1) / 2] == 0 && ram[sizeof(ram) - 1] == 0); /* the old life is gone */
	CHECK(vcpu_states[2].ledger.guest > END_TSC * 29 / 100);
}

/* What it wanted and did not get, and what it got, are all its time but for the machine's own. */
static void stolen_time_is_the_time_others_had(void)
{
	struct plan_vcpu half = reservation(5000, 10000);
	const struct vcpu_state *v = &vcpu_states[0];

	start_machine(1);
	add_partition(&half, SPINS, 0, 0);
	run();
	CHECK(v->steal_tsc > END_TSC * 49 / 100 && v->steal_tsc < END_TSC * 51 / 100);
	CHECK(v->steal_tsc + v->ledger.guest + ledger_hypervisor_sum(&v->ledger) <=
	      ledger_elapsed(&run_cores[0].ledger));
}

int main(void)
{
	RUN(random_mixes_keep_every_promise);
	RUN(a_flood_is_paid_by_its_guest);
	RUN(best_effort_gets_what_is_left_over_and_no_more);
	RUN(an_owned_core_is_entered_once);
	RUN(a_posted_interrupt_wakes_its_receiver);
	RUN(a_host_interrupt_wakes_the_vcpu_that_it_was_for);
	RUN(a_host_interrupt_of_an_idle_core_wakes_it_too);
	RUN(a_gate_opens_and_wakes_its_vcpu);
	RUN(a_gate_opens_for_a_vcpu_that_computes);
	RUN(interrupts_of_one_who_waits_are_his_to_pay);
	RUN(a_storm_of_messages_is_paid_by_its_guest);
	RUN(one_vcpu_ends_its_partition_and_nobody_elses);
	RUN(a_reset_restarts_every_vcpu_of_the_partition);
	RUN(stolen_time_is_the_time_others_had);
	return test_failed;
}
