# SPDX-License-Identifier: MIT
obj-y += guest_dtb.o
obj-y += guest_mem.o
obj-y += loader.o
obj-y += manifest.o
obj-y += package.o
obj-y += package_data.o
obj-y += vm.o
