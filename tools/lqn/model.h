/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/lqn/model.h - a layered queueing network: who asks whom for how much.
 *
 * Model    Tasks have entries, entries take time of the task's processor and call other entries, and wait for them
 *	    (synchronous calls, one after the other, in the order in which they are written). A reference task
 *	    stands for customers that ask again when they are answered; an entry with arrivals is asked from
 *	    outside, at a rate. A processor is served in order, by weights of the tasks, or is a delay. A group is
 *	    a hard reservation of a processor: at least and at most `budget` in each `period` (sched/cbs.h).
 *	    Ours beside that: what an entry costs more when its task was idle (`wake`), and what it takes, after the
 *	    answer, until it is again (`sleep`, which arrivals do not cut short); a task's room, beyond which
 *	    requests are lost, and a rate limit in front of an entry, which refuses what is above it.
 * Source   Franks et al., "Enhanced modeling and solution of layered queueing networks"; the notation is close to
 *	    the LQNS user manual's, "LQN input file format". Paper 004, section 6, models with it.
 * Units    Seconds; rates in 1/s. cv2 is the squared coefficient of variation: 0 always the same, 1 exponential.
 * Errors   lqn_parse() says the line and what is wrong with it.
 * Sharing  Plain data. Only the parser writes a struct lqn.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LQN_PROCESSORS_MAX 24u
#define LQN_TASKS_MAX      48u
#define LQN_ENTRIES_MAX    64u
#define LQN_CALLS_MAX      12u
#define LQN_NAME_BYTES     40u
#define LQN_NONE           UINT32_MAX
#define LQN_ENDLESS        UINT32_MAX /* threads of a task that never lacks any */

enum lqn_scheduling { LQN_IN_ORDER, LQN_BY_WEIGHT, LQN_DELAY };

struct lqn_processor {
	char name[LQN_NAME_BYTES];
	enum lqn_scheduling scheduling;
	uint32_t servers;
	uint32_t host;         /* of a group: its processor; otherwise LQN_NONE */
	double budget, period; /* of a group */
};

struct lqn_task {
	char name[LQN_NAME_BYTES];
	uint32_t processor;
	bool is_reference;
	uint32_t threads; /* of a reference task: its customers */
	uint32_t room;    /* requests, those that are served included; 0: no end */
	double weight;
};

struct lqn_call {
	uint32_t to;
	double count; /* the mean */
};

struct lqn_entry {
	char name[LQN_NAME_BYTES];
	uint32_t task;
	double demand, cv2, wake, sleep;
	double think; /* of a reference task's */
	double arrivals, arrivals_cv2;
	double limit, burst; /* limit 0: none */
	struct lqn_call calls[LQN_CALLS_MAX];
	uint32_t call_count;
};

struct lqn {
	struct lqn_processor processors[LQN_PROCESSORS_MAX];
	struct lqn_task tasks[LQN_TASKS_MAX];
	struct lqn_entry entries[LQN_ENTRIES_MAX];
	uint32_t processor_count, task_count, entry_count;
};

/* True, or `reason` has a sentence. */
bool lqn_parse(struct lqn *model, const char *text, char *reason, size_t reason_bytes);

/* Whether an entry begins a chain: its task is a reference task, or it is asked from outside. */
bool lqn_is_source(const struct lqn *model, uint32_t entry);
/* Whether threads of the task are held while others work for it: it is a layer of its own. */
bool lqn_is_layer(const struct lqn *model, uint32_t task);
/* What of its processor there is at most: servers, or the part that is reserved. */
double lqn_capacity(const struct lqn_processor *p);

struct lqn_flow {
	double throughput; /* answered in full, each second */
	double lost;
	double response; /* without thinking; of those that were answered. NAN: not known */
};

struct lqn_result {
	struct lqn_flow flows[LQN_ENTRIES_MAX]; /* of sources */
	double utilization[LQN_PROCESSORS_MAX]; /* mean number of busy servers */
	uint32_t bottleneck[LQN_ENTRIES_MAX];   /* of sources: the processor that is full first */
	double most[LQN_ENTRIES_MAX];           /* throughput there, if nobody else asked */
	double customers_to_saturate
		[LQN_ENTRIES_MAX]; /* of reference tasks: (think + demands) / largest demand */
	uint32_t rounds;           /* that the solution took */
	bool is_exact_recursion;
};

/* Of a source: `bottleneck`, `most`, `customers_to_saturate`. */
void lqn_find_bottleneck(const struct lqn *model, uint32_t entry, struct lqn_result *out);

/* Of arrivals at one server that is asked for `load` of its time, with that room (0: no end). */
double lqn_part_refused(double load, uint32_t room);

/* Mean value analysis: solve.c. False: it did not settle. */
bool lqn_solve(const struct lqn *model, struct lqn_result *out);

/* Discrete events: simulate.c. `warm_up` seconds are not counted. Of one seed, always the same. */
void lqn_simulate(const struct lqn *model, double warm_up, double seconds, uint64_t seed,
		  struct lqn_result *out);
