/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/main.c - the simulator's command line.
 *
 *   disk_sim data-set --out FILE [--first N] [--count N] [--stride N] [--jobs N]
 *			[--seed N] [--quiet]
 *			all 40,000 lines, or some of them; goes on where it was stopped
 *   disk_sim run LOAD [--slice-idle-us N] [--timeout-us N] [--seconds N] [--seed N]
 *			[--send-ns N] [--return-ns N] [--lead-ns N]
 *			one run; LOAD as in tools/sim/condition.h: 100:1500*100+500*100;300:100*100
 *   disk_sim rtvirtio plain|models|changes --out FILE [--runs N] [--jobs N] [--seed N] [--quiet]
 *			the benchmark of paper 000: tools/sim/rtvirtio_runs.h
 * Exit code  0 done, 1 it could not be, 2 wrong usage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "configs/ssd.h"
#include "tools/sim/data_set.h"
#include "tools/sim/disk_sim.h"
#include "tools/sim/lines.h"
#include "tools/sim/quantile.h"
#include "tools/sim/rtvirtio_runs.h"

#define RTVIRTIO_RUNS 20u

static int usage(const char *why, const char *what)
{
	fprintf(stderr,
		"disk_sim: %s%s\n"
		"usage: disk_sim data-set --out FILE [--first N] [--count N] [--stride N]"
		" [--jobs N] [--seed N] [--quiet]\n"
		"       disk_sim run LOAD [--slice-idle-us N] [--timeout-us N] [--seconds N]"
		" [--seed N] [--send-ns N] [--return-ns N] [--lead-ns N]\n"
		"       disk_sim rtvirtio plain|models|changes --out FILE [--runs N] [--jobs N] [--seed N]"
		" [--quiet]\n",
		why, what);
	return 2;
}

struct option {
	const char *name;
	uint64_t *value;
	uint64_t low, high;
};

/* 0: all are known and in range. */
static int parse(int argc, char **argv, const struct option *options, size_t option_count)
{
	for (int i = 0; i < argc; i += 2) {
		const struct option *o = options;
		char *end;

		while (o < options + option_count && strcmp(o->name, argv[i]) != 0)
			o++;
		if (o == options + option_count)
			return usage("unknown option ", argv[i]);
		if (i + 1 == argc)
			return usage("no value after ", argv[i]);
		errno = 0;
		*o->value = strtoull(argv[i + 1], &end, 10);
		if (errno != 0 || *end != '\0' || argv[i + 1][0] < '0' || argv[i + 1][0] > '9' ||
		    *o->value < o->low || *o->value > o->high) {
			fprintf(stderr, "disk_sim: %s is from %llu to %llu\n", o->name,
				(unsigned long long)o->low, (unsigned long long)o->high);
			return 2;
		}
	}
	return 0;
}

/* Takes the option out of the arguments, with its value if `has_value`. */
static char *take(int *argc, char **argv, const char *name, int has_value)
{
	for (int i = 0; i < *argc; i++) {
		char *found = argv[i];

		if (strcmp(found, name) != 0 || i + has_value >= *argc)
			continue;
		if (has_value)
			found = argv[i + 1];
		*argc -= 1 + has_value;
		memmove(argv + i, argv + i + 1 + has_value, (size_t)(*argc - i) * sizeof(*argv));
		return found;
	}
	return NULL;
}

static uint64_t cpu_count(void)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < 1 ? 1 : min_u64((uint64_t)cpus, LINES_JOB_MAX);
}

static int data_set(int argc, char **argv)
{
	uint64_t first = 0, count = UINT64_MAX, stride = 1, seed = DATA_SET_SEED;
	uint64_t jobs = cpu_count();
	const struct option options[] = { { "--first", &first, 0, CONDITION_COUNT - 1 },
					  { "--count", &count, 1, CONDITION_COUNT },
					  { "--stride", &stride, 1, CONDITION_COUNT },
					  { "--jobs", &jobs, 1, LINES_JOB_MAX },
					  { "--seed", &seed, 0, UINT64_MAX } };
	const char *const path = take(&argc, argv, "--out", 1);
	const bool is_quiet = take(&argc, argv, "--quiet", 0) != NULL;
	const int rc = parse(argc, argv, options, ARRAY_SIZE(options));

	if (rc != 0)
		return rc;
	if (!path)
		return usage("data-set needs --out FILE", "");
	count = min_u64(count, (CONDITION_COUNT - first + stride - 1) / stride);
	return data_set_make(&(struct data_set){ .path = path,
						 .seed = seed,
						 .first = (uint32_t)first,
						 .count = (uint32_t)count,
						 .stride = (uint32_t)stride,
						 .jobs = (uint32_t)jobs,
						 .is_quiet = is_quiet });
}

/* In us; 0: it had no requests, or there is no memory. */
static double quantile_us(const struct disk_sim *s, uint32_t guest, uint32_t task, uint32_t ppm)
{
	size_t count;
	const uint64_t *const samples = disk_sim_samples(s, guest, task, &count);
	uint64_t *const copy = count ? malloc(count * sizeof(*copy)) : NULL;
	double us = 0;

	if (copy) {
		memcpy(copy, samples, count * sizeof(*copy));
		us = (double)quantile_select(copy, 0, count, quantile_index(count, ppm)) / 1e3;
	}
	free(copy);
	return us;
}

