/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_net_24_reserved.c - the web server behind a network: 24 Mbit/s, (3 ms, 5 ms) beside the load. */
#include "configs/aquosa_macro_net.h"

NET_RESERVED("24", MBIT(24), 64);
