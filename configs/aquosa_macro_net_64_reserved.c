/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_net_64_reserved.c - the web server behind a network: 64 Mbit/s, (3 ms, 5 ms) beside the load. */
#include "configs/aquosa_macro_net.h"

NET_RESERVED("64", MBIT(64), 64);