/* p99 with its neighbours: how steep the distribution is there. */
static void print_result(const struct disk_load *load, const struct condition_result *result,
			 const struct disk_sim *s)
{
	printf("guest task   iops  requests       p50 us      p99 us   p99.99 us      max us"
	       "    p98.9 us    p99.1 us\n");
	for (uint32_t g = 0; g < load->guest_count; g++) {
		for (uint32_t t = 0; t < load->guests[g].task_count; t++) {
			const struct condition_task *r = &result->tasks[g][t];

			printf("%5u %4u %6u %9llu %12.1f %11.1f %11.1f %11.1f %11.1f %11.1f\n", g,
			       t, load->guests[g].tasks[t].iops, (unsigned long long)r->requests,
			       (double)r->p50_ns / 1e3, (double)r->p99_ns / 1e3,
			       (double)r->p9999_ns / 1e3, (double)r->max_ns / 1e3,
			       quantile_us(s, g, t, 989000), quantile_us(s, g, t, 991000));
		}
	}
}

static int run_load(const struct disk_load *load, const struct disk_sim_config *config,
		    uint64_t seconds)
{
	struct iosched_client_config clients[IOSCHED_CLIENT_MAX];
	const struct iosched_config sched = disk_sim_bfq(load, SSD_DEPTH, clients);
	struct disk_sim *const s = disk_sim_new(config);
	struct condition_result result;

	if (!s || disk_sim_phase(s, load, &sched, SEC(seconds), &result) != OK) {
		fprintf(stderr, "disk_sim: no memory\n");
		return 1;
	}
	print_result(load, &result, s);
	disk_sim_free(s);
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct service_time_config ssd = SSD_TIMES();
	struct disk_sim_config config = { .time = &ssd,
					  .seed = 1,
					  .send_ns = DISK_SIM_SEND_NS,
					  .return_ns = DISK_SIM_RETURN_NS };
	uint64_t slice_idle_us = 8000, timeout_us = 125000, seconds = DATA_SET_SECONDS;
	const struct option options[] = { { "--slice-idle-us", &slice_idle_us, 0, 10000000 },
					  { "--timeout-us", &timeout_us, 0, 10000000 },
					  { "--seconds", &seconds, 1, 100000 },
					  { "--seed", &config.seed, 0, UINT64_MAX },
					  { "--send-ns", &config.send_ns, 0, SEC(1) },
					  { "--return-ns", &config.return_ns, 0, SEC(1) },
					  { "--lead-ns", &config.lead_ns, 0, SEC(10) } };
	struct disk_load load;
	const char *why;
	int rc;

	if (argc == 0)
		return usage("run needs a load", "");
	why = condition_parse_load(&load, argv[0]);
	if (why)
		return usage("the load: ", why);
	rc = parse(argc - 1, argv + 1, options, ARRAY_SIZE(options));
	if (rc != 0)
		return rc;
	load.slice_idle_ns = US(slice_idle_us);
	load.timeout_ns = US(timeout_us);
	return run_load(&load, &config, seconds);
}

static int rtvirtio(int argc, char **argv)
{
	static const char *const parts[] = { [RTVIRTIO_PLAIN] = "plain",
					     [RTVIRTIO_MODELS] = "models",
					     [RTVIRTIO_CHANGES] = "changes" };
	uint64_t runs = RTVIRTIO_RUNS, jobs = cpu_count(), seed = DATA_SET_SEED;
	const struct option options[] = { { "--runs", &runs, 1, 1000 },
					  { "--jobs", &jobs, 1, LINES_JOB_MAX },
					  { "--seed", &seed, 0, UINT64_MAX } };
	const char *const path = take(&argc, argv, "--out", 1);
	const bool is_quiet = take(&argc, argv, "--quiet", 0) != NULL;
	uint32_t part = 0;
	int rc;

	while (part < ARRAY_SIZE(parts) && (argc == 0 || strcmp(argv[0], parts[part]) != 0))
		part++;
	if (part == ARRAY_SIZE(parts) || !path)
		return usage("rtvirtio needs plain, models or changes, and --out FILE", "");
	rc = parse(argc - 1, argv + 1, options, ARRAY_SIZE(options));
	if (rc != 0)
		return rc;
	return rtvirtio_runs_make(&(struct rtvirtio_runs){ .part = part,
							   .path = path,
							   .seed = seed,
							   .runs = (uint32_t)runs,
							   .jobs = (uint32_t)jobs,
							   .is_quiet = is_quiet });
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage("what is to be done?", "");
	if (strcmp(argv[1], "data-set") == 0)
		return data_set(argc - 2, argv + 2);
	if (strcmp(argv[1], "run") == 0)
		return run(argc - 2, argv + 2);
	if (strcmp(argv[1], "rtvirtio") == 0)
		return rtvirtio(argc - 2, argv + 2);
	return usage("unknown: ", argv[1]);
}
