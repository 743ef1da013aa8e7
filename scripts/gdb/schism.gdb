# SPDX-License-Identifier: MIT
# Loaded by "make debug": connects to QEMU, which is stopped before Schism's first instruction.
set pagination off
set print pretty on
set architecture aarch64
target remote 127.0.0.1:1234

# Symbols are at EL2's virtual addresses, which the boot code switches to; breakpoints before that have
# to be hardware breakpoints at physical addresses. The first C function is a good place to begin.
define hv-boot
  hbreak boot_main
  continue
end
document hv-boot
Run to the first C function at EL2's own addresses.
end

define hv-regs
  info registers x0 x1 x2 x3 x4 x5 x6 x7 x8 x9 x10 x11 x12 x13 x14 x15 x16 x17 x18 x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 x30 sp pc cpsr
  printf "ESR_EL2  %#lx\n", $ESR_EL2
  printf "FAR_EL2  %#lx\n", $FAR_EL2
  printf "ELR_EL2  %#lx\n", $ELR_EL2
  printf "HCR_EL2  %#lx\n", $HCR_EL2
  printf "VTTBR_EL2 %#lx\n", $VTTBR_EL2
end
document hv-regs
Registers of this CPU, with those that tell why it is at EL2.
end

echo Stopped before the first instruction. hv-boot runs to C, hv-regs shows EL2's registers.\n
