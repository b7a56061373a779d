/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "guests/rt/apic.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/task.h"
#include "guests/rt/work.h"

#define STACK_BYTES 16384u
#define BUSY_LOOPS  1000u

/* Changed with interrupts off only, in the two handlers below. */
static struct {
	const struct task_run *run;
	struct rm_set set;
	uint32_t running; /* task, or RM_IDLE */
	struct trap_frame *idle_context;
	uint64_t armed_tsc;
	volatile bool is_finished;
} runner;

static struct trap_frame **context_of(uint32_t task)
{
	return task == RM_IDLE ? &runner.idle_context : &runner.run->tasks[task].context;
}

static uint64_t rounds_tick(void)
{
	return *runner.run->rounds * WORK_LOOP_INSNS;
}

static void note_releases(uint64_t now_tsc)
{
	for (uint32_t i = 0; i < runner.set.count; i++) {
		const uint64_t release_tsc = runner.set.task[i].release_tsc;
		struct task *t = &runner.run->tasks[i];

		if (t->is_released || release_tsc > now_tsc)
			continue;
		t->is_released = true;
		t->released_tick = rounds_tick() - (now_tsc - release_tsc);
	}
}

static struct trap_frame *reschedule(struct trap_frame *frame)
{
	const uint64_t now_tsc = cpu_rdtsc();
	struct rm_pick pick = rm_pick(&runner.set, now_tsc);

	if (runner.run->rounds)
		note_releases(now_tsc);
	*context_of(runner.running) = frame;
	runner.running = runner.is_finished ? RM_IDLE : pick.task;
	/* An earlier time still armed does no harm: its interrupt comes here and changes nothing.
	 */
	if (pick.until_tsc != RM_NEVER && pick.until_tsc != runner.armed_tsc) {
		runner.armed_tsc = pick.until_tsc;
		apic_timer_arm(pick.until_tsc);
	}
	return *context_of(runner.running);
}

static struct trap_frame *on_timer(struct trap_frame *frame)
{
	apic_eoi();
	runner.armed_tsc = 0;
	return reschedule(frame);
}

static void complete_job(struct task *t, uint64_t now_tsc)
{
	uint64_t response = rm_complete(&runner.set, runner.running, now_tsc);

	if (t->jobs == 0 || t->done < t->jobs)
		t->misses += response > t->period_tsc;
	if (t->done < t->jobs)
		t->responses[t->done] =
			runner.run->rounds ? rounds_tick() - t->released_tick : response;
	t->is_released = false;
	t->done++;
	guest_call(GUEST_CALL_REPORT_JOB, response, t->period_tsc);
	runner.is_finished = t->jobs && rm_all_done(&runner.set);
}

/* INT VECTOR_YIELD: from a task, its job is done; from the idle context, begin. */
static struct trap_frame *on_yield(struct trap_frame *frame)
{
	uint64_t now = cpu_rdtsc();

	if (runner.running != RM_IDLE)
		complete_job(&runner.run->tasks[runner.running], now);
	return reschedule(frame);
}

static void yield(void)
{
	__asm__ volatile("int %0" ::"i"(VECTOR_YIELD) : "memory");
}

static void task_main(void)
{
	const struct task *self = &runner.run->tasks[runner.running];

	for (;;) {
		self->job(self->arg);
		yield();
	}
}

static bool prepare(const struct task_run *run, uint8_t *stacks)
{
	if (!stacks)
		return false;
	runner.run = run;
	runner.running = RM_IDLE;
	runner.armed_tsc = 0;
	runner.is_finished = false;
	runner.set.count = run->count;
	runner.set.policy = run->policy;
	runner.set.round_tsc = run->round_tsc;
	for (uint32_t i = 0; i < run->count; i++) {
		struct task *t = &run->tasks[i];

		t->done = 0;
		t->misses = 0;
		t->is_released = false;
		t->context = trap_new_context(stacks + (i + 1) * STACK_BYTES, task_main);
		runner.set.task[i].period_tsc = t->period_tsc;
		runner.set.task[i].offset_tsc = t->offset_tsc;
		runner.set.task[i].jitter_tsc = t->jitter_tsc;
		runner.set.task[i].wanted = t->jobs;
	}
	rm_start(&runner.set, run->epoch_tsc);
	return true;
}

bool task_run(const struct task_run *run)
{
	uint8_t *stacks = malloc(run->count * STACK_BYTES);

	if (!prepare(run, stacks))
		return false;
	cpu_irq_off();
	trap_set_handler(VECTOR_YIELD, on_yield);
	apic_timer_own(on_timer);
	yield();
	while (run->is_busy && !runner.is_finished) {
		cpu_irq_on();
		work_loops(BUSY_LOOPS);
		cpu_irq_off();
	}
	while (!runner.is_finished) {
		cpu_wait_irq();
		if (run->idle && !runner.is_finished) {
			cpu_irq_on();
			run->idle();
			cpu_irq_off();
		}
	}
	apic_timer_disarm();
	apic_timer_own(NULL);
	cpu_irq_on();
	free(stacks);
	return true;
}
