/* SPDX-License-Identifier: Apache-2.0 */
/* run_wake_service(): who on which core is disturbed so that the service runs in time. */
#include <string.h>
#include "arch/mp.h"
#include "core/run_posted.h"
#include "tests/test.h"

#define GUEST   0u
#define OTHER   1u /* on another core */
#define SERVICE 2u
#define CORE    0u

struct run_core run_cores[MAX_CORES];
struct vcpu_state vcpu_states[MAX_VCPUS];
uint32_t vcpu_count;

static core_id_t here, kicked;
static uint32_t kicks;

core_id_t arch_mp_core_id(void)
{
	return here;
}

void arch_mp_kick(core_id_t core)
{
	kicked = core;
	kicks++;
}

bool arch_vcpu_notify(vcpu_id_t id)
{
	return false;
}

bool arch_vcpu_sync(vcpu_id_t id)
{
	return false;
}

bool arch_vcpu_waits_for_sipi(vcpu_id_t id)
{
	return false;
}

bool arch_vcpu_has_events(vcpu_id_t id)
{
	return false;
}

bool arch_vcpu_wants_to_run(vcpu_id_t id)
{
	return false;
}

vcpu_set_t arch_vcpu_interrupted(void)
{
	return 0;
}

void arch_vcpu_restart(vcpu_id_t id, const struct vcpu_entry *entry, uint64_t epoch_tsc)
{
}

void run_wake(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
}

void run_block(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
}

void run_queue_timer(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
}

void run_pay_debt(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
}

void run_note_timer(struct vcpu_state *v)
{
}

/* The service sleeps until 1000 on core 0, where a guest runs until 500, or until its timer at 400. */
static void sleep_beside_a_guest(void)
{
	struct run_core *const c = &run_cores[CORE];

	memset(run_cores, 0, sizeof(run_cores));
	vcpu_count = SERVICE + 1;
	here = CORE;
	kicks = 0;
	for (uint32_t i = 0; i < vcpu_count; i++)
		vcpu_states[i] = (struct vcpu_state){ .id = i, .core = i == OTHER };
	vcpu_states[SERVICE].is_service = vcpu_states[SERVICE].is_blocked = true;
	vcpu_states[SERVICE].timer_tsc = 1000;
	vcpu_states[GUEST].until_tsc = 500;
	vcpu_states[GUEST].deadline_tsc = 400;
	wakeq_init(&c->wakeq);
	wakeq_set(&c->wakeq, SERVICE, 1000);
	c->running = &vcpu_states[GUEST];
}

static bool is_undisturbed(void)
{
	return kicks == 0 && run_cores[CORE].poked == 0 && run_cores[1].poked == 0 &&
	       vcpu_states[GUEST].until_tsc == 500 && vcpu_states[GUEST].deadline_tsc == 400 &&
	       wakeq_next_tsc(&run_cores[CORE].wakeq) == 1000;
}

static void its_own_core_chooses_again_in_time(void)
{
	sleep_beside_a_guest();
	run_wake_service(300);
	CHECK(wakeq_next_tsc(&run_cores[CORE].wakeq) == 300);
	CHECK(vcpu_states[SERVICE].timer_tsc == 300);
	CHECK(vcpu_states[GUEST].until_tsc == 300 && vcpu_states[GUEST].deadline_tsc == 300);
	CHECK(kicks == 0 && run_cores[CORE].poked == 0);
}

/* What ends earlier anyway stays; between the two only what has to move does. */
static void a_guest_is_cut_no_shorter_than_needed(void)
{
	sleep_beside_a_guest();
	run_wake_service(450);
	CHECK(vcpu_states[GUEST].until_tsc == 450 && vcpu_states[GUEST].deadline_tsc == 400);
	run_wake_service(600);
	CHECK(vcpu_states[GUEST].until_tsc == 450);
	CHECK(wakeq_next_tsc(&run_cores[CORE].wakeq) == 450);
	sleep_beside_a_guest();
	run_wake_service(999);
	CHECK(vcpu_states[GUEST].until_tsc == 500 && vcpu_states[GUEST].deadline_tsc == 400);
	CHECK(wakeq_next_tsc(&run_cores[CORE].wakeq) == 999);
}

static void later_than_it_wakes_anyway_is_nothing(void)
{
	sleep_beside_a_guest();
	run_wake_service(1000);
	run_wake_service(TSC_NEVER);
	CHECK(is_undisturbed());
	vcpu_states[SERVICE].is_blocked = false; /* it waits for its turn */
	run_wake_service(10);
	CHECK(is_undisturbed());
}

static void at_once_on_its_own_core_ends_the_guests_turn(void)
{
	sleep_beside_a_guest();
	run_wake_service(0);
	CHECK(kicks == 0 && run_cores[CORE].poked == BIT64(SERVICE));
	CHECK(vcpu_states[GUEST].until_tsc == 0);
}

/* Only its own core touches its own queue. */
static void from_another_core_it_is_poked(void)
{
	const uint64_t times[] = { 0, 300 };

	for (uint32_t i = 0; i < ARRAY_SIZE(times); i++) {
		sleep_beside_a_guest();
		here = 1;
		run_wake_service(times[i]);
		CHECK(kicks == 1 && kicked == CORE && run_cores[CORE].poked == BIT64(SERVICE));
		CHECK(wakeq_next_tsc(&run_cores[CORE].wakeq) == 1000);
		CHECK(vcpu_states[GUEST].until_tsc == 500);
	}
}

static void an_idle_core_only_gets_its_queue_moved(void)
{
	sleep_beside_a_guest();
	run_cores[CORE].running = NULL;
	run_wake_service(300);
	CHECK(wakeq_next_tsc(&run_cores[CORE].wakeq) == 300 && kicks == 0);
	CHECK(vcpu_states[GUEST].until_tsc == 500);
}

/* No service is configured: the last vCPU is a guest's. */
static void a_guest_is_never_taken_for_it(void)
{
	sleep_beside_a_guest();
	vcpu_states[SERVICE].is_service = false;
	run_wake_service(0);
	run_wake_service(10);
	here = 1;
	run_wake_service(10);
	CHECK(is_undisturbed());
}

int main(void)
{
	RUN(its_own_core_chooses_again_in_time);
	RUN(a_guest_is_cut_no_shorter_than_needed);
	RUN(later_than_it_wakes_anyway_is_nothing);
	RUN(at_once_on_its_own_core_ends_the_guests_turn);
	RUN(from_another_core_it_is_poked);
	RUN(an_idle_core_only_gets_its_queue_moved);
	RUN(a_guest_is_never_taken_for_it);
	return test_failed;
}
