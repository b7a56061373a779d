/* SPDX-License-Identifier: Apache-2.0 */
/* core/exit.h - decide what follows a guest exit. */
#pragma once
#include "core/lib/assert.h"
#include "core/partition.h"

/* Each handler states what happens next; nothing moves the guest RIP behind its back. */
enum exit_action {
	ACT_RESUME,    /* as it stands */
	ACT_SKIP_INSN, /* the instruction was carried out */
	ACT_INJECT_UD,
	ACT_INJECT_GP,
	ACT_HALT,    /* carried out, and nothing to do until an interrupt */
	ACT_YIELD,   /* the core has something else to look at */
	ACT_FINISHED /* the partition has ended or was stopped */
};

typedef enum exit_action exit_fn(struct vcpu_state *v, const struct exit_info *e);

/* One for each kind. Deny by default: what nobody serves stops the partition. */
extern exit_fn *const exit_handlers[EXIT_KIND_COUNT];

static inline enum exit_action exit_dispatch(struct vcpu_state *v, const struct exit_info *e)
{
	ASSERT(e->kind < EXIT_KIND_COUNT);
	return exit_handlers[e->kind](v, e);
}

/* core/hypercall.c */
enum exit_action hypercall_dispatch(struct vcpu_state *v, const struct exit_info *e);
