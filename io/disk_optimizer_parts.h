/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/disk_optimizer_parts.h - between io/disk_optimizer.c (what is wanted) and
 * io/disk_optimizer_search.c (how it is found).
 *
 * Model    The settings at hand are in optimum->load. Those that are looked at are in search.trial,
 *	    which is the same between two looks.
 * Units    A ratio is predicted / target, OPTIMIZER_ONE is 1.
 */
#pragma once
#include "io/disk_optimizer.h"

#define OPTIMIZER_ONE 65536u

/* After a change of `load`, `counting` or `floor`: the ratios of the settings at hand. */
void optimizer_begin(struct disk_optimum *o);
/* Looks at the starts, with every slice_idle and timeout, and takes the best. */
void optimizer_start(struct disk_optimum *o);
/* .. at the load's own settings. */
void optimizer_remember(struct disk_optimum *o);
/* .. at settings in which those that do not count have the least weight. */
void optimizer_favour(struct disk_optimum *o);
/* Goes to better neighbours, until there is none, or the worst ratio is not above `enough`. */
void optimizer_climb(struct disk_optimum *o, uint32_t enough);
