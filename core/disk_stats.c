/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/disk_stats.c - what shared disks did for whom: a line for each share now and then, and all of it
 * at the end.
 */
#include "arch/clock.h"
#include "core/disk.h"
#include "core/lib/fmt.h"
#include "core/log.h"

typedef unsigned long long ull;

#define RECORD_TEXT_MAX 64u

void disk_count(struct disk_client *c, const struct block_request *r, uint64_t now_tsc)
{
	struct disk_count *const d = &c->done[r->op];
	/* Clocks of two cores are equal to a few ticks. */
	const uint64_t took_tsc = now_tsc > r->arrived_tsc ? now_tsc - r->arrived_tsc : 0;

	d->requests++;
	d->bytes += block_bytes(r);
	d->errors += r->status != BLOCK_OK;
	histogram_add(&c->latency,
		      (uint64_t)((unsigned __int128)took_tsc * c->unit->ns_per_tick >> 32));
}

static uint64_t requests_of(const struct disk_client *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < BLOCK_OP_COUNT; i++)
		sum += c->done[i].requests;
	return sum;
}

static uint64_t bytes_of(const struct disk_client *c)
{
	return c->done[BLOCK_READ].bytes + c->done[BLOCK_WRITE].bytes;
}

/* A look at all buckets of a histogram for each: in a report, a step for each. */
static const struct {
	uint32_t part, whole;
} quantiles[DISK_QUANTILE_COUNT] = { { 50, 100 }, { 99, 100 }, { 9999, 10000 } };

static uint64_t quantile_of(const struct disk_client *c, uint32_t i)
{
	return histogram_quantile(&c->latency, quantiles[i].part, quantiles[i].whole);
}

static void say(const struct disk_client *c, const uint64_t *ns, uint64_t requests, uint64_t bytes,
		uint64_t in_ns)
{
	log_line(c->unit->tag,
		 "%-15s %7llu IOPS %7llu KiB/s; p50 %llu us, p99 %llu us, p99.99 %llu us, most "
		 "%llu us",
		 c->partition->config->name, (ull)mul_div(requests, SEC(1), in_ns),
		 (ull)(mul_div(bytes, SEC(1), in_ns) >> 10), (ull)(ns[0] / 1000),
		 (ull)(ns[1] / 1000), (ull)(ns[2] / 1000), (ull)(c->latency.max / 1000));
}

static void say_machine(const struct disk_client *c, const uint64_t *ns, const char *when)
{
	const struct disk_count *const d = c->done;

	log_machine("{\"disk\":\"%s\",\"partition\":\"%s\",\"when\":\"%s\",\"reads\":%llu,"
		    "\"writes\":%llu,\"flushes\":%llu,\"others\":%llu,\"read_bytes\":%llu,"
		    "\"write_bytes\":%llu,\"errors\":%llu,\"p50_ns\":%llu,\"p99_ns\":%llu,"
		    "\"p99_99_ns\":%llu,\"max_ns\":%llu,\"kicks\":%llu,\"messages\":%llu}",
		    c->unit->config->name, c->partition->config->name, when,
		    (ull)d[BLOCK_READ].requests, (ull)d[BLOCK_WRITE].requests,
		    (ull)d[BLOCK_FLUSH].requests,
		    (ull)(d[BLOCK_DISCARD].requests + d[BLOCK_WRITE_ZEROES].requests),
		    (ull)d[BLOCK_READ].bytes, (ull)d[BLOCK_WRITE].bytes,
		    (ull)(d[BLOCK_READ].errors + d[BLOCK_WRITE].errors + d[BLOCK_FLUSH].errors +
			  d[BLOCK_DISCARD].errors + d[BLOCK_WRITE_ZEROES].errors),
		    (ull)ns[0], (ull)ns[1], (ull)ns[2], (ull)c->latency.max, (ull)c->kicks,
		    (ull)c->messages);
}

