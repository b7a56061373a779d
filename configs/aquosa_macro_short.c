/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_short.c - the web server and four small pages, for a boot test. */
#include "configs/aquosa_macro.h"

static const struct partition_config partitions[] = {
	MACRO_WEB("100,1,2,4", BEST_EFFORT(0, 1)),
};

MACRO_SYSTEM("short", SEC(60));
