/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/lqn/main.c - what a layered queueing network will do.   lqn [--simulate SECONDS [--seed N]] [--json] FILE
 *
 * For each source (a reference task, or an entry with arrivals): requests a second, lost ones, mean response, the
 * processor that is full first, the most that it lets through, and at how many customers. Then how busy each processor
 * is, and of how much. By mean values; with --simulate also by discrete events, the first tenth of them not counted.
 * tools/lqn/model.h; tools/queueing makes such files of configurations.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tools/lqn/model.h"

#define FILE_BYTES_MAX (1u << 20)

struct options {
	double seconds;
	uint64_t seed;
	bool as_json;
	const char *path;
};

static char text[FILE_BYTES_MAX];

static bool read_text(const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	size_t length;

	if (!f) {
		perror(path);
		return false;
	}
	length = fread(text, 1, sizeof(text) - 1, f);
	text[length] = 0;
	if (f != stdin)
		fclose(f);
	return length < sizeof(text) - 1;
}

static void json_number(const char *name, double value)
{
	if (isfinite(value))
		printf(",\"%s\":%.9g", name, value);
	else
		printf(",\"%s\":null", name);
}

static void print_json(const struct lqn *m, const struct lqn_result *r, const char *how)
{
	const char *comma = "";

	printf("{\"how\":\"%s\",\"flows\":[", how);
	for (uint32_t i = 0; i < m->entry_count; i++) {
		if (!lqn_is_source(m, i))
			continue;
		printf("%s{\"entry\":\"%s\"", comma, m->entries[i].name);
		json_number("throughput", r->flows[i].throughput);
		json_number("lost", r->flows[i].lost);
		json_number("response", r->flows[i].response);
		if (r->most[i] > 0 && isfinite(r->most[i])) {
			printf(",\"full_first\":\"%s\"", m->processors[r->bottleneck[i]].name);
			json_number("most", r->most[i]);
			json_number("customers", r->customers_to_saturate[i]);
		}
		printf("}");
		comma = ",";
	}
	printf("],\"processors\":[");
	for (uint32_t i = 0; i < m->processor_count; i++) {
		printf("%s{\"name\":\"%s\"", i ? "," : "", m->processors[i].name);
		json_number("busy", r->utilization[i]);
		json_number("of", lqn_capacity(&m->processors[i]));
		printf("}");
	}
	printf("]}");
}

static void print_text(const struct lqn *m, const struct lqn_result *r, const char *how)
{
	printf("%s\n", how);
	for (uint32_t i = 0; i < m->entry_count; i++) {
		if (!lqn_is_source(m, i))
			continue;
		printf("  %-20s %10.1f a second, %.1f lost; %.3f ms", m->entries[i].name,
		       r->flows[i].throughput, r->flows[i].lost, r->flows[i].response * 1e3);
		if (r->most[i] > 0 && isfinite(r->most[i]))
			printf("; at most %.1f, by %s", r->most[i],
			       m->processors[r->bottleneck[i]].name);
		if (r->most[i] > 0 && isfinite(r->most[i]) &&
		    m->tasks[m->entries[i].task].is_reference)
			printf(", from %.1f customers on", r->customers_to_saturate[i]);
		printf("\n");
	}
	for (uint32_t i = 0; i < m->processor_count; i++) {
		const double of = lqn_capacity(&m->processors[i]);

		if (m->processors[i].scheduling != LQN_DELAY)
			printf("  %-20s busy %.3f of %.3f%s\n", m->processors[i].name,
			       r->utilization[i], of,
			       r->utilization[i] > 0.98 * of ? ": full" : "");
	}
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	*o = (struct options){ .seed = 1 };
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			o->as_json = true;
		else if (strcmp(argv[i], "--simulate") == 0 && i + 1 < argc)
			o->seconds = strtod(argv[++i], NULL);
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			o->seed = strtoull(argv[++i], NULL, 0);
		else if (!o->path && (argv[i][0] != '-' || !argv[i][1]))
			o->path = argv[i];
		else
			return false;
	return o->path != NULL;
}

int main(int argc, char **argv)
{
	void (*print)(const struct lqn *, const struct lqn_result *, const char *) = print_text;
	static struct lqn model;
	struct lqn_result result;
	struct options o;
	char reason[200];

	if (!parse_options(argc, argv, &o)) {
		fprintf(stderr, "usage: %s [--simulate SECONDS [--seed N]] [--json] FILE\n",
			argv[0]);
		return 2;
	}
	if (!read_text(o.path))
		return 2;
	if (!lqn_parse(&model, text, reason, sizeof(reason))) {
		fprintf(stderr, "%s: %s\n", o.path, reason);
		return 1;
	}
	if (o.as_json)
		print = print_json;
	printf("%s", o.as_json ? "[" : "");
	if (!lqn_solve(&model, &result)) {
		fprintf(stderr, "%s: the mean values do not settle\n", o.path);
		return 1;
	}
	print(&model, &result, "mean values");
	if (o.seconds > 0) {
		printf("%s", o.as_json ? ",\n" : "");
		lqn_simulate(&model, o.seconds / 10, o.seconds, o.seed, &result);
		print(&model, &result, "discrete events");
	}
	printf("%s", o.as_json ? "]\n" : "");
	return 0;
}
