/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/plan_json_tuples.h - of tools/plan: resource tuples (docs/configuration.md).
 *
 * Model    Each tuple of a partition with what it is given of it: {"resource", "of", "usual", "min", "max",
 *	    "given", "is": "usual", "shrunk" or "grown"}; `of` is the virtual CPU's, device's, share's or
 *	    task's number.
 * Units    As "resource" names.
 * Errors   None: of an accepted plan.
 */
#pragma once
#include "core/plan.h"

void json_grants(const struct config *c, const struct plan *plan, part_id_t part);
bool has_tuples(const struct config *c);     /* of CPU or memory */
bool has_disk_rates(const struct config *c); /* bytes_per_s of shares */
