/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/lqn/simulate.c - a layered queueing network, played: tools/lqn/model.h. Nothing of it is shared with solve.c.
 *
 * A job is a customer, or a request from outside. It has a stack of the entries that it is in: each waits for the
 * one above it. Requests that find no room or no token are lost if they come from outside; customers wait.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tools/lqn/model.h"
#include "tools/sim/sim_random.h"

#define FRAMES_MAX LQN_TASKS_MAX
#define TINY       1e-12 /* s; what is left of rounding */

enum kind { ARRIVAL, BEGIN, ENTER, SERVED, SLICE, REPLENISH };

struct event {
	double time;
	uint64_t number; /* of those of the same time the first comes first */
	enum kind kind;
	uint32_t who, what;
};

struct frame {
	uint32_t entry, call;
	uint32_t again; /* how often more the call is made */
	bool wakes;
};

#define NOBODY LQN_NONE /* the source of a job that is only a task going to sleep */

struct job {
	uint32_t source, depth, next;
	double begin, left; /* of its service, where it can be interrupted */
	struct frame frames[FRAMES_MAX];
};

struct queue {
	uint32_t first, last;
};

struct task_state {
	uint32_t inside, busy;
	struct queue waiting;
};

struct processor_state {
	uint32_t busy;
	struct queue queues[LQN_TASKS_MAX]; /* [0] only, but by weights */
	double virtual_time, finish[LQN_TASKS_MAX];
	double budget, deadline; /* of a group */
	bool is_throttled;
	uint32_t running; /* of a host: the group; LQN_NONE: idle */
	double since;
	uint32_t slice; /* what does not count any more has another number */
};

struct play {
	const struct lqn *m;
	struct sim_random random;
	struct event *heap;
	uint32_t heap_count, heap_room;
	uint64_t event_number;
	struct job *jobs;
	uint32_t job_count, job_room, free_job;
	struct task_state tasks[LQN_TASKS_MAX];
	struct processor_state processors[LQN_PROCESSORS_MAX];
	double tokens[LQN_ENTRIES_MAX], tokens_at[LQN_ENTRIES_MAX];
	double now, from, to, busy[LQN_PROCESSORS_MAX];
	uint64_t done[LQN_ENTRIES_MAX], lost[LQN_ENTRIES_MAX];
	double responses[LQN_ENTRIES_MAX];
};

static void *grow(void *at, uint32_t *room, size_t bytes)
{
	*room = *room ? *room * 2 : 256;
	at = realloc(at, *room * bytes);
	if (!at)
		abort();
	return at;
}

/* --- events ------------------------------------------------------------------------------------- */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->time < b->time || (a->time == b->time && a->number < b->number);
}

