/* SPDX-License-Identifier: Apache-2.0 */
/* tools/lqn/parse.c - the text of a layered queueing network: tools/lqn/model.h. docs/queueing.md has the notation. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tools/lqn/model.h"

#define WORDS_MAX  32u
#define LINE_BYTES 512u

struct parser {
	struct lqn *model;
	char *words[WORDS_MAX];
	uint32_t count, line;
	char *reason;
	size_t reason_bytes;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct parser *p, const char *format, ...)
{
	char what[160];
	va_list list;

	va_start(list, format);
	vsnprintf(what, sizeof(what), format, list);
	va_end(list);
	snprintf(p->reason, p->reason_bytes, "line %u: %s", p->line, what);
	return false;
}

/* The order of the three arrays' names is the order of definition: few, so they are looked through. */
static uint32_t find(const char *first, size_t stride, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(first + i * stride, name) == 0)
			return i;
	return LQN_NONE;
}

static uint32_t find_processor(const struct lqn *m, const char *name)
{
	return find(m->processors[0].name, sizeof(m->processors[0]), m->processor_count, name);
}

static uint32_t find_entry(const struct lqn *m, const char *name)
{
	return find(m->entries[0].name, sizeof(m->entries[0]), m->entry_count, name);
}

static bool number(struct parser *p, uint32_t word, double least, double *to)
{
	char *end;

	if (word >= p->count)
		return refuse(p, "a number is missing");
	*to = strtod(p->words[word], &end);
	if (*end || !(*to >= least) || *to > 1e15)
		return refuse(p, "'%s' is no number of at least %g", p->words[word], least);
	return true;
}

static bool whole(struct parser *p, uint32_t word, uint32_t *to)
{
	double value;

	if (!number(p, word, 1, &value))
		return false;
	if (value > 1e6 || value != (double)(uint32_t)value)
		return refuse(p, "'%s' is no whole number up to 1000000", p->words[word]);
	*to = (uint32_t)value;
	return true;
}

static bool new_name(struct parser *p, char *to, bool exists, bool has_room)
{
	if (exists)
		return refuse(p, "'%s' is there already", p->words[1]);
	if (!has_room)
		return refuse(p, "too many of that kind");
	snprintf(to, LQN_NAME_BYTES, "%s", p->words[1]);
	return strlen(p->words[1]) < LQN_NAME_BYTES || refuse(p, "'%s' is too long", p->words[1]);
}

static struct lqn_processor *new_processor(struct parser *p)
{
	struct lqn *m = p->model;
	struct lqn_processor *q = &m->processors[m->processor_count];

	if (!new_name(p,
		      m->processor_count < LQN_PROCESSORS_MAX ? q->name
							      : (char[LQN_NAME_BYTES]){ 0 },
		      find_processor(m, p->words[1]) != LQN_NONE,
		      m->processor_count < LQN_PROCESSORS_MAX))
		return NULL;
	q->servers = 1;
	q->host = LQN_NONE;
	return q;
}

/* p NAME f|w|i [m SERVERS] */
static bool parse_processor(struct parser *p)
{
	struct lqn_processor *q = p->count >= 3 ? new_processor(p) : NULL;
	const char *kind = p->count >= 3 ? p->words[2] : "";

	if (!q)
		return p->count >= 3 ? false : refuse(p, "p NAME f|w|i [m SERVERS]");
	if (strcmp(kind, "f") != 0 && strcmp(kind, "w") != 0 && strcmp(kind, "i") != 0)
		return refuse(p, "'%s' is no scheduling: f (in order), w (by weights), i (a delay)",
			      kind);
	q->scheduling = kind[0] == 'f' ? LQN_IN_ORDER : kind[0] == 'w' ? LQN_BY_WEIGHT : LQN_DELAY;
	if (p->count > 3 && (strcmp(p->words[3], "m") != 0 || !whole(p, 4, &q->servers)))
		return refuse(p, "p NAME f|w|i [m SERVERS]");
	p->model->processor_count++;
	return true;
}