/* In bounded steps: the quantiles, a line for people, one for machines. False: that was the last. */
static bool report_step(struct disk_unit *u, struct disk_client *c)
{
	const uint64_t requests = requests_of(c), bytes = bytes_of(c);
	const uint32_t step = u->report_step++;

	if (step < DISK_QUANTILE_COUNT) {
		u->report_quantiles[step] = quantile_of(c, step);
		return requests != c->told_requests;
	}
	if (step == DISK_QUANTILE_COUNT) {
		say(c, u->report_quantiles, requests - c->told_requests, bytes - c->told_bytes,
		    u->config->report_ns);
		c->told_requests = requests;
		c->told_bytes = bytes;
		return true;
	}
	say_machine(c, u->report_quantiles, "live");
	return false;
}

bool disk_report(struct disk_unit *u, uint64_t now_tsc)
{
	if (now_tsc < u->report_tsc)
		return false;
	if (report_step(u, &u->clients[u->report_turn]))
		return true;
	u->report_step = 0;
	if (++u->report_turn == u->client_count) {
		u->report_turn = 0;
		u->report_tsc += mul_div(u->config->report_ns, arch_clock_tsc_hz(), SEC(1));
	}
	return true;
}

/* ---- At the end ---- */

static void dump_audit(const struct disk_unit *u)
{
	const struct iosched_trail *const t = &u->sched.trail;
	const uint64_t first = t->count > t->mask + 1ull ? t->count - t->mask - 1 : 0;
	char text[LOG_LINE_MAX - 80];
	size_t length = 0;

	if (!u->audit)
		return;
	for (uint64_t i = first; i < t->count; i++) {
		const struct iosched_audit *const a = &t->records[i & t->mask];

		length +=
			(size_t)fmt_text(text + length, sizeof(text) - length,
					 "%s[%llu,%u,%u,%u,%u,%u]", length ? "," : "", (ull)a->tsc,
					 a->event, a->reason, a->client, a->queue, a->bytes);
		if (length > sizeof(text) - RECORD_TEXT_MAX || i + 1 == t->count) {
			log_machine("{\"io\":\"%s\",\"records\":[%s]}", u->config->name, text);
			log_flush();
			length = 0;
		}
	}
	log_machine("{\"io_audit\":\"%s\",\"records\":%llu,\"kept\":%llu,\"tsc_hz\":%llu}",
		    u->config->name, (ull)t->count, (ull)(t->count - first),
		    (ull)arch_clock_tsc_hz());
}

static void summarize(const struct disk_unit *u)
{
	uint64_t requests = 0;

	for (uint32_t i = 0; i < u->client_count; i++) {
		const struct disk_client *const c = &u->clients[i];
		uint64_t ns[DISK_QUANTILE_COUNT];

		for (uint32_t n = 0; n < DISK_QUANTILE_COUNT; n++)
			ns[n] = quantile_of(c, n);

		requests += requests_of(c);
		log_line(u->tag,
			 "%-15s %llu requests, %llu KiB; p50 %llu us, p99 %llu us, p99.99 %llu us, "
			 "most %llu us",
			 c->partition->config->name, (ull)requests_of(c), (ull)(bytes_of(c) >> 10),
			 (ull)(ns[0] / 1000), (ull)(ns[1] / 1000), (ull)(ns[2] / 1000),
			 (ull)(c->latency.max / 1000));
		say_machine(c, ns, "end");
	}
	log_machine("{\"disk_ticks\":\"%s\",\"requests\":%llu,\"kick\":%llu,\"service\":%llu,"
		    "\"sched\":%llu,\"device\":%llu,\"disk_errors\":%u,\"disk_resets\":%u}",
		    u->config->name, (ull)requests, (ull)u->ticks.kick, (ull)u->ticks.service,
		    (ull)u->ticks.sched, (ull)u->ticks.device, u->disk->error_count,
		    u->disk->reset_count);
	log_flush();
	dump_audit(u);
}

void disk_summary(void)
{
	for (uint32_t i = 0; i < disks.count; i++)
		summarize(disks.units[i]);
}
