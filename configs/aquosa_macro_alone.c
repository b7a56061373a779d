/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_alone.c - the web server without a reservation and without load. */
#include "configs/aquosa_macro.h"

static const struct partition_config partitions[] = {
	MACRO_WEB(MACRO_ROUNDS, BEST_EFFORT(0, 1)),
};

MACRO_SYSTEM("alone", SEC(120));
