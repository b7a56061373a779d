/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_net_32_alone.c - the web server behind a network: 32 Mbit/s, alone. */
#include "configs/aquosa_macro_net.h"

NET_ALONE("32", MBIT(32));
