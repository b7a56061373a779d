/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sim/disk_sim.h"
#include <stdlib.h>
#include <string.h>
#include "tools/sim/quantile.h"
#include "tools/sim/sim_random.h"

#define TASK_MAX      (IOSCHED_CLIENT_MAX * IOSCHED_QUEUE_MAX)
#define BEGIN_NS      SEC(1)     /* schedulers take time 0 for "never" */
#define GUEST_SECTORS BIT64(24)  /* 8 GiB each: nearly all requests are far from each other */
#define DEVICE_STREAM UINT64_MAX /* of random numbers; tasks have those of their numbers */

enum task_event { TASK_ARRIVES, TASK_IS_DONE };

struct task {
	struct block_request r;
	struct sim_random random;
	uint64_t due_ns, due_rest; /* .. + due_rest / iops: when the next request is due */
	uint64_t iops, period_ns, period_rest;
	uint64_t places; /* where a request may begin */
	uint64_t sent_ns;
	enum task_event event; /* that the heap has of it */
	uint32_t guest, index;
	uint64_t *samples; /* of disk_sim.samples */
	size_t count;
};

struct event {
	uint64_t at_ns;
	uint32_t task;
};

struct disk_sim {
	struct disk_sim_config config;
	struct iosched sched;
	struct iosched_client_config clients[IOSCHED_CLIENT_MAX];
	struct service_time_config time_config;
	struct service_time time;
	uint64_t now_ns, again_ns, end_ns;
	struct task tasks[TASK_MAX];
	uint32_t task_count, phase_count;
	struct event heap[TASK_MAX]; /* each task has one at most */
	uint32_t heap_count;
	uint64_t *samples;
	bool has_sched;
};

/* --- events: a heap by time, ties by task ----------------------------------------------------------- */

static bool is_earlier(const struct event *a, const struct event *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->task < b->task);
}