/* g NAME BUDGET PERIOD PROCESSOR */
static bool parse_group(struct parser *p)
{
	struct lqn_processor *q = p->count == 5 ? new_processor(p) : NULL;

	if (!q)
		return p->count == 5 ? false : refuse(p, "g NAME BUDGET PERIOD PROCESSOR");
	if (!number(p, 2, 1e-9, &q->budget) || !number(p, 3, 1e-9, &q->period))
		return false;
	q->host = find_processor(p->model, p->words[4]);
	if (q->host == LQN_NONE || p->model->processors[q->host].host != LQN_NONE ||
	    p->model->processors[q->host].servers != 1)
		return refuse(p, "'%s' is no processor with one server", p->words[4]);
	if (q->budget > q->period)
		return refuse(p, "a budget is at most its period");
	p->model->processor_count++;
	return true;
}

static bool parse_task_options(struct parser *p, struct lqn_task *t, uint32_t word)
{
	for (; word + 1 < p->count; word += 2) {
		const char *what = p->words[word];
		bool is_good;

		if (strcmp(what, "m") == 0)
			is_good = whole(p, word + 1, &t->threads);
		else if (strcmp(what, "q") == 0)
			is_good = whole(p, word + 1, &t->room);
		else if (strcmp(what, "w") == 0)
			is_good = number(p, word + 1, 1e-6, &t->weight);
		else
			return refuse(p, "'%s': m THREADS, q ROOM or w WEIGHT", what);
		if (!is_good)
			return false;
	}
	return word == p->count || refuse(p, "'%s' has no value", p->words[word]);
}

/* t NAME r|n|i ENTRY.. -1 PROCESSOR [m N] [q N] [w X] */
static bool parse_task(struct parser *p)
{
	struct lqn *m = p->model;
	struct lqn_task *t = &m->tasks[m->task_count];
	uint32_t word = 3;

	if (p->count < 6 || strspn(p->words[2], "rni") != 1 || p->words[2][1])
		return refuse(p, "t NAME r|n|i ENTRY.. -1 PROCESSOR [m N] [q N] [w X]");
	if (!new_name(p, m->task_count < LQN_TASKS_MAX ? t->name : (char[LQN_NAME_BYTES]){ 0 },
		      find(m->tasks[0].name, sizeof(m->tasks[0]), m->task_count, p->words[1]) !=
			      LQN_NONE,
		      m->task_count < LQN_TASKS_MAX))
		return false;
	t->is_reference = p->words[2][0] == 'r';
	t->threads = p->words[2][0] == 'i' ? LQN_ENDLESS : 1;
	t->weight = 1;
	for (; word < p->count && strcmp(p->words[word], "-1") != 0; word++) {
		struct lqn_entry *e = &m->entries[m->entry_count];

		if (m->entry_count == LQN_ENTRIES_MAX ||
		    find_entry(m, p->words[word]) != LQN_NONE ||
		    strlen(p->words[word]) >= LQN_NAME_BYTES)
			return refuse(p, "entry '%s': too many, too long, or there already",
				      p->words[word]);
		snprintf(e->name, sizeof(e->name), "%s", p->words[word]);
		e->task = m->task_count;
		e->cv2 = e->arrivals_cv2 = 1;
		m->entry_count++;
	}
	if (word == 3 || word + 1 >= p->count || (t->is_reference && word != 4))
		return refuse(p, "entries, one of a reference task, then -1 and a processor");
	t->processor = find_processor(m, p->words[word + 1]);
	if (t->processor == LQN_NONE)
		return refuse(p, "there is no processor '%s'", p->words[word + 1]);
	m->task_count++;
	return parse_task_options(p, t, word + 2);
}

/* y FROM TO COUNT -1 */
static bool parse_call(struct parser *p, struct lqn_entry *e)
{
	const uint32_t to = p->count > 2 ? find_entry(p->model, p->words[2]) : LQN_NONE;
	double count;

	if (to == LQN_NONE)
		return refuse(p, "y FROM TO COUNT: there is no such entry");
	if (!number(p, 3, 1e-9, &count))
		return false;
	if (e->call_count == LQN_CALLS_MAX)
		return refuse(p, "'%s' calls too many", e->name);
	/* No cycles: a call leads to a task that is written later. */
	if (p->model->entries[to].task <= e->task ||
	    p->model->tasks[p->model->entries[to].task].is_reference)
		return refuse(p, "'%s' may only call entries of tasks that come later", e->name);
	e->calls[e->call_count++] = (struct lqn_call){ to, count };
	return true;
}

