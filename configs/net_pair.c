/* SPDX-License-Identifier: Apache-2.0 */
/* configs/net_pair.c - a short exchange of frames: configs/net_pair.h. */
#include "configs/net_pair.h"

NET_PAIR_SYSTEM("net_pair", "count=200 stream=2000 size=1000", 60);
