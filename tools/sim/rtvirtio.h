/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/rtvirtio.h - the benchmark of paper 000: 24 cases, their targets, and the schemes.
 *
 * Cases    1 to 4 guests x {L, M, H, L+M, M+H, L+M+H}; L, M, H: a task of 100, 500, 1500 requests of
 *	    4 KiB a second. All guests of a case have the same tasks; guest 0 is the most critical.
 * Targets  Of a task, by what it is, who has it, and beside how many; from no scheme's result:
 *
 *	      target = uncontended x (3 + g) / 2 x (3 + n) / 4 x scale
 *
 *	    uncontended: the tail (99.99th percentile) of this task alone on the disk, scheduler
 *	    "none", over 1,000 s. g: the guest, from 0; n: how many guests there are. So one guest
 *	    alone may take 1.5 times the uncontended tail, each step less critical half of it more,
 *	    and each guest more on the disk gives all of them a quarter more. scale is 1; other values
 *	    show what depends on it.
 * Schemes  bfq        SI 8 ms, TS 125 ms, equal weights: what Linux begins with, one cgroup a guest
 *	    ionice     fixed priorities by criticality. A class of lower priority waits as under Linux'
 *		       bfq, which is what ionice speaks to: SI 8 ms, TS 125 ms
 *	    rtxen      a budget in every period, by priority while it lasts, the shortest period first
 *		       (rate-monotonic). The period of a guest is its smallest target: RT-Xen's servers
 *		       have their deadline at the end of the period. The budget is what its tasks ask
 *		       for in a period, as servers of RT-Xen are sized by their tasks' demand; all are
 *		       cut in proportion where the disk cannot do so much. What is left of the disk is
 *		       nobody's: "due to replenishment rules, the I/O resource is not fully utilized"
 *		       (section VII.B)
 *	    analytical, mlp   strict BFQ with what disk_optimize() finds: all that the models know
 *	    For comparison:
 *	    none              in the order of arrival
 *	    bfq-not-strict    bfq that does not wait for distant requests of equals
 *	    ionice-no-idle    priorities without waiting
 *	    rtxen-all  rtxen, but the whole disk is given away: shares in inverse proportion to the
 *		       period, of what the disk does (mean service time, stalls taken off). The paper
 *		       does not say how its mimic shares: what its servers lack, these have
 *	    analytical-paper, mlp-paper   disk_optimize() within Table II
 * Sharing  Pure, but rtvirtio_uncontended_ns(), which simulates.
 */
#pragma once
#include "io/disk_optimizer.h"
#include "tools/sim/disk_sim.h"

enum rtvirtio_scheme {
	/* Those before RTVIRTIO_BUDGETS do not look at targets. */
	RTVIRTIO_BFQ,
	RTVIRTIO_IONICE,
	RTVIRTIO_NONE,
	RTVIRTIO_BFQ_NOT_STRICT,
	RTVIRTIO_IONICE_NO_IDLE,
	RTVIRTIO_BUDGETS,
	RTVIRTIO_BUDGETS_ALL,
	RTVIRTIO_ANALYTIC,
	RTVIRTIO_MLP,
	RTVIRTIO_ANALYTIC_PAPER,
	RTVIRTIO_MLP_PAPER,
	RTVIRTIO_SCHEME_COUNT
};
#define RTVIRTIO_GUESTS 4u
#define RTVIRTIO_SETS   6u
#define RTVIRTIO_CASES  (RTVIRTIO_GUESTS * RTVIRTIO_SETS)
#define RTVIRTIO_KINDS  3u /* of tasks */

/* Of tasks of each kind, L, M, H. */
struct rtvirtio_tails {
	uint64_t ns[RTVIRTIO_KINDS];
};

/* What a scheme makes of a load. */
struct rtvirtio_settings {
	struct iosched_config sched; /* its clients are those below */
	struct iosched_client_config clients[IOSCHED_CLIENT_MAX];
	struct disk_load load; /* as set; its tasks and targets as given */
	bool is_predicted, is_met;
	uint64_t predicted_ns[IOSCHED_CLIENT_MAX][IOSCHED_QUEUE_MAX];
};

const char *rtvirtio_scheme_name(enum rtvirtio_scheme scheme);
const char *rtvirtio_set_name(uint32_t set);
bool rtvirtio_has_targets(enum rtvirtio_scheme scheme);
struct rtvirtio_tails rtvirtio_uncontended_ns(uint64_t seed);
/* Case: guests - 1 first, set second. */
void rtvirtio_load(struct disk_load *load, uint32_t number, const struct rtvirtio_tails *tails,
		   uint32_t scale_percent);
MUST_CHECK enum err rtvirtio_settle(struct rtvirtio_settings *s, enum rtvirtio_scheme scheme,
				    const struct disk_load *load);
/*
 * What was settled for one load serves another one, of other guests and tasks: who is new has the weight
 * 100. For schemes with weights.
 */
void rtvirtio_extend(struct rtvirtio_settings *s, const struct disk_load *other);