static bool parse_arrivals(struct parser *p, struct lqn_entry *e)
{
	if (p->model->tasks[e->task].is_reference)
		return refuse(p, "a reference task is asked by nobody");
	return number(p, 2, 1e-9, &e->arrivals) &&
	       (p->count < 4 || strcmp(p->words[3], "-1") == 0 ||
		number(p, 3, 0, &e->arrivals_cv2));
}

static bool parse_entry_line(struct parser *p)
{
	const uint32_t index = p->count > 2 ? find_entry(p->model, p->words[1]) : LQN_NONE;
	struct lqn_entry *e = &p->model->entries[index == LQN_NONE ? 0 : index];

	if (index == LQN_NONE)
		return refuse(p, "%s: there is no such entry", p->words[0]);
	switch (p->words[0][0]) {
	case 's':
		return number(p, 2, 0, &e->demand);
	case 'c':
		return number(p, 2, 0, &e->cv2) && (e->cv2 <= 1 || refuse(p, "cv2 is 0 to 1"));
	case 'Z':
		return number(p, 2, 0, &e->think);
	case 'w':
		return number(p, 2, 0, &e->wake) &&
		       (p->count < 4 || strcmp(p->words[3], "-1") == 0 ||
			number(p, 3, 0, &e->sleep));
	case 'l':
		return number(p, 2, 1e-9, &e->limit) && number(p, 3, 1, &e->burst);
	case 'a':
		return parse_arrivals(p, e);
	default:
		return parse_call(p, e);
	}
}

static bool parse_line(struct parser *p, char *line)
{
	char *save = NULL;

	p->count = 0;
	line[strcspn(line, "#")] = 0;
	for (char *w = strtok_r(line, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
		if (p->count == WORDS_MAX)
			return refuse(p, "too many words");
		p->words[p->count++] = w;
	}
	/* G, P, T and E begin sections, -1 ends them: they say nothing that the lines do not. */
	if (p->count == 0 || strcmp(p->words[0], "-1") == 0 || strchr("GPTE", p->words[0][0]))
		return true;
	if (strlen(p->words[0]) != 1 || !strchr("pgtscZwlay", p->words[0][0]))
		return refuse(p, "'%s' begins no line", p->words[0]);
	switch (p->words[0][0]) {
	case 'p':
		return parse_processor(p);
	case 'g':
		return parse_group(p);
	case 't':
		return parse_task(p);
	default:
		return parse_entry_line(p);
	}
}

bool lqn_is_source(const struct lqn *model, uint32_t entry)
{
	const struct lqn_entry *e = &model->entries[entry];

	return model->tasks[e->task].is_reference || e->arrivals > 0;
}

bool lqn_is_layer(const struct lqn *model, uint32_t task)
{
	const struct lqn_task *t = &model->tasks[task];

	if (t->is_reference || t->threads == LQN_ENDLESS)
		return false;
	for (uint32_t i = 0; i < model->entry_count; i++)
		if (model->entries[i].task == task && model->entries[i].call_count)
			return true;
	return false;
}

double lqn_capacity(const struct lqn_processor *p)
{
	return p->host == LQN_NONE ? (double)p->servers : p->budget / p->period;
}

static bool check(struct parser *p)
{
	const struct lqn *m = p->model;
	bool has_source = false;

	for (uint32_t i = 0; i < m->entry_count; i++)
		has_source = has_source || lqn_is_source(m, i);
	if (!has_source)
		return refuse(p, "nobody asks: there is neither a reference task nor an arrival");
	for (uint32_t i = 0; i < m->processor_count; i++)
		for (uint32_t j = 0; j < m->task_count; j++)
			if (m->processors[i].host == m->tasks[j].processor)
				return refuse(
					p,
					"processor '%s' is reserved in parts: task '%s' needs one",
					m->processors[m->processors[i].host].name,
					m->tasks[j].name);
	return true;
}

bool lqn_parse(struct lqn *model, const char *text, char *reason, size_t reason_bytes)
{
	struct parser p = { .model = model, .reason = reason, .reason_bytes = reason_bytes };

	memset(model, 0, sizeof(*model));
	for (const char *at = text; *at;) {
		const size_t length = strcspn(at, "\n");
		char line[LINE_BYTES];

		p.line++;
		if (length >= sizeof(line))
			return refuse(&p, "the line is too long");
		memcpy(line, at, length);
		line[length] = 0;
		if (!parse_line(&p, line))
			return false;
		at += length + (at[length] == '\n');
	}
	return check(&p);
}