static void push(struct disk_sim *s, struct task *t, enum task_event event, uint64_t at_ns)
{
	const struct event e = { at_ns, (uint32_t)(t - s->tasks) };
	uint32_t at = s->heap_count++;

	t->event = event;
	while (at > 0 && is_earlier(&e, &s->heap[(at - 1) / 2])) {
		s->heap[at] = s->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	s->heap[at] = e;
}

static struct task *pop(struct disk_sim *s)
{
	struct task *const t = &s->tasks[s->heap[0].task];
	const struct event last = s->heap[--s->heap_count];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < s->heap_count) {
		child += child + 1 < s->heap_count &&
			 is_earlier(&s->heap[child + 1], &s->heap[child]);
		if (!is_earlier(&s->heap[child], &last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
	return t;
}

/* --- a task ----------------------------------------------------------------------------------------- */

/* By a second / iops: what is not a whole nanosecond adds up. */
static void advance(struct task *t)
{
	t->due_ns += t->period_ns;
	t->due_rest += t->period_rest;
	if (t->due_rest >= t->iops) {
		t->due_rest -= t->iops;
		t->due_ns++;
	}
}

/* Its next request, as soon as it is due, unless the phase is over by then. */
static void send_next(struct disk_sim *s, struct task *t, uint64_t ready_ns)
{
	const uint64_t bits = sim_random_u64(&t->random);

	t->sent_ns = max_u64(t->due_ns, ready_ns);
	if (t->sent_ns >= s->end_ns)
		return;
	advance(t);
	t->r.op = bits >> 63 ? BLOCK_WRITE : BLOCK_READ;
	t->r.sector = t->guest * GUEST_SECTORS +
		      ((bits & UINT32_MAX) * t->places >> 32) * t->r.sector_count;
	push(s, t, TASK_ARRIVES, t->sent_ns + s->config.send_ns);
}

static void is_done(struct disk_sim *s, struct task *t)
{
	const uint64_t known_ns = s->now_ns + s->config.return_ns;

	iosched_done(&s->sched, &t->r, s->now_ns);
	t->samples[t->count++] = known_ns - t->sent_ns;
	send_next(s, t, known_ns);
}

/* --- time passes ------------------------------------------------------------------------------------ */

static void pump(struct disk_sim *s)
{
	struct block_request *r;

	while ((r = iosched_next(&s->sched, s->now_ns, &s->again_ns)) != NULL) {
		struct task *t = (struct task *)((uint8_t *)r - offsetof(struct task, r));

		push(s, t, TASK_IS_DONE,
		     service_time_submit(&s->time, r->op, r->is_fua, block_bytes(r), s->now_ns));
	}
}

static void run(struct disk_sim *s)
{
	while (s->heap_count > 0 || s->again_ns != TSC_NEVER) {
		if (s->heap_count > 0 && s->heap[0].at_ns <= s->again_ns) {
			struct task *t;

			s->now_ns = s->heap[0].at_ns;
			t = pop(s);
			if (t->event == TASK_ARRIVES)
				iosched_add(&s->sched, &t->r, s->now_ns);
			else
				is_done(s, t);
		} else {
			s->now_ns = s->again_ns;
		}
		pump(s);
	}
}

/* --- a phase ---------------------------------------------------------------------------------------- */

static bool is_load(const struct disk_sim *s, const struct disk_load *load)
{
	if (load->guest_count == 0 || load->guest_count > s->sched.config.client_count ||
	    load->request_bytes == 0 || load->request_bytes % BLOCK_SECTOR_BYTES != 0)
		return false;
	for (uint32_t g = 0; g < load->guest_count; g++) {
		if (load->guests[g].task_count == 0 ||
		    load->guests[g].task_count > s->clients[g].queue_count)
			return false;
		for (uint32_t t = 0; t < load->guests[g].task_count; t++) {
			if (load->guests[g].tasks[t].iops == 0)
				return false;
		}
	}
	return true;
}

static enum err take_sched(struct disk_sim *s, const struct iosched_config *sched)
{
	struct iosched_config mine = *sched;
	enum err e;

	if (sched->client_count > IOSCHED_CLIENT_MAX)
		return ERR_INVAL;
	memcpy(s->clients, sched->clients, sched->client_count * sizeof(*s->clients));
	mine.clients = s->clients;
	mine.tsc_hz = SEC(1);
	e = iosched_init(&s->sched, &mine);
	s->has_sched = e == OK;
	return e;
}

static void add_task(struct disk_sim *s, const struct disk_load *load, uint32_t guest,
		     uint32_t index)
{
	const uint64_t stream =
		((uint64_t)s->phase_count << 16) + guest * IOSCHED_QUEUE_MAX + index;
	struct task *const t = &s->tasks[s->task_count++];

	const uint64_t iops = load->guests[guest].tasks[index].iops;

	*t = (struct task){ .iops = iops,
			    .period_ns = SEC(1) / iops,
			    .period_rest = SEC(1) % iops,
			    .guest = guest,
			    .index = index,
			    .random = sim_random_stream(s->config.seed, stream) };
	t->r.client = (uint16_t)guest;
	t->r.queue = (uint16_t)index;
	t->r.sector_count = load->request_bytes / BLOCK_SECTOR_BYTES;
	t->places = GUEST_SECTORS / t->r.sector_count;
	t->due_ns = s->now_ns + sim_random_below(&t->random, t->period_ns + 1);
}

/* What a task may send in the phase, and one that its rounding may add. */
static size_t sample_limit(const struct task *t, uint64_t duration_ns)
{
	return (size_t)mul_div(duration_ns, t->iops, SEC(1)) + 2;
}

static enum err begin(struct disk_sim *s, const struct disk_load *load, uint64_t duration_ns)
{
	size_t count = 0;

	s->task_count = 0;
	for (uint32_t g = 0; g < load->guest_count; g++) {
		for (uint32_t t = 0; t < load->guests[g].task_count; t++)
			add_task(s, load, g, t);
	}
	for (uint32_t i = 0; i < s->task_count; i++)
		count += sample_limit(&s->tasks[i], duration_ns);
	free(s->samples);
	s->samples = malloc(count * sizeof(*s->samples));
	if (!s->samples)
		return ERR_NOMEM;
	count = 0;
	for (uint32_t i = 0; i < s->task_count; i++) {
		s->tasks[i].samples = s->samples + count;
		count += sample_limit(&s->tasks[i], duration_ns);
	}
	return OK;
}

static void tell(const struct task *t, struct condition_task *result)
{
	size_t at[3] = { 0 };
	uint64_t values[3];
	const uint32_t ppm[3] = { 500000, 990000, 999900 };

	*result = (struct condition_task){ .requests = t->count };
	if (t->count == 0)
		return;
	for (uint32_t i = 0; i < 3; i++) {
		at[i] = quantile_index(t->count, ppm[i]);
		values[i] = quantile_select(t->samples, i > 0 ? at[i - 1] : 0, t->count, at[i]);
	}
	result->p50_ns = values[0];
	result->p99_ns = values[1];
	result->p9999_ns = values[2];
	result->max_ns = quantile_select(t->samples, at[2], t->count, t->count - 1);
}

enum err disk_sim_phase(struct disk_sim *s, const struct disk_load *load,
			const struct iosched_config *sched, uint64_t duration_ns,
			struct condition_result *result)
{
	enum err e = sched ? take_sched(s, sched) : OK;

	if (e == OK && (!s->has_sched || duration_ns == 0 || !is_load(s, load)))
		e = ERR_INVAL;
	if (e == OK)
		e = begin(s, load, duration_ns);
	if (e != OK)
		return e;
	s->phase_count++;
	s->end_ns = s->now_ns + duration_ns;
	s->again_ns = TSC_NEVER;
	for (uint32_t i = 0; i < s->task_count; i++)
		send_next(s, &s->tasks[i], 0);
	run(s);
	s->now_ns = max_u64(s->now_ns, s->end_ns);
	for (uint32_t i = 0; i < s->task_count; i++)
		tell(&s->tasks[i], &result->tasks[s->tasks[i].guest][s->tasks[i].index]);
	return OK;
}

const uint64_t *disk_sim_samples(const struct disk_sim *s, uint32_t guest, uint32_t task,
				 size_t *count)
{
	for (uint32_t i = 0; i < s->task_count; i++) {
		if (s->tasks[i].guest == guest && s->tasks[i].index == task) {
			*count = s->tasks[i].count;
			return s->tasks[i].samples;
		}
	}
	*count = 0;
	return NULL;
}

struct disk_sim *disk_sim_new(const struct disk_sim_config *config)
{
	struct sim_random random = sim_random_stream(config->seed, DEVICE_STREAM);
	struct disk_sim *const s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *config;
	s->now_ns = BEGIN_NS;
	s->time_config = *config->time;
	s->time_config.seed = sim_random_u64(&random);
	if (service_time_init(&s->time, &s->time_config, SEC(1), s->now_ns) != OK) {
		free(s);
		return NULL;
	}
	s->now_ns += config->lead_ns;
	return s;
}

void disk_sim_free(struct disk_sim *s)
{
	free(s->samples);
	free(s);
}

struct iosched_config disk_sim_bfq(const struct disk_load *load, uint32_t depth,
				   struct iosched_client_config *clients)
{
	for (uint32_t g = 0; g < load->guest_count; g++) {
		const struct disk_load_guest *guest = &load->guests[g];

		clients[g] = (struct iosched_client_config){ .weight = guest->weight,
							     .queue_count = guest->task_count };
		for (uint32_t t = 0; t < guest->task_count; t++)
			clients[g].queue_weights[t] = guest->tasks[t].weight;
	}
	return (struct iosched_config){
		.kind = IOSCHED_BFQ,
		.client_count = load->guest_count,
		.clients = clients,
		.depth = depth,
		.slice_idle_tsc = load->slice_idle_ns,
		.timeout_tsc = load->timeout_ns,
		.max_budget_bytes = load->max_budget_bytes,
		.is_strict = true,
	};
}
