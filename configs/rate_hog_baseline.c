/* SPDX-License-Identifier: Apache-2.0 */
/* configs/rate_hog_baseline.c - the same who only computes: configs/rate_hog.h. */
#include "configs/rate_hog.h"

RATE_HOG_SYSTEM("rate_hog_baseline", "mode=hog turn_ms=250 honest=1", "02:00:00:00:00:09");
