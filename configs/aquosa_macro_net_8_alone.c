/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_net_8_alone.c - the web server behind a network: 8 Mbit/s, alone. */
#include "configs/aquosa_macro_net.h"

NET_ALONE("8", MBIT(8));
