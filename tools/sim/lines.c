/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sim/lines.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between two lines of progress, in s: to a person, to a file. */
#define SHOW_TERMINAL 1
#define SHOW_FILE     60

static int refuse(const struct lines *l, const char *why)
{
	fprintf(stderr, "%s: %s\n", l->path, why);
	return 1;
}

/* --- a file that is there already ------------------------------------------------------------------- */

static bool is_line(const struct lines *l, uint32_t index, const char *line, char *wanted)
{
	const size_t length = l->begin(l->context, index, wanted, l->line_bytes);

	return length > 0 && strncmp(line, wanted, length) == 0;
}

/* Whole lines that are there, and how many bytes they and the header have. */
static bool examine(const struct lines *l, FILE *file, uint32_t *count, long *bytes)
{
	const size_t length = strlen(l->header);
	char *const found = malloc(length), *const line = malloc(2 * l->line_bytes);
	size_t got;
	bool is_mine;

	*count = 0;
	*bytes = 0;
	if (!found || !line) {
		free(found);
		free(line);
		return false;
	}
	got = fread(found, 1, length, file);
	is_mine = memcmp(found, l->header, got) == 0;
	if (is_mine && got == length) { /* else: killed before it was written, or a new file */
		*bytes = (long)length;
		while (is_mine && *count < l->count && fgets(line, (int)l->line_bytes, file) &&
		       strchr(line, '\n')) {
			is_mine = is_line(l, (*count)++, line, line + l->line_bytes);
			*bytes += (long)strlen(line);
		}
	}
	free(found);
	free(line);
	return is_mine;
}

/* At the end of what is kept. */
static FILE *open_file(const struct lines *l, uint32_t *count)
{
	FILE *const file = fopen(l->path, "a+");
	long bytes;

	if (!file) {
		perror(l->path);
		return NULL;
	}
	rewind(file);
	if (!examine(l, file, count, &bytes)) {
		refuse(l, "what it has is not what it would get (another seed, version or model): "
			  "remove it");
		fclose(file);
		return NULL;
	}
	/* Lines beyond those that are wanted stay, too. */
	if ((*count < l->count && ftruncate(fileno(file), bytes) != 0) ||
	    fseek(file, 0, SEEK_END) != 0 || (bytes == 0 && fputs(l->header, file) < 0) ||
	    fflush(file) != 0) {
		perror(l->path);
		fclose(file);
		return NULL;
	}
	return file;
}

/* --- processes -------------------------------------------------------------------------------------- */

/* It waits when the pipe is full of lines. */
static NORETURN void work(const struct lines *l, uint32_t first, int to)
{
	char *const line = malloc(l->line_bytes);
	FILE *const out = fdopen(to, "w");

	if (!out || !line)
		_exit(1);
	for (uint32_t i = first; i < l->count; i += l->jobs) {
		const size_t length = l->make(l->context, i, line, l->line_bytes);

		if (length == 0 || fwrite(line, 1, length, out) != length || fflush(out) != 0)
			_exit(1);
	}
	_exit(0);
}

static bool start(const struct lines *l, uint32_t begin, FILE **from)
{
	for (uint32_t job = 0; job < l->jobs; job++) {
		int ends[2];
		pid_t pid;

		if (pipe(ends) != 0 || (pid = fork()) < 0) {
			perror("a process that makes lines");
			return false;
		}
		if (pid == 0) {
			close(ends[0]);
			for (uint32_t i = 0; i < job; i++)
				close(fileno(from[i]));
			work(l, begin + job, ends[1]);
		}
		close(ends[1]);
		from[job] = fdopen(ends[0], "r");
		if (!from[job])
			return false;
	}
	return true;
}

static void show_progress(const struct lines *l, uint32_t begin, uint32_t done, time_t began)
{
	static time_t last;
	const bool is_terminal = isatty(2);
	const time_t now = time(NULL);

	if (l->is_quiet ||
	    (now - last < (is_terminal ? SHOW_TERMINAL : SHOW_FILE) && done < l->count))
		return;
	last = now;
	fprintf(stderr, "%s%u of %u, %.0f s left%s", is_terminal ? "\r" : "", done, l->count,
		(double)(now - began) * (l->count - done) / (done - begin),
		is_terminal && done < l->count ? "   " : "\n");
}

static int collect(const struct lines *l, uint32_t begin, FILE **from, FILE *to)
{
	char *const line = malloc(l->line_bytes);
	const time_t began = time(NULL);
	int rc = line ? 0 : refuse(l, "no memory");

	for (uint32_t i = begin; rc == 0 && i < l->count; i++) {
		if (!fgets(line, (int)l->line_bytes, from[(i - begin) % l->jobs]) ||
		    !strchr(line, '\n')) {
			rc = refuse(l, "a process that makes lines has ended");
		} else if (fputs(line, to) < 0 || fflush(to) != 0) {
			perror(l->path);
			rc = 1;
		} else {
			show_progress(l, begin, i + 1, began);
		}
	}
	free(line);
	return rc;
}

int lines_make(const struct lines *l)
{
	FILE *from[LINES_JOB_MAX] = { NULL };
	uint32_t begin;
	FILE *file;
	int rc = 1;

	if (l->jobs == 0 || l->jobs > LINES_JOB_MAX)
		return refuse(l, "1 to 64 processes");
	file = open_file(l, &begin);
	if (!file)
		return 1;
	if (begin == l->count)
		rc = 0;
	else if (start(l, begin, from))
		rc = collect(l, begin, from, file);
	/* Who still has lines to tell is ended by its pipe, to which nobody listens any more. */
	for (uint32_t job = 0; job < l->jobs; job++) {
		if (from[job])
			fclose(from[job]);
	}
	while (begin < l->count && wait(NULL) > 0)
		;
	if (fclose(file) != 0 && rc == 0) {
		perror(l->path);
		rc = 1;
	}
	return rc;
}
