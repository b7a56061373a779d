/* SPDX-License-Identifier: Apache-2.0 */
/* The disk in memory: data, order, bounded copying, and what is refused. */
#include <stdlib.h>
#include <string.h>
#include "drivers/memdisk/memdisk.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define GHZ     UINT64_C(1000000000)
#define SECTORS 8192u
#define REQUEST MIB(1)
#define JOBS    64u

static struct memdisk disk;
static uint8_t memory[SECTORS * 512], model[SECTORS * 512];

static struct memdisk_config config(void)
{
	return (struct memdisk_config){
		.memory = memory,
		.bytes = sizeof(memory),
		.block_bytes = 512,
		.request_max_bytes = REQUEST,
		.time = { .read = { US(50), 100 }, .write = { US(20), 200 }, .parallel = 1 },
		.tsc_hz = GHZ,
	};
}

static void start(const struct memdisk_config *c)
{
	memset(memory, 0, sizeof(memory));
	memset(model, 0, sizeof(model));
	CHECK(memdisk_begin(&disk, c, 0) == OK && disk.disk.state == DISK_UP);
}

static enum err submit(struct block_request *r, uint64_t now)
{
	const enum err e = disk.disk.ops->submit(&disk.disk, r, now);

	disk.disk.ops->kick(&disk.disk);
	return e;
}

static uint32_t poll(uint64_t now, struct block_request *done[], uint32_t max, uint64_t *again)
{
	return disk.disk.ops->poll(&disk.disk, now, done, max, again);
}

/* --- random requests against an array ----------------------------------------------------------------- */

struct job {
	struct block_request r;
	uint8_t *data;
	bool is_out;
};
static struct job jobs[JOBS];

static bool overlaps(uint64_t sector, uint64_t count)
{
	for (uint32_t i = 0; i < JOBS; i++)
		if (jobs[i].is_out && sector < jobs[i].r.sector + jobs[i].r.sector_count &&
		    jobs[i].r.sector < sector + count)
			return true;
	return false;
}

/* Segments of any length from 1 on, each in memory of its own that ASan guards. */
static void make_segments(struct job *j)
{
	uint64_t left = block_bytes(&j->r), at = 0;

	while (left) {
		struct block_segment *const s = &j->r.segments[j->r.segment_count];
		const bool is_last = j->r.segment_count == BLOCK_SEGMENT_MAX - 1;

		s->bytes = is_last ? left : random_between(1, min_u64(left, 20000));
		s->at = malloc(s->bytes);
		for (uint64_t i = 0; i < s->bytes; i++)
			s->at[i] = (uint8_t)random_u64();
		if (j->r.op == BLOCK_WRITE)
			memcpy(model + j->r.sector * 512 + at, s->at, s->bytes);
		at += s->bytes;
		left -= s->bytes;
		j->r.segment_count++;
	}
}

static void begin_job(struct job *j, uint64_t now)
{
	const uint32_t count = (uint32_t)random_between(1, random_below(8) ? 64 : 512);
	const uint64_t sector = random_below(SECTORS - count + 1);

	if (overlaps(sector, count))
		return;
	j->r = (struct block_request){ .op = (uint8_t)random_below(BLOCK_OP_COUNT),
				       .sector = sector,
				       .sector_count = count,
				       .status = BLOCK_IO_ERROR,
				       .driver = { 3, 512, 1 } }; /* of an earlier one */
	if (j->r.op == BLOCK_FLUSH)
		j->r.sector = j->r.sector_count = 0;
	if (j->r.op == BLOCK_WRITE_ZEROES)
		memset(model + sector * 512, 0, count * 512u);
	if (j->r.op == BLOCK_READ || j->r.op == BLOCK_WRITE)
		make_segments(j);
	CHECK(submit(&j->r, now) == OK);
	j->is_out = true;
}

static void end_job(struct job *j)
{
	uint64_t at = j->r.sector * 512;

	CHECK(j->is_out && j->r.status == BLOCK_OK);
	for (uint32_t i = 0; i < j->r.segment_count; i++) {
		CHECK(memcmp(j->r.segments[i].at, model + at, j->r.segments[i].bytes) == 0);
		at += j->r.segments[i].bytes;
		free(j->r.segments[i].at);
	}
	j->is_out = false;
}

