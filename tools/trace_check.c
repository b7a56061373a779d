/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/trace_check.c - did every core of this run keep its promises?
 *
 *	trace_check [-l TICKS] [-o TICKS] [-s TICKS] [-r TICKS] [-w WINDOWS] TRANSCRIPT
 *
 * Reads what the image wrote to its serial line:
 *	@{"server":S,"core":C,"name":"..","budget_tsc":Q,"period_tsc":P[,"overhead_tsc":O]}
 *	@{"trace":C,"records":[[tsc,kind,server,arg],...]}	(sched/trace.h; many lines)
 * and runs sched/trace_check.h over each core's records. A server without a line of its own is
 * a background one. Of exits (core/trace.h) it asks that each lies in a run of its server, work and all, and
 * that none begins before the work for the last one was done.
 * Limits   -o overrun, -s shortfall, -r reaction, -l all three. Else O, the bound of one switch
 *	    that admission counted with; without it 1/200 of the core's shortest period.
 * Exit     0: OK. 1: a promise was broken. 2: unreadable, or not enough to conclude: a reserved
 *	    server with fewer than WINDOWS (3) complete windows, or no trace at all.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/trace.h"
#include "sched/trace_check.h"

#define NAME_BYTES   32
#define ASSUMED_PART 200u
#define UNSET        UINT64_MAX

enum verdict { VERDICT_OK = 0, VERDICT_BROKEN = 1, VERDICT_UNKNOWN = 2 };

struct core_trace {
	uint32_t server_count;
	struct trace_server servers[TRACE_SERVER_MAX];
	char names[TRACE_SERVER_MAX][NAME_BYTES];
	uint64_t overhead_tsc;
	uint64_t record_count, capacity;
	struct trace_record *records;
};

struct options {
	uint64_t overrun_tsc, shortfall_tsc, reaction_tsc, window_count;
};

static struct core_trace cores[MAX_CORES];

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "trace_check: %s: %s\n", what, detail);
	exit(VERDICT_UNKNOWN);
}

/* The value of "key": in a flat object; NULL if it has none. */
static const char *value_of(const char *line, const char *key)
{
	char quoted[NAME_BYTES];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = strstr(line, quoted);
	return at ? at + strlen(quoted) : NULL;
}

static bool read_number(const char *line, const char *key, uint64_t *value)
{
	const char *at = value_of(line, key);
	char *end;

	if (at == NULL)
		return false;
	*value = strtoull(at, &end, 10);
	return end != at;
}

static void read_server(const char *line)
{
	uint64_t server, core, budget, period, overhead = 0;
	const char *name = value_of(line, "name");
	struct core_trace *c;

	if (!read_number(line, "server", &server) || !read_number(line, "core", &core) ||
	    !read_number(line, "budget_tsc", &budget) ||
	    !read_number(line, "period_tsc", &period) || server >= TRACE_SERVER_MAX ||
	    core >= MAX_CORES || budget == 0 || budget > period)
		die("malformed server line", line);
	c = &cores[core];
	c->servers[server] = (struct trace_server){ budget, period, 0 };
	if (server >= c->server_count)
		c->server_count = (uint32_t)server + 1;
	if (read_number(line, "overhead_tsc", &overhead))
		c->overhead_tsc = max_u64(c->overhead_tsc, overhead);
	if (name != NULL && *name == '"')
		snprintf(c->names[server], NAME_BYTES, "%.*s", (int)strcspn(name + 1, "\""),
			 name + 1);
}

static void append(struct core_trace *c, struct trace_record r)
{
	if (c->record_count == c->capacity) {
		c->capacity = 2 * c->capacity + 1024;
		c->records = realloc(c->records, c->capacity * sizeof(r));
		if (c->records == NULL)
			die("no memory", "for the records");
	}
	c->records[c->record_count++] = r;
	/* Without a line of its own it has no budget: background. */
	if (trace_kind(r) < TRACE_KIND_FREE && trace_server(r) < TRACE_SERVER_MAX &&
	    trace_server(r) >= c->server_count)
		c->server_count = trace_server(r) + 1;
}

