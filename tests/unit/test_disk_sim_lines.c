/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of lines that several processes make: the same however many, and wherever they were stopped. And
 * the sample of the data set that is kept: its conditions are those that are drawn, and some of its
 * results are made again.
 */
#include "tools/sim/lines.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/test.h"
#include "tools/sim/data_set.h"

#define COUNT  500u
#define HEADER "a header\nof two lines\n"
#define SAMPLE "tools/sim/sample.csv"
#define STRIDE 199u /* of the sample's lines in the data set: prime, so all sets are met */
#define EVERY  29u  /* so many-th line is made again */

static char path[] = "/tmp/test_disk_sim_lines.XXXXXX";
static char whole[64 * COUNT], found[64 * COUNT];

/* Some are late, so that processes overtake each other; `factor` is another version. */
static uint32_t factor = 7;

static size_t begin(void *context, uint32_t index, char *line, size_t bytes)
{
	return (size_t)snprintf(line, bytes, "%u %u,", index, index * factor);
}

static size_t make(void *context, uint32_t index, char *line, size_t bytes)
{
	const size_t length = begin(context, index, line, bytes);

	if (index % 97 == 0)
		usleep(2000);
	return length + (size_t)snprintf(line + length, bytes - length, "%u\n", index * index);
}

static size_t fail(void *context, uint32_t index, char *line, size_t bytes)
{
	return index < 100 ? make(context, index, line, bytes) : 0;
}

static struct lines lines_of(uint32_t jobs)
{
	return (struct lines){ .path = path,
			       .header = HEADER,
			       .count = COUNT,
			       .jobs = jobs,
			       .line_bytes = 64,
			       .is_quiet = true,
			       .make = make,
			       .begin = begin };
}

static size_t read_file(char *text)
{
	FILE *const f = fopen(path, "r");
	size_t bytes = 0;

	if (f) {
		bytes = fread(text, 1, sizeof(whole) - 1, f);
		fclose(f);
	}
	text[bytes] = '\0';
	return bytes;
}

static void write_file(const char *text, size_t bytes)
{
	FILE *const f = fopen(path, "w");

	CHECK(f && fwrite(text, 1, bytes, f) == bytes);
	if (f)
		fclose(f);
}

static void all_lines_are_there_in_order(void)
{
	const struct lines l = lines_of(1);
	const char *at = whole + strlen(HEADER);
	char line[64];

	CHECK(lines_make(&l) == 0);
	read_file(whole);
	CHECK(strncmp(whole, HEADER, strlen(HEADER)) == 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		const size_t length = make(NULL, i, line, sizeof(line));

		CHECK(strncmp(at, line, length) == 0);
		at += length;
	}
	CHECK(*at == '\0');
}

static void any_number_of_processes_makes_the_same(void)
{
	for (uint32_t jobs = 2; jobs <= 7; jobs++) {
		const struct lines l = lines_of(jobs);

		write_file("", 0);
		CHECK(lines_make(&l) == 0);
		read_file(found);
		CHECK(strcmp(found, whole) == 0);
	}
}

/* Cut off anywhere: within the header, within a line, between lines. */
static void what_was_cut_off_is_continued(void)
{
	const size_t bytes = strlen(whole);

	for (size_t keep = 0; keep <= bytes; keep += keep < 60 ? 1 : 371) {
		const struct lines l = lines_of(3);

		write_file(whole, keep);
		CHECK(lines_make(&l) == 0);
		read_file(found);
		CHECK(strcmp(found, whole) == 0);
	}
}

static void more_lines_than_wanted_stay(void)
{
	struct lines l = lines_of(2);

	write_file(whole, strlen(whole));
	l.count = 100;
	CHECK(lines_make(&l) == 0);
	read_file(found);
	CHECK(strcmp(found, whole) == 0);
}

static void another_file_is_refused_and_stays(void)
{
	struct lines l = lines_of(2);
	size_t bytes;

	write_file(whole, 1000);
	l.header = "another\nof two lines\n";
	CHECK(lines_make(&l) == 1);
	l = lines_of(2);
	factor = 8;
	CHECK(lines_make(&l) == 1);
	factor = 7;
	bytes = read_file(found);
	CHECK(bytes == 1000 && memcmp(found, whole, bytes) == 0);
	l.path = "/nowhere/at/all";
	CHECK(lines_make(&l) == 1);
	l = lines_of(0);
	CHECK(lines_make(&l) == 1);
}

static void a_line_that_cannot_be_made_ends_it(void)
{
	struct lines l = lines_of(3);

	write_file("", 0);
	l.make = fail;
	CHECK(lines_make(&l) == 1);
	l.make = make;
	CHECK(lines_make(&l) == 0);
	read_file(found);
	CHECK(strcmp(found, whole) == 0);
}

/* --- the sample ------------------------------------------------------------------------------------- */

static void the_sample_is_made_again(void)
{
	static char line[CONDITION_LINE_BYTES], wanted[CONDITION_LINE_BYTES];
	FILE *const f = fopen(SAMPLE, "r");
	uint32_t count = 0;

	CHECK(f != NULL);
	while (f && fgets(line, sizeof(line), f)) {
		const uint32_t index = count * STRIDE;
		struct condition_result result;
		struct condition c;
		size_t length;

		if (line[0] == '#' || strncmp(line, "set,", 4) == 0)
			continue;
		CHECK(condition_parse(&c, &result, line) == NULL);
		condition_draw(&c, DATA_SET_SEED, index);
		length = condition_print(wanted, sizeof(wanted), &c, NULL) - 1;
		CHECK(strncmp(line, wanted, length) == 0 && line[length] == ',');
		if (count % EVERY == 0) {
			data_set_line(wanted, sizeof(wanted), DATA_SET_SEED, index);
			CHECK(strcmp(line, wanted) == 0);
		}
		count++;
	}
	CHECK(count == (CONDITION_COUNT + STRIDE - 1) / STRIDE);
	if (f)
		fclose(f);
}

int main(void)
{
	CHECK(mkstemp(path) >= 0);
	RUN(all_lines_are_there_in_order);
	RUN(any_number_of_processes_makes_the_same);
	RUN(what_was_cut_off_is_continued);
	RUN(more_lines_than_wanted_stay);
	RUN(another_file_is_refused_and_stays);
	RUN(a_line_that_cannot_be_made_ends_it);
	RUN(the_sample_is_made_again);
	unlink(path);
	return test_failed;
}
