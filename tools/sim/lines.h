/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/lines.h - a file of lines, each of which takes long to make: several processes make them.
 *
 * Model    Line `index` is made by `make` from its index alone. Process j of n makes the lines j, j + n,
 *	    j + 2n, .. of those that are missing, and one process writes them, in order. What a file has,
 *	    stays: killed, and started again, it goes on behind the last whole line. So the file
 *	    is the same whatever the number of processes, and however often it was stopped.
 * Errors   1, after a line on stderr: the file is no beginning of this one (another header, or a line
 *	    whose beginning is not what `begin` says); no space; a process that has ended.
 */
#pragma once
#include "core/lib/base.h"

#define LINES_JOB_MAX 64u

struct lines {
	const char *path;
	const char *header; /* all of it */
	uint32_t count, jobs;
	size_t line_bytes; /* of the longest, and its end */
	bool is_quiet;
	void *context; /* the caller's */
	/* With its end; returns its length, 0: it could not be made. */
	size_t (*make)(void *context, uint32_t index, char *line, size_t bytes);
	/* What the line begins with, quickly; returns its length. */
	size_t (*begin)(void *context, uint32_t index, char *line, size_t bytes);
};

MUST_CHECK int lines_make(const struct lines *l);
