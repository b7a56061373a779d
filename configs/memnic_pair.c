/* SPDX-License-Identifier: Apache-2.0 */
/* configs/memnic_pair.c - a short exchange of frames: configs/memnic_pair.h. */
#include "configs/memnic_pair.h"

MEMNIC_PAIR_SYSTEM("memnic_pair", "count=200 stream=2000 size=1000", 20);