static void data_goes_where_it_belongs(void)
{
	struct memdisk_config c = config();
	struct block_request *done[JOBS];
	uint64_t now = 0, again;
	uint32_t ended = 0;

	c.time.parallel = 4;
	c.time.jitter = SERVICE_UNIFORM;
	c.time.uniform_ns = US(100);
	start(&c);
	for (uint32_t i = 0; i < 6000; i++) {
		struct job *const j = &jobs[random_below(JOBS)];
		const uint32_t max = (uint32_t)random_between(1, JOBS);
		uint32_t n;

		if (!j->is_out)
			begin_job(j, now);
		now += random_below(US(60));
		n = poll(now, done, max, &again);
		CHECK(n <= max);
		for (uint32_t k = 0; k < n; k++)
			end_job((struct job *)(void *)done[k]);
		ended += n;
	}
	CHECK(ended > 1000);
	while (disk.disk.in_flight) {
		const uint32_t n = poll(now, done, JOBS, &again);

		for (uint32_t k = 0; k < n; k++)
			end_job((struct job *)(void *)done[k]);
		CHECK(disk.disk.in_flight ? again >= now : again == TSC_NEVER);
		now = again;
	}
	CHECK(memcmp(memory, model, sizeof(memory)) == 0);
}

/* --- time ------------------------------------------------------------------------------------------------ */

static struct block_request write_of(uint8_t *data, uint64_t sector, uint32_t count)
{
	return (struct block_request){ .op = BLOCK_WRITE,
				       .sector = sector,
				       .sector_count = count,
				       .segment_count = 1,
				       .segments = { { data, count * 512u } } };
}

static void nothing_is_done_before_its_time(void)
{
	struct memdisk_config c = config();
	static uint8_t data[4096];
	struct block_request r = write_of(data, 8, 8), *done[2];
	const uint64_t takes = US(20) + 4 * 200;
	uint64_t again;

	start(&c);
	memset(data, 7, sizeof(data));
	CHECK(submit(&r, 1000) == OK);
	CHECK(poll(1000, done, 2, &again) == 0 && again == 1000 + takes);
	CHECK(poll(again - 1, done, 2, &again) == 0 && memory[8 * 512] == 0);
	CHECK(poll(again, done, 2, &again) == 1 && done[0] == &r && again == TSC_NEVER);
	CHECK(memory[8 * 512] == 7 && r.driver.done_tsc == 1000 + takes);
}

/* They come in the order of their times, and those of one time in the order of submission. */
static void the_order_is_that_of_the_times(void)
{
	struct memdisk_config c = config();
	static struct block_request many[MEMDISK_DEPTH_MAX + 1];
	uint64_t now = 0, again, last_tsc = 0;
	struct block_request *done[7], *last = NULL;
	uint32_t n;

	c.time = (struct service_time_config){
		.flush_ns = 5, .trim_ns = 9, .parallel = 16, .stall_every_ns = 100, .stall_ns = 60
	};
	start(&c);
	for (uint32_t i = 0; i < MEMDISK_DEPTH_MAX; i++) {
		many[i].op = random_below(2) ? BLOCK_FLUSH : BLOCK_DISCARD;
		CHECK(submit(&many[i], now) == OK);
		now += random_below(2);
	}
	CHECK(submit(&many[MEMDISK_DEPTH_MAX], now) == ERR_BUSY);
	for (uint32_t left = MEMDISK_DEPTH_MAX; left > 0; left -= n) {
		n = poll(now, done, ARRAY_SIZE(done), &again);
		for (uint32_t i = 0; i < n; i++) {
			const uint64_t at = done[i]->driver.done_tsc;

			CHECK(at <= now && at >= last_tsc && (at > last_tsc || done[i] > last));
			last_tsc = at;
			last = done[i];
		}
		CHECK(left == n || again >= now);
		now = again;
	}
	CHECK(submit(&many[MEMDISK_DEPTH_MAX], last_tsc) == OK);
}

