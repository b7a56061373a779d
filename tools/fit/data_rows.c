/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tools/fit/data_rows.h"

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static void tell(const struct condition *c, const struct condition_result *result, data_row_fn *fn,
		 void *context)
{
	struct latency_sums sums;

	latency_sum(&c->load, &sums);
	for (uint32_t g = 0; g < c->load.guest_count; g++) {
		for (uint32_t t = 0; t < c->load.guests[g].task_count; t++) {
			const struct data_row row = {
				.set = c->set,
				.condition = c->number,
				.guest = g,
				.task = t,
				.tail_ns = result->tasks[g][t].p9999_ns,
			};

			fn(context, &row, &c->load, &sums);
		}
	}
}

/* Two lines of header, then conditions. */
uint32_t data_rows_read(const char *path, data_row_fn *fn, void *context)
{
	static char line[CONDITION_LINE_BYTES + 1];
	static struct condition_result result;
	FILE *f = fopen(path, "r");
	uint32_t count = 0;

	if (!f) {
		perror(path);
		exit(1);
	}
	for (uint32_t number = 1; fgets(line, sizeof(line), f); number++) {
		struct condition c;
		const char *why;

		if (number <= 2 || !strchr(line, '\n'))
			continue;
		why = condition_parse(&c, &result, line);
		if (why) {
			fprintf(stderr, "%s:%u: %s\n", path, number, why);
			exit(1);
		}
		tell(&c, &result, fn, context);
		count++;
	}
	fclose(f);
	return count;
}

static void extend(uint32_t *low, uint32_t *high, uint32_t v)
{
	if (*low == 0 || v < *low)
		*low = v;
	if (v > *high)
		*high = v;
}

void data_domain_extend(struct latency_domain *d, const struct disk_load *load)
{
	if (d->guest_max == 0)
		d->slice_idle_min_ns = d->timeout_min_ns = UINT64_MAX;
	if (load->guest_count > d->guest_max)
		d->guest_max = load->guest_count;
	for (uint32_t g = 0; g < load->guest_count; g++) {
		const struct disk_load_guest *guest = &load->guests[g];

		if (guest->task_count > d->task_max)
			d->task_max = guest->task_count;
		extend(&d->weight_min, &d->weight_max, guest->weight);
		for (uint32_t t = 0; t < guest->task_count; t++)
			extend(&d->iops_min, &d->iops_max, guest->tasks[t].iops);
	}
	d->slice_idle_min_ns = MIN(d->slice_idle_min_ns, load->slice_idle_ns);
	d->slice_idle_max_ns = MAX(d->slice_idle_max_ns, load->slice_idle_ns);
	d->timeout_min_ns = MIN(d->timeout_min_ns, load->timeout_ns);
	d->timeout_max_ns = MAX(d->timeout_max_ns, load->timeout_ns);
	d->request_bytes = load->request_bytes;
	d->max_budget_bytes = load->max_budget_bytes;
	d->bytes_per_s = load->bytes_per_s;
}
