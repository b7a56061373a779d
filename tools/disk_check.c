/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/disk_check.c - did the disk's scheduler keep its promises?
 *
 *	disk_check TRANSCRIPT DEPTH WEIGHT[:QUEUE_WEIGHT,..] ..
 *
 * Reads what the image wrote to its serial line at the end of a run with .audit_records:
 *	@{"io":"DISK","records":[[tsc,event,reason,client,queue,bytes],..]}	(many lines)
 *	@{"io_audit":"DISK","records":N,"kept":N,"tsc_hz":F}
 * and plays B-WF2Q+ again by tests/model/disk_audit.h. DEPTH and the weights, one for each client in the
 * partitions' order, are those of the configuration. Prints one JSON object.
 * Exit	0: OK. 1: a rule was broken. 2: unreadable, or records are missing at the beginning.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/model/disk_audit.h"

static struct iosched_client_config clients[IOSCHED_CLIENT_MAX];
static struct disk_audit audit;
static uint64_t read_count;

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "disk_check: %s: %.80s\n", what, detail);
	exit(2);
}

static uint32_t weight(const char **text)
{
	char *end;
	const unsigned long w = strtoul(*text, &end, 10);

	if (end == *text || w == 0 || w > IOSCHED_WEIGHT_MAX)
		die("a weight is 1 to 1000", *text);
	*text = end;
	return (uint32_t)w;
}

static void read_client(struct iosched_client_config *c, const char *text)
{
	c->weight = weight(&text);
	c->queue_count = 1;
	c->queue_weights[0] = 100;
	for (uint32_t q = 0; *text == ':' || *text == ','; q++) {
		text++;
		if (q == IOSCHED_QUEUE_MAX)
			die("too many queues", text);
		c->queue_weights[q] = weight(&text);
		c->queue_count = q + 1;
	}
	if (*text)
		die("a weight", text);
}

static void read_records(const char *at)
{
	while (*at == '[' || *at == ',') {
		unsigned event, reason, client, queue;
		struct iosched_audit r;
		int length = 0;

		at += *at == ',';
		if (sscanf(at, "[%" SCNu64 ",%u,%u,%u,%u,%" SCNu32 "]%n", &r.tsc, &event, &reason,
			   &client, &queue, &r.bytes, &length) != 6 ||
		    length == 0)
			die("malformed record", at);
		r.event = (uint8_t)event;
		r.reason = (uint8_t)reason;
		r.client = (uint16_t)client;
		r.queue = (uint16_t)queue;
		disk_audit_record(&audit, &r);
		read_count++;
		at += length;
	}
	if (*at != ']')
		die("a line that was cut off", at);
}

/* True: it is complete. */
static bool read_transcript(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t bytes = 0;
	uint64_t made = 0, kept = 0;

	if (!f)
		die("cannot read", path);
	while (getline(&line, &bytes, f) > 0) {
		const char *at = strstr(line, "\"records\":");

		if (strncmp(line, "@{\"io\":", 7) == 0 && at)
			read_records(at + strlen("\"records\":["));
		if (strncmp(line, "@{\"io_audit\":", 13) == 0 && at &&
		    sscanf(at, "\"records\":%" SCNu64 ",\"kept\":%" SCNu64, &made, &kept) != 2)
			die("malformed line", line);
	}
	free(line);
	fclose(f);
	return made > 0 && made == kept && read_count == kept;
}

static void say(uint32_t client_count)
{
	printf("{\"records\":%" PRIu64 ",\"choices\":%" PRIu64 ",\"wrong\":\"%s\",\"clients\":[",
	       audit.records, audit.choices, audit.wrong ? audit.wrong : "");
	for (uint32_t i = 0; i < client_count; i++) {
		const struct audit_child *c = &audit.root.children[i];

		printf("%s{\"weight\":%u,\"max_lag_bytes\":%.0Lf,\"bound_bytes\":%.0Lf,"
		       "\"largest_part\":%.4Lf}",
		       i ? "," : "", c->weight, c->lag_max, c->lag_bound, c->lag_part);
	}
	printf("]}\n");
}

int main(int argc, char **argv)
{
	struct iosched_config config = { .clients = clients };

	if (argc < 4 || argc - 3 > (int)IOSCHED_CLIENT_MAX)
		die("usage", "disk_check TRANSCRIPT DEPTH WEIGHT[:QUEUE_WEIGHT,..] ..");
	config.depth = (uint32_t)strtoul(argv[2], NULL, 10);
	config.client_count = (uint32_t)argc - 3;
	for (int i = 3; i < argc; i++)
		read_client(&clients[i - 3], argv[i]);
	disk_audit_init(&audit, &config);
	if (!read_transcript(argv[1]))
		die("no audit, or not from its beginning on", argv[1]);
	say(config.client_count);
	return audit.wrong != NULL;
}
