# SPDX-License-Identifier: MIT
obj-y += hyp.o
obj-y += page.o
obj-y += pgtable.o
obj-y += stage2.o
