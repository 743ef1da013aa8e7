// SPDX-License-Identifier: MIT
/* Work that is no job's. */
#include "kernel/job.h"

void job_breathe(void)
{
}
