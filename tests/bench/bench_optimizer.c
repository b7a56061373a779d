/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/bench_optimizer.c - what choosing a disk's settings costs at boot: instructions, memory.
 *
 * Linked with the very objects that are in the image. 16 guests with 4 tasks each, all of whose
 * predictions are used up: targets that cannot be met (compromise), and such that can.
 * A search is some ten million instructions, too many to step through one by one. It is cut into
 * predictions and what lies between two of them; of both, one in SAMPLE on average, chosen by a
 * random number, is stepped through by the parent, as tests/bench/single_step.h says, and counts for
 * SAMPLE. (--wrap puts this program's function in front of latency_predict_ns().)
 * Prints one line for machines for each model and kind of targets.
 */
#include "io/disk_optimizer.h"
#include "io/latency_table.h"
#include "tests/bench/single_step.h"

#define SAMPLE 40u
#define GUESTS 16u
#define TASKS  4u

enum op { OP_EMPTY, OP_PREDICT, OP_SEARCH, OP_COUNT };

static struct disk_load load;
static struct disk_optimum optimum;
static bool is_stepped; /* what lies between two predictions is */
static uint64_t random_state = 1;

/* --- the child ---------------------------------------------------------------------------- */

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

struct sample {
	uint64_t count, sum, largest;
};

static void take(void *context, uint32_t op, uint32_t counted)
{
	struct sample *samples = context, *s = &samples[op];
	uint64_t steps = counted - samples[OP_EMPTY].sum;

	s->count++;
	s->sum += steps;
	s->largest = max_u64(s->largest, steps);
}

static void measure(enum latency_model model, const char *name, uint64_t target_ns)
{
	struct sample samples[OP_COUNT] = { 0 };
	double predict, search;
	int pipe_ends[2];
	pid_t child;

	if (pipe(pipe_ends) != 0)
		step_die("pipe");
	child = step_fork();
	if (child == 0)
		play(model, target_ns, pipe_ends[1]);
	step_watch(child, OP_COUNT, take, samples);
	if (read(pipe_ends[0], &optimum, sizeof(optimum)) != sizeof(optimum))
		step_die("read");
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
