/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_net_24_alone.c - the web server behind a network: 24 Mbit/s, alone. */
#include "configs/aquosa_macro_net.h"

NET_ALONE("24", MBIT(24));