static void read_records(const char *line)
{
	const char *at = value_of(line, "records");
	uint64_t core;

	if (!read_number(line, "trace", &core) || core >= MAX_CORES || at == NULL || *at++ != '[')
		die("malformed trace line", line);
	while (*at == '[' || *at == ',') {
		uint64_t tsc;
		uint32_t kind, server;
		int64_t arg;
		int length = 0;

		at += *at == ',';
		if (sscanf(at, "[%" SCNu64 " ,%" SCNu32 " ,%" SCNu32 " ,%" SCNd64 " ]%n", &tsc,
			   &kind, &server, &arg, &length) != 4 ||
		    length == 0 || kind > TRACE_KIND_MAX)
			die("malformed record", at);
		append(&cores[core], trace_record_make(tsc, (enum trace_kind)kind, server, arg));
		at += length;
	}
	if (*at != ']')
		die("a trace line that was cut off", line);
}

static void read_transcript(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t bytes = 0;

	if (f == NULL)
		die(path, "cannot be read");
	while (getline(&line, &bytes, f) >= 0) {
		if (strncmp(line, "@{\"server\":", 11) == 0)
			read_server(line);
		else if (strncmp(line, "@{\"trace\":", 10) == 0)
			read_records(line);
	}
	free(line);
	fclose(f);
}

static struct trace_limits limits_of(const struct core_trace *c, const struct options *o)
{
	uint64_t limit = c->overhead_tsc;

	if (limit == 0) {
		uint64_t shortest = UINT64_MAX;

		for (uint32_t i = 0; i < c->server_count; i++) {
			if (c->servers[i].budget_tsc > 0)
				shortest = min_u64(shortest, c->servers[i].period_tsc);
		}
		limit = shortest == UINT64_MAX ? 0 : shortest / ASSUMED_PART;
	}
	return (struct trace_limits){
		.overrun_tsc = o->overrun_tsc != UNSET ? o->overrun_tsc : limit,
		.shortfall_tsc = o->shortfall_tsc != UNSET ? o->shortfall_tsc : limit,
		.reaction_tsc = o->reaction_tsc != UNSET ? o->reaction_tsc : limit,
	};
}

static void print_servers(const struct core_trace *c, const struct trace_check *t)
{
	printf("%-16s %10s %10s %10s %8s %8s %8s %8s %8s %8s\n", "server", "Q", "P", "most used",
	       "overrun", "short", "late", "waited", "windows", "full");
	for (uint32_t i = 0; i < c->server_count; i++) {
		const struct trace_seen *s = &t->seen[i];
		uint64_t budget = c->servers[i].budget_tsc;

		if (budget == 0)
			continue;
		printf("%3u %-12s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64
		       " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
		       i, c->names[i], budget, c->servers[i].period_tsc, s->run_max_tsc,
		       s->run_max_tsc > budget ? s->run_max_tsc - budget : 0, s->short_max_tsc,
		       s->late_max_tsc, s->wait_max_tsc, s->window_count, s->backlogged_count);
	}
}

static enum verdict print_verdict(uint32_t core, const struct core_trace *c,
				  const struct trace_check *t, uint64_t window_count)
{
	const struct trace_violation *v = &t->violation;

	if (v->rule != NULL) {
		printf("core %u: VIOLATION at record %" PRIu64 ", tsc %" PRIu64
		       ": server %d %s %s (%" PRIu64 ", allowed %" PRIu64 ")\n",
		       core, v->record_index, v->tsc, (int)v->server,
		       v->server < c->server_count ? c->names[v->server] : "", v->rule, v->found,
		       v->allowed);
		return VERDICT_BROKEN;
	}
	if (!trace_check_is_conclusive(t, window_count)) {
		printf("core %u: too few records to conclude: %" PRIu64
		       " windows of each server are wanted\n",
		       core, window_count);
		return VERDICT_UNKNOWN;
	}
	printf("core %u: OK, %" PRIu64 " records\n", core, c->record_count);
	return VERDICT_OK;
}

struct exit_check {
	uint32_t running; /* TRACE_NO_SERVER: nobody, or it is not known */
	uint64_t since_tsc, busy_until_tsc;
	uint64_t count;
};