static void add_event(struct play *s, double time, enum kind kind, uint32_t who, uint32_t what)
{
	const struct event e = { time, s->event_number++, kind, who, what };
	uint32_t at = s->heap_count++;

	if (at == s->heap_room)
		s->heap = grow(s->heap, &s->heap_room, sizeof(*s->heap));
	for (; at && is_before(&e, &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[at] = e;
}

static struct event take_event(struct play *s)
{
	const struct event first = s->heap[0], last = s->heap[--s->heap_count];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= s->heap_count)
			break;
		if (child + 1 < s->heap_count && is_before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!is_before(&s->heap[child], &last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
	return first;
}

/* --- queues, times ------------------------------------------------------------------------------- */

static void append(struct play *s, struct queue *q, uint32_t job)
{
	s->jobs[job].next = LQN_NONE;
	if (q->first == LQN_NONE)
		q->first = job;
	else
		s->jobs[q->last].next = job;
	q->last = job;
}

static uint32_t take_first(struct play *s, struct queue *q)
{
	const uint32_t job = q->first;

	q->first = s->jobs[job].next;
	return job;
}

static double uniform(struct play *s)
{
	return ((double)(sim_random_u64(&s->random) >> 11) + 0.5) * 0x1p-53;
}

/* Of that mean; between the same and exponential, a sum of exponential ones. */
static double draw(struct play *s, double mean, double cv2)
{
	const uint32_t stages = cv2 > 0 ? (uint32_t)(1 / cv2 + 0.5) : 0;
	double sum = 0;

	for (uint32_t i = 0; i < stages; i++)
		sum -= log(uniform(s));
	return stages ? mean * sum / stages : mean;
}

static void note_busy(struct play *s, uint32_t processor, double begin, double end)
{
	begin = fmax(begin, s->from);
	end = fmin(end, s->to);
	if (end > begin)
		s->busy[processor] += end - begin;
}

static uint32_t new_job(struct play *s, uint32_t source)
{
	uint32_t job = s->free_job;

	if (job != LQN_NONE)
		s->free_job = s->jobs[job].next;
	else if ((job = s->job_count++) == s->job_room)
		s->jobs = grow(s->jobs, &s->job_room, sizeof(*s->jobs));
	s->jobs[job].source = source;
	s->jobs[job].depth = 0;
	return job;
}

/* --- processors ---------------------------------------------------------------------------------- */

static struct frame *top(struct play *s, uint32_t job)
{
	return &s->jobs[job].frames[s->jobs[job].depth - 1];
}

static double service_time(struct play *s, uint32_t job)
{
	const struct frame *f = top(s, job);
	const struct lqn_entry *e = &s->m->entries[f->entry];

	if (s->jobs[job].source == NOBODY)
		return e->sleep;
	return draw(s, e->demand, e->cv2) + (f->wakes ? e->wake : 0);
}

static void serve(struct play *s, uint32_t processor, uint32_t job)
{
	const double time = service_time(s, job);

	s->processors[processor].busy++;
	note_busy(s, processor, s->now, s->now + time);
	add_event(s, s->now + time, SERVED, job, processor);
}

/* Start-time fair queueing: the task whose turn begins first in virtual time. */
static bool serve_by_weight(struct play *s, uint32_t processor)
{
	struct processor_state *p = &s->processors[processor];
	uint32_t best = LQN_NONE;
	double best_start = 0;

	for (uint32_t i = 0; i < s->m->task_count; i++) {
		const double start = fmax(p->finish[i], p->virtual_time);

		if (p->queues[i].first != LQN_NONE && (best == LQN_NONE || start < best_start)) {
			best = i;
			best_start = start;
		}
	}
	if (best == LQN_NONE)
		return false;
	const uint32_t job = take_first(s, &p->queues[best]);
	const struct lqn_entry *e = &s->m->entries[top(s, job)->entry];

	p->virtual_time = best_start;
	p->finish[best] = best_start + e->demand / s->m->tasks[best].weight;
	serve(s, processor, job);
	return true;
}

static void serve_waiting(struct play *s, uint32_t processor)
{
	const struct lqn_processor *q = &s->m->processors[processor];
	struct processor_state *p = &s->processors[processor];

	while (p->busy < q->servers) {
		if (q->scheduling == LQN_BY_WEIGHT) {
			if (!serve_by_weight(s, processor))
				return;
		} else if (p->queues[0].first != LQN_NONE) {
			serve(s, processor, take_first(s, &p->queues[0]));
		} else {
			return;
		}
	}
}

/* --- groups: hard reservations, earliest deadline first -------------------------------------------- */

static void settle(struct play *s, uint32_t host)
{
	struct processor_state *h = &s->processors[host], *g;
	const double time = s->now - h->since;

	if (h->running == LQN_NONE)
		return;
	g = &s->processors[h->running];
	g->budget -= time;
	s->jobs[g->queues[0].first].left -= time;
	note_busy(s, h->running, h->since, s->now);
	note_busy(s, host, h->since, s->now);
	h->since = s->now;
}

static void dispatch(struct play *s, uint32_t host)
{
	struct processor_state *h = &s->processors[host];

	h->running = LQN_NONE;
	h->slice++;
	for (uint32_t i = 0; i < s->m->processor_count; i++) {
		const struct processor_state *g = &s->processors[i];

		if (s->m->processors[i].host == host && g->queues[0].first != LQN_NONE &&
		    !g->is_throttled &&
		    (h->running == LQN_NONE || g->deadline < s->processors[h->running].deadline))
			h->running = i;
	}
	if (h->running == LQN_NONE)
		return;
	h->since = s->now;
	add_event(s,
		  s->now + fmax(0, fmin(s->processors[h->running].budget,
					s->jobs[s->processors[h->running].queues[0].first].left)),
		  SLICE, host, h->slice);
}

/* Hard CBS: who wakes keeps budget and deadline only if that is not more than its share. */
static void enqueue_in_group(struct play *s, uint32_t processor, uint32_t job)
{
	const struct lqn_processor *q = &s->m->processors[processor];
	struct processor_state *g = &s->processors[processor];
	const bool was_idle = g->queues[0].first == LQN_NONE;

	settle(s, q->host);
	s->jobs[job].left = service_time(s, job);
	append(s, &g->queues[0], job);
	if (was_idle && !g->is_throttled &&
	    (s->now >= g->deadline || g->budget > (g->deadline - s->now) * q->budget / q->period)) {
		g->deadline = s->now + q->period;
		g->budget = q->budget;
	}
	dispatch(s, q->host);
}

static void replenish(struct play *s, uint32_t processor)
{
	const struct lqn_processor *q = &s->m->processors[processor];
	struct processor_state *g = &s->processors[processor];

	settle(s, q->host);
	g->is_throttled = false;
	g->budget = q->budget;
	g->deadline += q->period;
	dispatch(s, q->host);
}

static void go_on(struct play *s, uint32_t job);

static void end_slice(struct play *s, uint32_t host)
{
	struct processor_state *h = &s->processors[host], *g = &s->processors[h->running];
	uint32_t job = LQN_NONE;

	settle(s, host);
	if (s->jobs[g->queues[0].first].left <= TINY)
		job = take_first(s, &g->queues[0]);
	if (g->budget <= TINY) {
		g->is_throttled = true;
		add_event(s, fmax(g->deadline, s->now), REPLENISH, h->running, 0);
	}
	dispatch(s, host);
	if (job != LQN_NONE)
		go_on(s, job);
}

/* --- the way of a job ------------------------------------------------------------------------------ */

static void ask_processor(struct play *s, uint32_t job)
{
	const uint32_t task = s->m->entries[top(s, job)->entry].task;
	const uint32_t processor = s->m->tasks[task].processor;
	const struct lqn_processor *q = &s->m->processors[processor];

	if (q->host != LQN_NONE) {
		enqueue_in_group(s, processor, job);
	} else if (q->scheduling == LQN_DELAY) {
		serve(s, processor, job);
	} else {
		append(s,
		       &s->processors[processor].queues[q->scheduling == LQN_BY_WEIGHT ? task : 0],
		       job);
		serve_waiting(s, processor);
	}
}

static void fall_asleep(struct play *s, uint32_t entry)
{
	const uint32_t job = new_job(s, NOBODY);

	s->jobs[job].frames[s->jobs[job].depth++] = (struct frame){ .entry = entry };
	ask_processor(s, job);
}

static void leave_task(struct play *s, uint32_t entry)
{
	struct task_state *t = &s->tasks[s->m->entries[entry].task];

	t->inside--;
	t->busy--;
	if (!t->inside && s->m->entries[entry].sleep > 0)
		fall_asleep(s, entry);
	if (t->waiting.first != LQN_NONE) {
		t->busy++;
		ask_processor(s, take_first(s, &t->waiting));
	}
}

static void enter_task(struct play *s, uint32_t job)
{
	struct frame *f = top(s, job);
	const uint32_t task = s->m->entries[f->entry].task;
	struct task_state *t = &s->tasks[task];

	f->wakes = t->inside++ == 0;
	if (t->busy < s->m->tasks[task].threads) {
		t->busy++;
		ask_processor(s, job);
	} else {
		append(s, &t->waiting, job);
	}
}

static void forget(struct play *s, uint32_t job)
{
	s->jobs[job].next = s->free_job;
	s->free_job = job;
}

static void lose(struct play *s, uint32_t job)
{
	s->lost[s->jobs[job].source] += s->now >= s->from;
	while (--s->jobs[job].depth)
		leave_task(s, top(s, job)->entry);
	forget(s, job);
}

/* How long it has to wait for a token; negative: it is refused. */
static double wait_for_token(struct play *s, uint32_t entry, bool may_wait)
{
	const struct lqn_entry *e = &s->m->entries[entry];
	double *tokens = &s->tokens[entry];

	*tokens = fmin(e->burst, *tokens + (s->now - s->tokens_at[entry]) * e->limit);
	s->tokens_at[entry] = s->now;
	if (*tokens < 1 - TINY && !may_wait)
		return -1;
	*tokens -= 1;
	return *tokens < 0 ? -*tokens / e->limit : 0;
}

static void ask(struct play *s, uint32_t job, uint32_t entry)
{
	struct job *j = &s->jobs[job];
	const struct lqn_entry *e = &s->m->entries[entry];
	const struct lqn_task *t = &s->m->tasks[e->task];
	const bool is_customer = s->m->tasks[s->m->entries[j->source].task].is_reference;
	const double wait = e->limit > 0 ? wait_for_token(s, entry, is_customer) : 0;

	j->frames[j->depth++] = (struct frame){ .entry = entry };
	if (wait < 0 || (!is_customer && t->room && s->tasks[e->task].inside >= t->room))
		lose(s, job);
	else if (wait > 0)
		add_event(s, s->now + wait, ENTER, job, 0);
	else
		enter_task(s, job);
}

static void end_cycle(struct play *s, uint32_t job)
{
	struct job *j = &s->jobs[job];
	const struct lqn_entry *e = &s->m->entries[j->source];

	if (s->now >= s->from) {
		s->done[j->source]++;
		s->responses[j->source] += s->now - j->begin;
	}
	if (s->m->tasks[e->task].is_reference) {
		add_event(s, s->now + draw(s, e->think, e->cv2), BEGIN, job, 0);
		return;
	}
	forget(s, job);
}

/* The entry on top has been served, or one that it called has answered. */
static void go_on(struct play *s, uint32_t job)
{
	if (s->jobs[job].source == NOBODY) {
		forget(s, job);
		return;
	}
	while (s->jobs[job].depth) {
		struct frame *f = top(s, job);
		const uint32_t entry = f->entry;
		const struct lqn_entry *e = &s->m->entries[entry];

		for (; !f->again && f->call < e->call_count; f->call++) {
			const double count = e->calls[f->call].count;

			f->again = (uint32_t)count + (uniform(s) < count - floor(count));
		}
		if (f->again) {
			f->again--;
			ask(s, job, e->calls[f->call - 1].to);
			return;
		}
		s->jobs[job].depth--;
		leave_task(s, entry);
	}
	end_cycle(s, job);
}

static void begin(struct play *s, uint32_t job)
{
	s->jobs[job].begin = s->now;
	s->jobs[job].depth = 0;
	ask(s, job, s->jobs[job].source);
}

static void arrive(struct play *s, uint32_t source)
{
	const struct lqn_entry *e = &s->m->entries[source];

	add_event(s, s->now + draw(s, 1 / e->arrivals, e->arrivals_cv2), ARRIVAL, source, 0);
	begin(s, new_job(s, source));
}

static void handle(struct play *s, const struct event *e)
{
	switch (e->kind) {
	case ARRIVAL:
		arrive(s, e->who);
		break;
	case BEGIN:
		begin(s, e->who);
		break;
	case ENTER:
		enter_task(s, e->who);
		break;
	case SERVED:
		s->processors[e->what].busy--;
		if (s->m->processors[e->what].scheduling != LQN_DELAY)
			serve_waiting(s, e->what);
		go_on(s, e->who);
		break;
	case SLICE:
		if (s->processors[e->who].slice == e->what)
			end_slice(s, e->who);
		break;
	case REPLENISH:
		replenish(s, e->who);
		break;
	}
}

/* --- from the beginning to the end ---------------------------------------------------------------- */

static void set_up(struct play *s)
{
	const struct lqn *m = s->m;

	s->free_job = LQN_NONE;
	for (uint32_t i = 0; i < LQN_TASKS_MAX; i++)
		s->tasks[i].waiting.first = LQN_NONE;
	for (uint32_t i = 0; i < LQN_PROCESSORS_MAX; i++) {
		s->processors[i].running = LQN_NONE;
		for (uint32_t k = 0; k < LQN_TASKS_MAX; k++)
			s->processors[i].queues[k].first = LQN_NONE;
	}
	for (uint32_t i = 0; i < m->entry_count; i++) {
		const struct lqn_entry *e = &m->entries[i];

		s->tokens[i] = e->burst;
		if (e->arrivals > 0)
			add_event(s, draw(s, 1 / e->arrivals, e->arrivals_cv2), ARRIVAL, i, 0);
		for (uint32_t n = 0;
		     m->tasks[e->task].is_reference && n < m->tasks[e->task].threads; n++)
			add_event(s, draw(s, e->think, e->cv2), BEGIN, new_job(s, i), 0);
	}
}

static void tell(const struct play *s, struct lqn_result *out)
{
	const double seconds = s->to - s->from;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < s->m->entry_count; i++)
		out->flows[i] = (struct lqn_flow){
			.throughput = (double)s->done[i] / seconds,
			.lost = (double)s->lost[i] / seconds,
			.response = s->done[i] ? s->responses[i] / (double)s->done[i] : NAN,
		};
	for (uint32_t i = 0; i < s->m->processor_count; i++)
		out->utilization[i] = s->busy[i] / seconds;
}

void lqn_simulate(const struct lqn *model, double warm_up, double seconds, uint64_t seed,
		  struct lqn_result *out)
{
	struct play *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->m = model;
	s->random = sim_random_stream(seed, 0);
	s->from = warm_up;
	s->to = warm_up + seconds;
	set_up(s);
	while (s->heap_count && s->heap[0].time < s->to) {
		const struct event e = take_event(s);

		s->now = e.time;
		handle(s, &e);
	}
	tell(s, out);
	free(s->heap);
	free(s->jobs);
	free(s);
}
