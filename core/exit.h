/* SPDX-License-Identifier: Apache-2.0 */
/* core/exit.h - decide what follows a guest exit. */
#pragma once
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

enum exit_action exit_dispatch(struct partition *p, const struct exit_info *e);

/* core/hypercall.c */
enum exit_action hypercall_dispatch(struct partition *p, const struct exit_info *e);