/* 1 MiB takes 16 polls, wherever the segments end; what comes later waits for it. */
static void a_poll_copies_a_bounded_number_of_bytes(void)
{
	struct memdisk_config c = config();
	static uint8_t data[REQUEST], small[512];
	struct block_request r = write_of(data, 0, REQUEST / 512), s = write_of(small, 4096, 1);
	struct block_request z = { .op = BLOCK_WRITE_ZEROES, .sector_count = 300 }, *done[4];
	uint64_t again;

	c.time.write = (struct service_cost){ 0, 0 };
	start(&c);
	memset(data, 0xab, sizeof(data));
	r.segment_count = 3;
	r.segments[1] = (struct block_segment){ data + 100001, 200001 };
	r.segments[2] = (struct block_segment){ data + 300002, sizeof(data) - 300002 };
	r.segments[0].bytes = 100001;
	CHECK(submit(&r, 10) == OK && submit(&s, 10) == OK && submit(&z, 10) == OK);
	for (uint32_t i = 0; i < 15; i++) {
		CHECK(poll(10, done, 4, &again) == 0 && again == 10);
		CHECK(memory[(i + 1) * DISK_COPY_MAX - 1] == 0xab);
		CHECK(memory[(i + 1) * DISK_COPY_MAX] == 0);
	}
	CHECK(poll(10, done, 4, &again) == 1 && done[0] == &r && again == 10);
	CHECK(memcmp(memory, data, sizeof(data)) == 0);
	/* 512 bytes, 64 KiB less 512 of the zeroes; then the rest. */
	CHECK(poll(10, done, 4, &again) == 1 && done[0] == &s && again == 10);
	CHECK(memory[65023] == 0 && memory[65024] == 0xab);
	CHECK(poll(10, done, 4, &again) == 0 && poll(10, done, 4, &again) == 1);
	CHECK(memory[300 * 512 - 1] == 0 && memory[300 * 512] == 0xab && again == TSC_NEVER);
}

/* --- limits ---------------------------------------------------------------------------------------------- */

static void what_is_beyond_its_limits_is_refused(void)
{
	static const uint8_t ops[] = { BLOCK_READ, BLOCK_WRITE, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };
	struct memdisk_config c = config();

	start(&c);
	for (uint32_t i = 0; i < ARRAY_SIZE(ops); i++) {
		struct block_request r = { .op = ops[i], .sector = SECTORS - 1, .sector_count = 2 };

		CHECK(submit(&r, 0) == ERR_RANGE);
		r.sector = UINT64_MAX;
		CHECK(submit(&r, 0) == ERR_RANGE);
		r.sector = 0;
		r.sector_count = UINT32_MAX;
		CHECK(submit(&r, 0) == ERR_RANGE);
		r.sector_count = REQUEST / 512 + 1;
		CHECK(submit(&r, 0) == (i < 2 ? ERR_RANGE : OK));
	}
	struct block_request r = { .op = BLOCK_OP_COUNT };
	CHECK(submit(&r, 0) == ERR_UNSUPPORTED);
}

static void without_memory_only_time_passes(void)
{
	struct memdisk_config c = config();
	struct block_request r = { .op = BLOCK_READ, .sector_count = REQUEST / 512 }, *done[1];
	uint64_t again;

	c.memory = NULL;
	start(&c);
	CHECK(submit(&r, 0) == OK && poll(0, done, 1, &again) == 0);
	CHECK(again == US(50) + 1024 * 100 && poll(again, done, 1, &again) == 1);
}

static void bad_configurations_are_refused(void)
{
	struct memdisk_config c = config();

	c.bytes = 700;
	CHECK(memdisk_begin(&disk, &c, 0) == ERR_INVAL && disk.disk.state == DISK_GONE);
	c = config();
	c.block_bytes = 8192;
	CHECK(memdisk_begin(&disk, &c, 0) == ERR_INVAL);
	c.block_bytes = 3 * 512;
	CHECK(memdisk_begin(&disk, &c, 0) == ERR_INVAL);
	c.block_bytes = 4096;
	CHECK(memdisk_begin(&disk, &c, 0) == OK && disk.disk.facts.block_bytes == 4096);
	c.request_max_bytes = 4096 + 512;
	CHECK(memdisk_begin(&disk, &c, 0) == ERR_INVAL);
	c = config();
	c.time.parallel = 0;
	CHECK(memdisk_begin(&disk, &c, 0) == ERR_RANGE && disk.disk.state == DISK_GONE);
	c = config();
	CHECK(memdisk_begin(&disk, &c, 0) == OK && !disk.disk.facts.has_cache);
	c.time.flush_ns = 1;
	CHECK(memdisk_begin(&disk, &c, 0) == OK && disk.disk.facts.has_cache);
	CHECK(disk.disk.facts.sector_count == SECTORS);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(data_goes_where_it_belongs);
	RUN(nothing_is_done_before_its_time);
	RUN(the_order_is_that_of_the_times);
	RUN(a_poll_copies_a_bounded_number_of_bytes);
	RUN(what_is_beyond_its_limits_is_refused);
	RUN(without_memory_only_time_passes);
	RUN(bad_configurations_are_refused);
	return test_failed;
}
