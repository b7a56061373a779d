/* SPDX-License-Identifier: Apache-2.0 */
/* configs/net_pair_long.c - a million frames: configs/net_pair.h. */
#include "configs/net_pair.h"

NET_PAIR_SYSTEM("net_pair_long", "count=10000 stream=1000000 size=128", 3600);
