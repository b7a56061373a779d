/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_net_free_reserved.c - the web server behind a network: no limit of what is sent, (3 ms, 5 ms) beside the load. */
#include "configs/aquosa_macro_net.h"

NET_RESERVED("free", 0, 64);
