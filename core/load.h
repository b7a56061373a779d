/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/load.h - from boot files to a guest in its RAM.
 *
 * Model    load_check() looks at the files once, at boot: they are there, have the digest that the
 *	    configuration wants, and are what the boot protocol says. load_step() then does
 *	    LOAD_STEP_BYTES of the work at a time: at boot all of it, at a restart in the guest's
 *	    own time.
 * Errors   load_check(): with a reason that names the file and what is wrong with it.
 */
#pragma once
#include "arch/boot_info.h"
#include "core/partition.h"

#define LOAD_STEP_BYTES KIB(16)

MUST_CHECK enum err load_check(struct partition *p, const struct boot_info *boot,
			       const char **reason);
/* False: that was the last one. */
bool load_step(struct partition *p);
