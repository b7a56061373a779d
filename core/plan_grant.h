/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_grant.h - what guests with resource tuples wanted, beside what the plan gives them. Linked where
 * there are any; core/plan_tuple.h has how it is decided.
 *
 * Units    As named by core/config.h. A tuple of which all is 0: there is none.
 * Sharing  Pure. Of an accepted plan.
 */
#pragma once
#include "core/plan.h"

/* Of a virtual CPU, whose plan.vcpus[].claim.budget_ns is given. min: with what its tasks need. */
struct tuple plan_budget_tuple(const struct config *c, const struct plan *plan, uint32_t vcpu);
/* Of a partition, whose plan.partitions[].memory_bytes is given. */
struct tuple plan_memory_tuple(const struct config *c, part_id_t part);

/* A line, where not the usual is given. */
void plan_print_budget(const struct config *c, const struct plan *plan, uint32_t vcpu,
		       void (*put)(const char *line)) __attribute__((weak));
void plan_print_memory(const struct config *c, const struct plan *plan, part_id_t part,
		       void (*put)(const char *line)) __attribute__((weak));
