/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_net_64_alone.c - the web server behind a network: 64 Mbit/s, alone. */
#include "configs/aquosa_macro_net.h"

NET_ALONE("64", MBIT(64));