static const char *exit_fault(struct exit_check *x, struct trace_record r)
{
	const bool is_own = trace_server(r) == x->running;

	switch (trace_kind(r)) {
	case TRACE_RUN:
		if (!is_own)
			x->since_tsc = x->busy_until_tsc = r.tsc;
		x->running = trace_server(r);
		return NULL;
	case TRACE_STOP:
		x->running = TRACE_NO_SERVER;
		return is_own && r.tsc < x->busy_until_tsc ? "goes on after the run" : NULL;
	case TRACE_EXIT:
		x->count++;
		if (!is_own)
			return x->since_tsc == 0 ? NULL : "is of a server that does not run";
		if (r.tsc < x->busy_until_tsc)
			return "begins before the run, or within the last exit";
		x->busy_until_tsc = r.tsc + (uint64_t)(trace_arg(r) >> 8);
		return NULL;
	default:
		return NULL;
	}
}

static enum verdict check_exits(uint32_t core, const struct core_trace *c)
{
	struct exit_check x = { .running = TRACE_NO_SERVER };

	for (uint64_t i = 0; i < c->record_count; i++) {
		const char *const fault = exit_fault(&x, c->records[i]);

		if (!fault)
			continue;
		printf("core %u: VIOLATION at record %" PRIu64 ", tsc %" PRIu64
		       ": an exit of server %u %s\n",
		       core, i, c->records[i].tsc, trace_server(c->records[i]), fault);
		return VERDICT_BROKEN;
	}
	if (x.count)
		printf("core %u: %" PRIu64 " exits, all within the runs of their servers\n", core,
		       x.count);
	return VERDICT_OK;
}

static enum verdict check_core(uint32_t core, const struct options *o)
{
	static struct trace_check t;
	const struct core_trace *c = &cores[core];
	const struct trace_limits limits = limits_of(c, o);

	trace_check_init(&t, c->servers, c->server_count, &limits);
	for (uint64_t i = 0; i < c->record_count; i++) {
		if (trace_kind(c->records[i]) < TRACE_EXIT && /* whose `tsc` may lie before */
		    !trace_check_record(&t, c->records[i]))
			break;
	}
	printf("core %u, in TSC ticks; allowed: overrun %" PRIu64 ", shortfall %" PRIu64
	       ", reaction %" PRIu64 "\n",
	       core, limits.overrun_tsc, limits.shortfall_tsc, limits.reaction_tsc);
	print_servers(c, &t);
	if (check_exits(core, c) != VERDICT_OK)
		return VERDICT_BROKEN;
	return print_verdict(core, c, &t, o->window_count);
}

static const char *parse_options(int argc, char **argv, struct options *o)
{
	int letter;

	while ((letter = getopt(argc, argv, "l:o:s:r:w:")) != -1) {
		uint64_t value = letter == '?' ? 0 : strtoull(optarg, NULL, 0);

		if (letter == 'l')
			o->overrun_tsc = o->shortfall_tsc = o->reaction_tsc = value;
		else if (letter == 'o')
			o->overrun_tsc = value;
		else if (letter == 's')
			o->shortfall_tsc = value;
		else if (letter == 'r')
			o->reaction_tsc = value;
		else if (letter == 'w')
			o->window_count = value;
		else
			return NULL;
	}
	return optind + 1 == argc ? argv[optind] : NULL;
}

int main(int argc, char **argv)
{
	struct options options = { UNSET, UNSET, UNSET, 3 };
	const char *path = parse_options(argc, argv, &options);
	enum verdict worst = VERDICT_OK;
	uint32_t checked = 0;

	if (path == NULL)
		die("usage", "trace_check [-l TICKS] [-o TICKS] [-s TICKS] [-r TICKS] [-w N] FILE");
	read_transcript(path);
	for (uint32_t core = 0; core < MAX_CORES; core++) {
		enum verdict verdict;

		if (cores[core].record_count == 0)
			continue;
		checked++;
		verdict = check_core(core, &options);
		/* A broken promise says more than a short trace. */
		if (worst == VERDICT_OK || verdict == VERDICT_BROKEN)
			worst = verdict;
	}
	if (checked == 0)
		die(path, "has no trace; is config.trace_records set?");
	return (int)worst;
}
