/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_loaded.c - the web server without a reservation, below the load. */
#include "configs/aquosa_macro.h"

static const struct partition_config partitions[] = {
	MACRO_WEB(MACRO_TEST, BEST_EFFORT(0, 1)),
	MACRO_LOAD(BEST_EFFORT(0, 2)),
};

MACRO_SYSTEM("loaded", SEC(40));
