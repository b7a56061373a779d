/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/partition_memory.h - a partition's RAM as models of devices reach it: io/gmem.h.
 *
 * Errors   ERR_NOMEM: it is in more pieces than that has.
 * Sharing  Boot core only.
 */
#pragma once
#include "core/partition.h"
#include "io/gmem.h"

MUST_CHECK enum err partition_describe_memory(const struct partition *p, struct gmem *memory);
