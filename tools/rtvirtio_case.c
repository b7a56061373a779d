/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/rtvirtio_case.c - what a scheme makes of a case of tools/sim/rtvirtio.h, for runs of that case in a
 * rig: tools/lib/rtvirtio_rig.py.
 *
 *   rtvirtio_case GUESTS SET SCHEME RUN [SEED]	   4 L+M rtxen 0
 *
 * Output: one object of JSON: the seed of that run, by which the simulator and guests/blk draw the same
 * requests; scheduler, its settings, and each guest's; targets.
 * Exit code  0 done, 1 it could not be, 2 wrong usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tools/sim/data_set.h"
#include "tools/sim/rtvirtio.h"
#include "tools/sim/sim_random.h"

static const char *const kinds[IOSCHED_KIND_COUNT] = {
	[IOSCHED_BFQ] = "DISK_BFQ",           [IOSCHED_NONE] = "DISK_FIFO",
	[IOSCHED_DEADLINE] = "DISK_DEADLINE", [IOSCHED_PRIORITY] = "DISK_PRIORITY",
	[IOSCHED_BUDGET] = "DISK_BUDGET",
};

static int find(const char *wanted, const char *(*name)(uint32_t), uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(name(i), wanted) == 0)
			return (int)i;
	return -1;
}

static const char *scheme_name(uint32_t scheme)
{
	return rtvirtio_scheme_name((enum rtvirtio_scheme)scheme);
}

static void print_guest(const struct rtvirtio_settings *s, const struct disk_load *load, uint32_t g)
{
	const struct iosched_client_config *const c = &s->clients[g];

	printf("{\"weight\":%u,\"priority\":%u,\"budget_bytes\":%llu,\"budget_period_ns\":%llu,"
	       "\"tasks\":[",
	       c->weight, c->priority, (unsigned long long)c->budget_bytes,
	       (unsigned long long)c->period_tsc);
	for (uint32_t t = 0; t < load->guests[g].task_count; t++)
		printf("%s{\"iops\":%u,\"weight\":%u,\"target_ns\":%llu,\"predicted_ns\":%llu}",
		       t > 0 ? "," : "", load->guests[g].tasks[t].iops, c->queue_weights[t],
		       (unsigned long long)load->guests[g].tasks[t].target_ns,
		       (unsigned long long)(s->is_predicted ? s->predicted_ns[g][t] : 0));
	printf("]}");
}

static int print_case(uint32_t number, enum rtvirtio_scheme scheme, uint32_t run, uint64_t seed)
{
	const struct rtvirtio_tails tails = rtvirtio_uncontended_ns(seed);
	static struct rtvirtio_settings s;
	/* As in tools/sim/rtvirtio_runs.c. */
	struct sim_random random = sim_random_stream(seed, (uint64_t)run * RTVIRTIO_CASES + number);
	struct disk_load load;

	rtvirtio_load(&load, number, &tails, 100);
	if (rtvirtio_settle(&s, scheme, &load) != OK) {
		fprintf(stderr, "rtvirtio_case: it cannot be settled\n");
		return 1;
	}
	printf("{\"seed\":%llu,\"scheduler\":\"%s\",\"slice_idle_ns\":%llu,\"timeout_ns\":%llu,"
	       "\"is_strict\":%s,\"is_predicted\":%s,\"guests\":[",
	       (unsigned long long)sim_random_u64(&random), kinds[s.sched.kind],
	       (unsigned long long)s.sched.slice_idle_tsc, (unsigned long long)s.sched.timeout_tsc,
	       s.sched.is_strict ? "true" : "false", s.is_predicted ? "true" : "false");
	for (uint32_t g = 0; g < load.guest_count; g++) {
		printf("%s", g > 0 ? "," : "");
		print_guest(&s, &load, g);
	}
	printf("]}\n");
	return 0;
}

int main(int argc, char **argv)
{
	int set, scheme;
	uint32_t guests;

	if (argc < 5 || argc > 6)
		goto usage;
	guests = (uint32_t)strtoul(argv[1], NULL, 10);
	set = find(argv[2], rtvirtio_set_name, RTVIRTIO_SETS);
	scheme = find(argv[3], scheme_name, RTVIRTIO_SCHEME_COUNT);
	if (guests < 1 || guests > RTVIRTIO_GUESTS || set < 0 || scheme < 0)
		goto usage;
	return print_case((guests - 1) * RTVIRTIO_SETS + (uint32_t)set,
			  (enum rtvirtio_scheme)scheme, (uint32_t)strtoul(argv[4], NULL, 10),
			  argc > 5 ? strtoull(argv[5], NULL, 10) : DATA_SET_SEED);
usage:
	fprintf(stderr, "usage: rtvirtio_case GUESTS SET SCHEME RUN [SEED]\n");
	return 2;
}
