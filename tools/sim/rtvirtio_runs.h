/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/rtvirtio_runs.h - runs of tools/sim/rtvirtio.h's cases, a line of JSON each.
 *
 * Runs	    {"guests":4,"set":"L+M","scheme":"mlp","run":7,"scales":[{"scale":100,"slice_idle_us":0,
 *	    "timeout_us":32000,"load":"300:100*100+..","met":true,
 *	    "tasks":[[guest,iops,target,tail,predicted],..]},..]}
 *	    Each case, scheme and run; of schemes with targets each scale. 100 s each, all times in ns;
 *	    "met", "predicted" of schemes that predict. A run's seed is that of its number and case:
 *	    all schemes and scales see the same requests on the same disk.
 * Changes  {.. as above ..,"from":[guests,set],"mode":"once","run":7,"scale":100,..,"before":[..],
 *	    "tasks":[..]}: 100 s of one case, then 100 s of another, on the same disk; "before" are the
 *	    tasks of the first. Case (n, k) changes to (n, k + 1) and to (n + 1, k), both in a ring.
 *	    Mode "once": the scheduler stays as it was settled for the first case, who is new has the
 *	    weight 100. "again": it is settled again.
 * Files    As tools/sim/lines.h says. Schemes with a model and those without have a file each. The first
 *	    line has "uncontended" and, where models decide, a hash of all that they decide and predict:
 *	    with other models, or another optimizer, the file is another one.
 */
#pragma once
#include "tools/sim/rtvirtio.h"

enum rtvirtio_part { RTVIRTIO_PLAIN, RTVIRTIO_MODELS, RTVIRTIO_CHANGES };

struct rtvirtio_runs {
	enum rtvirtio_part part;
	const char *path;
	uint64_t seed;
	uint32_t runs, jobs;
	bool is_quiet;
};

MUST_CHECK int rtvirtio_runs_make(const struct rtvirtio_runs *r);
