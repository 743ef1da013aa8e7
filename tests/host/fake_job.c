// SPDX-License-Identifier: MIT
/* Work that is no job's. */
#include "kernel/base/deferred.h"

void job_breathe(void)
{
}
