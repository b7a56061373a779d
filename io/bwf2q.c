/* SPDX-License-Identifier: Apache-2.0 */
#include "io/bwf2q.h"
#include "core/lib/assert.h"

/* Virtual times are compared by the sign of their difference: the header says why that is right. */
static inline bool is_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* --- the tree: by finish, left to right --------------------------------------------------- */

static inline uint32_t height_of(const struct bwf2q_child *c)
{
	return c ? c->height : 0;
}

/* Its height and smallest start from those of its sides; by how much the right one is higher. */
static inline int32_t refresh(struct bwf2q_child *c)
{
	const struct bwf2q_child *left = c->side[0], *right = c->side[1];
	int32_t left_height = 0, right_height = 0;
	uint64_t min = c->start;

	if (left) {
		left_height = left->height;
		if (is_before(left->min_start, min))
			min = left->min_start;
	}
	if (right) {
		right_height = right->height;
		if (is_before(right->min_start, min))
			min = right->min_start;
	}
	c->min_start = min;
	c->height = (uint8_t)((left_height > right_height ? left_height : right_height) + 1);
	return right_height - left_height;
}

static inline struct bwf2q_child **link_to(struct bwf2q_child **root, struct bwf2q_child *c)
{
	return c->parent ? &c->parent->side[c->parent->side[1] == c] : root;
}

static inline void adopt(struct bwf2q_child *parent, uint32_t side, struct bwf2q_child *c)
{
	parent->side[side] = c;
	if (c)
		c->parent = parent;
}

/* The one on that side of `down` comes up into its place. */
static struct bwf2q_child *rotate(struct bwf2q_child **root, struct bwf2q_child *down,
				  uint32_t side)
{
	struct bwf2q_child *up = down->side[side];

	*link_to(root, down) = up;
	up->parent = down->parent;
	adopt(down, side, up->side[!side]);
	adopt(up, !side, down);
	refresh(down);
	refresh(up);
	return up;
}

/* One that leans: the taller side comes up. What is in its place then. */
static struct bwf2q_child *balance(struct bwf2q_child **root, struct bwf2q_child *c, uint32_t side)
{
	struct bwf2q_child *tall = c->side[side];

	if (height_of(tall->side[side]) < height_of(tall->side[!side]))
		rotate(root, tall, !side);
	return rotate(root, c, side);
}

/* From where something changed up to where nothing does: smallest starts, heights, balance. */
static void repair(struct bwf2q_child **root, struct bwf2q_child *c)
{
	while (c) {
		uint64_t min_start = c->min_start;
		uint32_t height = c->height;
		int32_t lean = refresh(c);

		if (lean < -1 || lean > 1)
			c = balance(root, c, lean > 0);
		else if (c->height == height && c->min_start == min_start)
			return;
		c = c->parent;
	}
}

static void tree_insert(struct bwf2q_child **root, struct bwf2q_child *c)
{
	struct bwf2q_child **link = root;

	c->parent = NULL;
	while (*link) {
		c->parent = *link;
		link = &c->parent->side[!is_before(c->finish, c->parent->finish)];
	}
	c->side[0] = c->side[1] = NULL;
	c->height = 1;
	c->min_start = c->start;
	*link = c;
	repair(root, c->parent);
}

static struct bwf2q_child *leftmost(struct bwf2q_child *c)
{
	while (c->side[0])
		c = c->side[0];
	return c;
}

/* The next one by F takes the place of one that has two sides. */
static void tree_remove(struct bwf2q_child **root, struct bwf2q_child *c)
{
	struct bwf2q_child *heir = c->side[c->side[0] == NULL], *changed = c->parent;

	if (c->side[0] && c->side[1]) {
		heir = leftmost(c->side[1]);
		changed = heir;
		if (heir->parent != c) {
			changed = heir->parent;
			adopt(changed, 0, heir->side[1]);
			adopt(heir, 1, c->side[1]);
		}
		adopt(heir, 0, c->side[0]);
		/* As the others in its new place know it. */
		heir->height = c->height;
		heir->min_start = c->min_start;
	}
	*link_to(root, c) = heir;
	if (heir)
		heir->parent = c->parent;
	repair(root, changed);
	/* What is below it may be as before, while its own start is another. */
	if (changed != c->parent && changed != heir)
		repair(root, heir);
}

/* --- the server --------------------------------------------------------------------------- */

void bwf2q_init(struct bwf2q *s)
{
	*s = (struct bwf2q){ 0 };
}

