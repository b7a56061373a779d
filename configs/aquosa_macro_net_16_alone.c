/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_net_16_alone.c - the web server behind a network: 16 Mbit/s, alone. */
#include "configs/aquosa_macro_net.h"

NET_ALONE("16", MBIT(16));
