/* SPDX-License-Identifier: Apache-2.0 */
/* configs/memnic_load.c - 100,000 frames of 92 bytes a second in all: configs/memnic_load.h. */
#include "configs/memnic_load.h"

MEMNIC_LOAD_SYSTEM("memnic_load", "rate=12500 size=92", 0);