void bwf2q_child_init(struct bwf2q_child *c, uint32_t weight, uint16_t id)
{
	ASSERT(weight > 0);
	*c = (struct bwf2q_child){ .weight = weight,
				   .inverse = BIT64(BWF2Q_FRACTION) / weight,
				   .id = id };
}

static void weigh(struct bwf2q *s, uint32_t weight_sum)
{
	s->weight_sum = weight_sum;
	s->inverse = weight_sum ? BIT64(BWF2Q_FRACTION) / weight_sum : 0;
}

/* Nobody who waits has begun, and nobody is in service, who has: time passes to the first start. */
static inline void jump(struct bwf2q *s)
{
	if (!s->in_service && s->waiting && is_before(s->vtime, s->waiting->min_start))
		s->vtime = s->waiting->min_start;
}

static void wait(struct bwf2q *s, struct bwf2q_child *c, uint32_t budget)
{
	ASSERT(budget > 0 && budget <= BWF2Q_BUDGET_MAX);
	c->budget = budget;
	c->finish = c->start + budget * c->inverse;
	c->state = BWF2Q_WAITING;
	tree_insert(&s->waiting, c);
}

void bwf2q_wake(struct bwf2q *s, struct bwf2q_child *c, uint32_t budget)
{
	jump(s);
	c->start = s->vtime;
	if (c->state == BWF2Q_LINGERING) {
		tree_remove(&s->lingering, c);
		if (is_before(s->vtime, c->finish))
			c->start = c->finish;
	} else {
		ASSERT(c->state == BWF2Q_FORGOTTEN);
		weigh(s, s->weight_sum + c->weight);
	}
	wait(s, c, budget);
}

static void rest(struct bwf2q *s, struct bwf2q_child *c)
{
	c->state = BWF2Q_FORGOTTEN;
	if (!is_before(s->vtime, c->finish)) {
		weigh(s, s->weight_sum - c->weight);
		return;
	}
	c->state = BWF2Q_LINGERING;
	tree_insert(&s->lingering, c);
}

void bwf2q_withdraw(struct bwf2q *s, struct bwf2q_child *c)
{
	ASSERT(c->state == BWF2Q_WAITING);
	tree_remove(&s->waiting, c);
	c->finish = c->start;
	rest(s, c);
}

/*
 * At most two: one comes in with a turn at most, and whoever stays a little longer does no harm, so
 * that no single call need pay for many.
 */
void bwf2q_forget(struct bwf2q *s)
{
	for (uint32_t i = 0; i < 2 && s->lingering; i++) {
		struct bwf2q_child *c = leftmost(s->lingering);

		if (is_before(s->vtime, c->finish))
			return;
		tree_remove(&s->lingering, c);
		c->state = BWF2Q_FORGOTTEN;
		weigh(s, s->weight_sum - c->weight);
	}
}

/* A subtree whose smallest start has passed has somebody in it who may be chosen. */
struct bwf2q_child *bwf2q_choose(struct bwf2q *s)
{
	struct bwf2q_child *c = s->waiting;

	ASSERT(c && !s->in_service);
	jump(s);
	for (;;) {
		if (c->side[0] && !is_before(s->vtime, c->side[0]->min_start))
			c = c->side[0];
		else if (!is_before(s->vtime, c->start))
			break;
		else
			c = c->side[1];
	}
	tree_remove(&s->waiting, c);
	c->state = BWF2Q_IN_SERVICE;
	c->service = 0;
	s->in_service = c;
	return c;
}

static struct bwf2q_child *end_turn(struct bwf2q *s, uint32_t charged)
{
	struct bwf2q_child *c = s->in_service;

	ASSERT(c && charged <= c->budget);
	s->in_service = NULL;
	c->finish = c->start + charged * c->inverse;
	return c;
}

void bwf2q_end(struct bwf2q *s, uint32_t charged)
{
	rest(s, end_turn(s, charged));
}

void bwf2q_end_and_wait(struct bwf2q *s, uint32_t charged, uint32_t budget)
{
	struct bwf2q_child *c = end_turn(s, charged);

	c->start = c->finish;
	wait(s, c, budget);
}

/* Whether it lingered in between or was forgotten: it counts in the sum of weights as before. */
void bwf2q_renew(struct bwf2q *s, uint32_t budget)
{
	struct bwf2q_child *c = s->in_service;

	ASSERT(c && !s->waiting && budget > 0 && budget <= BWF2Q_BUDGET_MAX);
	c->start += c->service * c->inverse;
	if (is_before(s->vtime, c->start))
		s->vtime = c->start;
	else
		c->start = s->vtime;
	c->finish = c->start + budget * c->inverse;
	c->budget = budget;
	c->service = 0;
}
