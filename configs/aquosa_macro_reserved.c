/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_reserved.c - the web server in (3 ms, 5 ms) beside the load. */
#include "configs/aquosa_macro.h"

static const struct partition_config partitions[] = {
	MACRO_WEB(MACRO_ROUNDS, RESERVATION(0, MS(3), MS(5))),
	MACRO_LOAD(BEST_EFFORT(0, 1)),
};

MACRO_SYSTEM("reserved", SEC(85));
