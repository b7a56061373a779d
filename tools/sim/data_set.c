/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sim/data_set.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "configs/ssd.h"
#include "tools/sim/disk_sim.h"
#include "tools/sim/sim_random.h"

#define JOB_MAX      64u
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

/* --- a file that is there already ------------------------------------------------------------------- */

static int refuse(const struct data_set *d, const char *why)
{
	fprintf(stderr, "%s: %s\n", d->path, why);
	return 1;
}

static size_t header(const struct data_set *d, char *text)
{
	return (size_t)snprintf(
		text, HEADER_BYTES,
		"# disk data set, format 1: seed %llu, %u s each, from line %u\n%s\n",
		(unsigned long long)d->seed, DATA_SET_SECONDS, d->first, CONDITION_COLUMNS);
}

/* Does it begin as the line `index` does? Its result is not made again. */
static bool is_line(const struct data_set *d, uint32_t index, const char *line)
{
	char wanted[CONDITION_LINE_BYTES];
	struct condition c;
	size_t length;

	condition_draw(&c, d->seed, index);
	length = condition_print(wanted, sizeof(wanted), &c, NULL) - 1;
	return strncmp(line, wanted, length) == 0 && line[length] == ',';
}

/* Whole lines that are there, and the bytes of the header and of those. */
static bool examine(const struct data_set *d, FILE *file, uint32_t *lines, long *bytes)
{
	char wanted[HEADER_BYTES], found[HEADER_BYTES], line[CONDITION_LINE_BYTES];
	const size_t length = header(d, wanted), got = fread(found, 1, length, file);

	*lines = 0;
	*bytes = 0;
	if (memcmp(found, wanted, got) != 0)
		return false;
	if (got < length) /* killed before it was written, or a new file */
		return true;
	*bytes = (long)length;
	while (fgets(line, sizeof(line), file) && strchr(line, '\n')) {
		if (!is_line(d, d->first + *lines, line))
			return false;
		++*lines;
		*bytes = ftell(file);
	}
	return true;
}

/* At the end of what is kept. */
static FILE *open_file(const struct data_set *d, uint32_t *lines)
{
	FILE *const file = fopen(d->path, "a+");
	char text[HEADER_BYTES];
	long bytes;

	if (!file) {
		perror(d->path);
		return NULL;
	}
	rewind(file);
	if (!examine(d, file, lines, &bytes)) {
		refuse(d,
		       "is no beginning of this data set: of another seed, or version. Remove it");
		fclose(file);
		return NULL;
	}
	if (fseek(file, 0, SEEK_END) != 0 || ftruncate(fileno(file), bytes) != 0)
		perror(d->path);
	if (bytes == 0)
		fwrite(text, 1, header(d, text), file);
	return file;
}

/* --- processes -------------------------------------------------------------------------------------- */

/* Job j of n makes the lines j, j + n, j + 2n, .. and waits when the pipe is full of them. */
static NORETURN void work(const struct data_set *d, uint32_t begin, uint32_t job, int to)
{
	char line[CONDITION_LINE_BYTES];
	FILE *const out = fdopen(to, "w");

	if (!out)
		_exit(1);
	for (uint32_t i = begin + job; i < d->count; i += d->jobs) {
		const size_t length = data_set_line(line, sizeof(line), d->seed, d->first + i);

		if (length == 0 || fwrite(line, 1, length, out) != length || fflush(out) != 0)
			_exit(1);
	}
	_exit(0);
}

static bool start(const struct data_set *d, uint32_t begin, FILE **from)
{
	for (uint32_t job = 0; job < d->jobs; job++) {
		int ends[2];
		pid_t pid;

		if (pipe(ends) != 0 || (pid = fork()) < 0) {
			perror("a process for the data set");
			return false;
		}
		if (pid == 0) {
			close(ends[0]);
			for (uint32_t i = 0; i < job; i++)
				fclose(from[i]);
			work(d, begin, job, ends[1]);
		}
		close(ends[1]);
		from[job] = fdopen(ends[0], "r");
		if (!from[job])
			return false;
	}
	return true;
}

static void show_progress(const struct data_set *d, uint32_t begin, uint32_t done, time_t began)
{
	static time_t last;
	const time_t now = time(NULL);
	const double seconds = (double)(now - began);

	if (d->is_quiet || (now - last < (isatty(2) ? 1 : 60) && done < d->count))
		return;
	last = now;
	fprintf(stderr, "%s%u of %u conditions, %.0f s left%s", isatty(2) ? "\r" : "", done,
		d->count, done > begin ? seconds * (d->count - done) / (done - begin) : 0.0,
		isatty(2) && done < d->count ? "   " : "\n");
}

static int collect(const struct data_set *d, uint32_t begin, FILE **from, FILE *to)
{
	char line[CONDITION_LINE_BYTES];
	const time_t began = time(NULL);

	for (uint32_t i = begin; i < d->count; i++) {
		if (!fgets(line, sizeof(line), from[(i - begin) % d->jobs]) || !strchr(line, '\n'))
			return refuse(d, "a process that makes lines has ended");
		if (fputs(line, to) < 0 || fflush(to) != 0) {
			perror(d->path);
			return 1;
		}
		show_progress(d, begin, i + 1, began);
	}
	return 0;
}

int data_set_make(const struct data_set *d)
{
	FILE *from[JOB_MAX];
	uint32_t begin;
	FILE *file;
	int rc;

	if (d->jobs == 0 || d->jobs > JOB_MAX)
		return refuse(d, "1 to 64 processes");
	file = open_file(d, &begin);
	if (!file)
		return 1;
	if (fflush(file) != 0 || (begin < d->count && !start(d, begin, from))) {
		fclose(file);
		return 1;
	}
	rc = collect(d, begin, from, file);
	if (fclose(file) != 0 && rc == 0) {
		perror(d->path);
		rc = 1;
	}
	if (begin >= d->count)
		return rc;
	/* Who still has lines to tell is told by its pipe that nobody listens. */
	for (uint32_t job = 0; job < d->jobs; job++)
		fclose(from[job]);
	while (wait(NULL) > 0)
		;
	return rc;
}
