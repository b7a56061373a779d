/* SPDX-License-Identifier: Apache-2.0 */
/* configs/rate_hog.c - a neighbour that wants all interrupts there are: configs/rate_hog.h. */
#include "configs/rate_hog.h"

RATE_HOG_SYSTEM("rate_hog", "mode=hog turn_ms=250", "02:00:00:00:00:01");
