/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_macro_net_free_alone.c - the web server behind a network: no limit of what is sent, alone. */
#include "configs/aquosa_macro_net.h"

NET_ALONE("free", 0);
