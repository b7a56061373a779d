/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sim/data_set.h"
#include <stdio.h>
#include "configs/ssd.h"
#include "tools/sim/disk_sim.h"
#include "tools/sim/lines.h"
#include "tools/sim/sim_random.h"

#define HEADER_BYTES 256u
/* Streams of random numbers: conditions have those of the seed, runs those of another. */
#define RUN_STREAM UINT64_C(0x72756e73)

static const struct service_time_config ssd = SSD_TIMES();

/* --- a line ----------------------------------------------------------------------------------------- */

bool data_set_simulate(const struct condition *c, uint64_t seed, uint32_t index,
		       struct condition_result *result)
{
	struct sim_random random = sim_random_stream(seed ^ RUN_STREAM, index);
	const struct disk_sim_config config = { .time = &ssd,
						.seed = sim_random_u64(&random),
						.send_ns = DISK_SIM_SEND_NS,
						.return_ns = DISK_SIM_RETURN_NS };
	struct iosched_client_config clients[IOSCHED_CLIENT_MAX];
	const struct iosched_config sched = disk_sim_bfq(&c->load, SSD_DEPTH, clients);
	struct disk_sim *const s = disk_sim_new(&config);
	enum err e;

	if (!s)
		return false;
	e = disk_sim_phase(s, &c->load, &sched, SEC(DATA_SET_SECONDS), result);
	disk_sim_free(s);
	return e == OK;
}

size_t data_set_line(char *line, size_t bytes, uint64_t seed, uint32_t index)
{
	struct condition c;
	struct condition_result result;

	condition_draw(&c, seed, index);
	if (!data_set_simulate(&c, seed, index, &result))
		return 0;
	return condition_print(line, bytes, &c, &result);
}

/* --- the file --------------------------------------------------------------------------------------- */

static size_t make(void *context, uint32_t index, char *line, size_t bytes)
{
	const struct data_set *const d = context;

	return data_set_line(line, bytes, d->seed, d->first + index * d->stride);
}

/* Up to the result, which is not made again. */
static size_t begin(void *context, uint32_t index, char *line, size_t bytes)
{
	const struct data_set *const d = context;
	struct condition c;
	size_t length;

	condition_draw(&c, d->seed, d->first + index * d->stride);
	length = condition_print(line, bytes, &c, NULL);
	if (length > 0)
		line[length - 1] = ',';
	return length;
}

int data_set_make(const struct data_set *d)
{
	struct data_set mine = *d;
	char header[HEADER_BYTES], each[32] = "";

	if (d->stride > 1)
		snprintf(each, sizeof(each), ", each %u-th", d->stride);
	snprintf(header, sizeof(header),
		 "# disk data set, format 1: seed %llu, %u s each, from line %u%s\n%s\n",
		 (unsigned long long)d->seed, DATA_SET_SECONDS, d->first, each, CONDITION_COLUMNS);
	return lines_make(&(struct lines){ .path = d->path,
					   .header = header,
					   .count = d->count,
					   .jobs = d->jobs,
					   .line_bytes = CONDITION_LINE_BYTES,
					   .is_quiet = d->is_quiet,
					   .context = &mine,
					   .make = make,
					   .begin = begin });
}
