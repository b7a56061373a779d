/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/bench_optimizer.c - what choosing a disk's settings costs at boot: instructions, memory.
 *
 * Linked with the very objects that are in the image. 16 guests with 4 tasks each, all of whose
 * predictions are used up: targets that cannot be met (compromise), and such that can.
 * A search is some ten million instructions, too many to step through one by one. It is cut into
 * predictions and what lies between two of them; of both, one in SAMPLE on average, chosen by a
 * random number, is stepped through by the parent, as in tests/bench/bench_bfq.c, and counts for
 * SAMPLE. (--wrap puts this program's function in front of latency_predict_ns().)
 * Prints one line for machines for each model and kind of targets.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include "io/disk_optimizer.h"
#include "io/latency_table.h"

#define SAMPLE 40u
#define GUESTS 16u
#define TASKS  4u

enum op { OP_EMPTY, OP_PREDICT, OP_SEARCH, OP_COUNT };

static struct disk_load load;
static struct disk_optimum optimum;
static bool is_stepped; /* what lies between two predictions is */
static uint64_t random_state = 1;

/* --- the child ---------------------------------------------------------------------------- */

static __attribute__((noinline)) void mark_begin(enum op op)
{
	__asm__ volatile("int3" ::"a"(op) : "memory");
}

static __attribute__((noinline)) void mark_end(void)
{
	__asm__ volatile("nop" ::: "memory");
}

static bool is_sampled(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (random_state >> 33) % SAMPLE == 0;
}

uint64_t __real_latency_predict_ns(enum latency_model model, const struct disk_load *l,
				   const struct latency_sums *sums, uint32_t guest, uint32_t task);
uint64_t __wrap_latency_predict_ns(enum latency_model model, const struct disk_load *l,
				   const struct latency_sums *sums, uint32_t guest, uint32_t task);

uint64_t __wrap_latency_predict_ns(enum latency_model model, const struct disk_load *l,
				   const struct latency_sums *sums, uint32_t guest, uint32_t task)
{
	bool is_counted = is_sampled();
	uint64_t ns;

	if (is_stepped)
		mark_end();
	if (is_counted)
		mark_begin(OP_PREDICT);
	ns = __real_latency_predict_ns(model, l, sums, guest, task);
	if (is_counted)
		mark_end();
	is_stepped = is_sampled();
	if (is_stepped)
		mark_begin(OP_SEARCH);
	return ns;
}

static void set_up(uint64_t target_ns)
{
	static const uint32_t iops[TASKS] = { 100, 500, 1500, 100 };

	load = (struct disk_load){ .guest_count = GUESTS,
				   .request_bytes = 4096,
				   .slice_idle_ns = MS(8),
				   .timeout_ns = MS(125),
				   .max_budget_bytes = MIB(8),
				   .bytes_per_s = 245000000 };
	for (uint32_t i = 0; i < GUESTS; i++) {
		load.guests[i].weight = 100;
		load.guests[i].task_count = TASKS;
		for (uint32_t j = 0; j < TASKS; j++)
			load.guests[i].tasks[j] =
				(struct disk_load_task){ .iops = iops[j],
							 .weight = 100,
							 .target_ns = target_ns * (i + 4 * j + 8) };
	}
}

/* Ends with the number of predictions, in a pipe. */
static void play(enum latency_model model, uint64_t target_ns, int pipe_end)
{
	set_up(target_ns);
	mark_begin(OP_EMPTY);
	mark_end();
	if (disk_optimize(&load, model, &disk_optimizer_range, &optimum) != OK)
		exit(1);
	if (is_stepped)
		mark_end();
	if (write(pipe_end, &optimum, sizeof(optimum)) != sizeof(optimum))
		exit(1);
	exit(0);
}

/* --- the parent --------------------------------------------------------------------------- */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct user_regs_struct registers_of(pid_t child)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, child, NULL, &r) != 0)
		die("PTRACE_GETREGS");
	return r;
}

static uint64_t count_steps(pid_t child)
{
	uint64_t steps = 0;
	int status;

	while (registers_of(child).rip != (uint64_t)(uintptr_t)mark_end) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0)
			die("PTRACE_SINGLESTEP");
		if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			die("the child ended between two markers");
		steps++;
	}
	return steps;
}

struct sample {
	uint64_t count, sum, largest;
};

static void watch(pid_t child, struct sample samples[OP_COUNT])
{
	int status;

	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		int signal = WSTOPSIG(status);
		uint64_t op = registers_of(child).rax;

		if (signal == SIGTRAP && op < OP_COUNT) {
			uint64_t steps = count_steps(child) - samples[OP_EMPTY].sum;
			struct sample *s = &samples[op];

			s->count++;
			s->sum += steps;
			s->largest = max_u64(s->largest, steps);
			signal = 0;
		}
		if (ptrace(PTRACE_CONT, child, NULL, signal) != 0)
			die("PTRACE_CONT");
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("the child failed");
}

static void measure(enum latency_model model, const char *name, uint64_t target_ns)
{
	struct sample samples[OP_COUNT] = { 0 };
	double predict, search;
	int pipe_ends[2];
	pid_t child;

	if (pipe(pipe_ends) != 0 || (child = fork()) < 0)
		die("fork");
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			die("PTRACE_TRACEME");
		play(model, target_ns, pipe_ends[1]);
	}
	watch(child, samples);
	if (read(pipe_ends[0], &optimum, sizeof(optimum)) != sizeof(optimum))
		die("read");
	predict = (double)samples[OP_PREDICT].sum / (double)samples[OP_PREDICT].count;
	search = (double)samples[OP_SEARCH].sum / (double)samples[OP_SEARCH].count;
	printf("@{\"bench\":\"optimizer.%s\",\"unit\":\"insn\",\"n_guests\":%u,\"n_tasks\":%u,"
	       "\"n\":%u,\"predictions\":%u,\"prediction\":%.0f,\"prediction_max\":%llu,"
	       "\"between\":%.0f,\"total\":%.0f,\"kept\":%d,\"memory_bytes\":%zu,"
	       "\"table_bytes\":%zu}\n",
	       name, GUESTS, GUESTS * TASKS,
	       (uint32_t)(samples[OP_PREDICT].count + samples[OP_SEARCH].count),
	       optimum.predictions, predict, (unsigned long long)samples[OP_PREDICT].largest,
	       search, (predict + search) * optimum.predictions, __builtin_popcount(optimum.kept),
	       sizeof(optimum), sizeof(latency_table));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	measure(LATENCY_ANALYTIC, "analytic.met", SEC(100));
	measure(LATENCY_ANALYTIC, "analytic.compromise", MS(100));
	measure(LATENCY_MLP, "mlp.met", SEC(100));
	measure(LATENCY_MLP, "mlp.compromise", MS(10));
	return 0;
}
