/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/test_run_service.c - the service in the run loop, over a fake machine: its rounds
 * begin with its periods, no step overruns its budget, and whoever shares its core gets his.
 */
#include <string.h>
#include "core/device.h"
#include "core/run.h"
#include "tests/fake/arch.h"
#include "tests/test.h"

#define END_TSC    UINT64_C(2000000)
#define STEP_TSC   300u /* PLAN_SERVICE_STEP_NS on the fake machine's clock of 1 MHz */
#define PERIOD_TSC 5000u
/* EDF: it may run last in its period. And the end of whatever runs, a pass, an entry. */
#define LATE_TSC (PERIOD_TSC - 1000 + 400)

static struct plan plan;
static struct partition_config guest_config = { .name = "p" };
static const struct config sys = { .name = "sys", .service = RESERVATION(0, US(1000), US(5000)) };

/* What the fake service does: so many steps a round, each of at most STEP_TSC. */
static uint32_t steps_wanted, steps_left;
static uint64_t random_state, due_tsc, served_tsc, rounds, late_max_tsc;
static uint64_t spent_tsc[END_TSC / PERIOD_TSC + 2]; /* in each period from 0 on */

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % n;
}

static enum err start(const struct config *system, const struct plan *with, const char **reason)
{
	return OK;
}

static uint64_t serve(uint64_t now_tsc)
{
	const uint64_t took_tsc = 1 + random_below(STEP_TSC - 10);

	if (steps_left == 0) {
		if (rounds++ > 0)
			late_max_tsc = max_u64(late_max_tsc, now_tsc - due_tsc);
		else
			due_tsc = now_tsc;
		due_tsc += PERIOD_TSC;
		steps_left = steps_wanted;
	}
	fake.now_tsc += took_tsc;
	served_tsc += took_tsc;
	spent_tsc[now_tsc / PERIOD_TSC] += took_tsc;
	return --steps_left > 0 ? now_tsc : due_tsc;
}

static bool is_quiet(const struct partition *p)
{
	return true;
}

static void cut_off(const struct partition *p)
{
}

const struct service_ops device_service = {
	.start = start, .serve = serve, .is_quiet = is_quiet, .cut_off = cut_off
};

static void run_beside(const struct plan_vcpu *guest, uint32_t steps)
{
	const char *reason;

	memset(&fake, 0, sizeof(fake));
	memset(run_cores, 0, sizeof(run_cores[0]));
	memset(vcpu_states, 0, sizeof(vcpu_states));
	memset(spent_tsc, 0, sizeof(spent_tsc));
	fake.now_tsc = 1000;
	fake.cost_enter = fake.cost_exit = 2;
	fake.cost_look = 3;
	steps_wanted = steps;
	steps_left = 0;
	random_state = steps;
	rounds = served_tsc = late_max_tsc = 0;
	plan = (struct plan){ .partition_count = 1, .vcpu_count = 2, .has_service = true };
	plan.partitions[0].vcpu_count = 1;
	plan.partitions[PLAN_SERVICE_PART] =
		(struct plan_partition){ .vcpu_first = 1, .vcpu_count = 1 };
	plan.vcpus[0] = *guest;
	plan.vcpus[1] = (struct plan_vcpu){ .part = PLAN_SERVICE_PART,
					    .kind = CPU_RESERVED,
					    .budget_tsc = 1000,
					    .period_tsc = PERIOD_TSC };
	partition_count = 1;
	partitions[0] = (struct partition){ .config = &guest_config,
					    .plan = &plan.partitions[0],
					    .vcpus = &vcpu_states[0] };
	vcpu_states[0] = (struct vcpu_state){
		.id = 0, .partition = &partitions[0], .plan = &plan.vcpus[0], .timer_tsc = TSC_NEVER
	};
	fake.guests[0] = (struct fake_guest){ .timer_tsc = TSC_NEVER, .step_count = 1 };
	fake.guests[0].steps[0] = (struct fake_step){ UINT64_MAX / 4, EXIT_HLT, 0 };
	fake.guests[0].ticks_left = UINT64_MAX / 4;
	CHECK(service_start(&sys, &plan, &reason) == OK);
	CHECK(run_init(&plan, &(struct board){ .core_count = 1, .tsc_hz = 1000000 }, END_TSC) ==
	      OK);
	run_loop(0);
}

static const struct plan_vcpu spinner = { .kind = CPU_RESERVED,
					  .budget_tsc = 7000,
					  .period_tsc = 10000 };

static void rounds_begin_with_periods(void)
{
	for (uint32_t steps = 1; steps <= 3; steps++) {
		run_beside(&spinner, steps);
		CHECK(rounds >= END_TSC / PERIOD_TSC - 2 && rounds <= END_TSC / PERIOD_TSC);
		CHECK(late_max_tsc <= LATE_TSC);
	}
}

/* However much it would do: at most Q in any period, and never a step that does not fit. */
static void no_budget_is_overrun(void)
{
	run_beside(&spinner, 1000);
	CHECK(run_cores[0].cbs.servers[vcpu_states[1].server].overrun_max_tsc == 0);
	for (uint32_t i = 0; i < END_TSC / PERIOD_TSC; i++)
		CHECK(spent_tsc[i] <= 2 * 1000);
	/* All but what is too little for a step, and what loops and passes take. */
	CHECK(served_tsc >= END_TSC / PERIOD_TSC * (1000 - STEP_TSC - 50));
	CHECK(served_tsc <= END_TSC / PERIOD_TSC * 1000 + 1000);
}

static void its_neighbour_gets_his(void)
{
	run_beside(&spinner, 1000);
	CHECK(fake.guests[0].ran_tsc + ledger_hypervisor_sum(&vcpu_states[0].ledger) >=
	      (END_TSC / 10000 - 1) * 7000);
	CHECK(run_cores[0].cbs.servers[vcpu_states[0].server].late_count == 0);
}

/* One word of somebody's, and it looks at once. */
static void a_poke_wakes_it(void)
{
	uint64_t before;

	run_beside(&spinner, 1);
	before = vcpu_states[1].switches;
	CHECK(vcpu_states[1].is_blocked);
	service_want(SERVICE_DEVICES, 0);
	CHECK(run_cores[0].poked == BIT64(1));
	CHECK(before > 0);
}

int main(void)
{
	RUN(rounds_begin_with_periods);
	RUN(no_budget_is_overrun);
	RUN(its_neighbour_gets_his);
	RUN(a_poke_wakes_it);
	return test_failed;
}
