# SPDX-License-Identifier: MIT
#
# The one entry to configuring, building, running and testing. "make help" lists what there is.
#
# One make reads everything: each directory's build.mk adds its objects (obj-y, subdir-y), guests/build.mk
# the guests, tests/unit/build.mk the host tests. All output goes below $(O).

MAKEFLAGS += --no-builtin-rules --no-builtin-variables --no-print-directory
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.DEFAULT_GOAL := all

# ---- variables for the command line ------------------------------------------------------------------

O        ?= build
V        ?=
LLVM     ?=
# 1: warnings are errors, 0: they are not; else as the configuration says, but in code of the tests they are
WERROR   ?=
SETUP    ?=
# Downloads: a build/cache that is there serves all values of O.
SCHISM_CACHE ?=
LIBFDT_SRC ?=
VMS      ?=
# make linux, run-linux: the Linux guests
VCPUS    ?= 4
LINUX_MEM ?= 256
LINUX_BOOTARGS ?= console=ttyAMA0 earlycon
# make run, make debug
CPU      ?= cortex-a72
SMP      ?= 4
MEM      ?= 1G
MACHINE  ?=
PACKAGE  ?=
APPEND   ?=
QEMU     ?= qemu-system-aarch64
QEMU_ARGS ?=
# make test, boot-test, variants: further arguments for pytest; a part of the tests
PYTEST_ARGS ?=
SHARD    ?=
# make bench: rewrite the reference; further arguments for tests/bench/bench.py
UPDATE   ?=
BENCH_ARGS ?=
# make soak, storm: runs
N        ?= 20
# make sweep: CPU models by QEMU's names, or all that it has
CPUS     ?= all
# make test-debian: which, such as trixie, and what is typed there ("make run" "make test"; all)
RELEASE  ?=
COMMANDS ?=
# make fuzz: seconds for each, and which (all)
T        ?= 60
FUZZ     ?=
HOSTCC   ?= gcc

# make NAME_defconfig and builds; make savedefconfig
FRAGMENTS ?=
DEFCONFIG ?=

# To make, and to the shell, they are several words.
define refuse-spaces
ifneq ($$(word 2,$$($(1))),)
$$(error make cannot handle the space in "$$(strip $$($(1)))", $(or $(2),given as $(1)=): take a path without spaces)
endif
endef
$(eval $(call refuse-spaces,CURDIR,where Schism lies))
$(foreach name,O SCHISM_CACHE LIBFDT_SRC,$(eval $(call refuse-spaces,$(name))))

override O := $(or $(patsubst %/,%,$(strip $(O))),$(strip $(O)),build)
override SCHISM_CACHE := $(or $(strip $(SCHISM_CACHE)),$(if $(wildcard build/cache),build/cache,$(O)/cache))
# The sources may be read-only; and tests run make themselves, with an O of their own.
export SCHISM_CACHE
export PYTHONDONTWRITEBYTECODE := 1

dry-run := $(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS))))

# ---- goals -------------------------------------------------------------------------------------------

# All of them, by what they need; who adds one adds it here, or it is refused.
plain-goals  := help clean distclean release-check
config-goals := menuconfig oldconfig olddefconfig savedefconfig listnewconfig %_defconfig
image-goals  := all guests package size linux uboot
run-goals    := run debug run-linux run-uboot
test-goals   := test check unit-tests boot-test variants lint soak storm sweep bench fuzz
debian-goals := test-debian test-debian12 test-debian13
all-goals    := $(plain-goals) $(config-goals) $(image-goals) $(run-goals) $(test-goals) $(debian-goals)
.PHONY: $(filter-out %_defconfig,$(all-goals))

goals       := $(or $(MAKECMDGOALS),all)
build-goals := $(filter-out $(plain-goals) $(config-goals),$(goals))
# Files can be goals, too; what the host's compiler makes is for tests.
file-goals  := $(foreach goal,$(build-goals),$(if $(findstring /,$(goal)),$(goal)))
test-files  := $(filter $(O)/tests/% $(O)/host/% $(O)/fuzz/%,$(file-goals))
for-tests   := $(filter $(test-goals),$(goals)) $(test-files)

no-goal := $(filter-out $(file-goals) $(all-goals),$(build-goals))
ifneq ($(no-goal),)
$(shell scripts/nearest 'error: make has no goal' '; make help lists them' $(foreach goal,$(no-goal),'$(goal)') -- \
	$(all-goals) >&2)
$(error no such goal: $(no-goal))
endif
ifneq ($(and $(filter clean distclean,$(goals)),$(word 2,$(goals))),)
$(error make $(filter clean distclean,$(goals)) stands alone: goals are made beside each other)
endif

# ---- variables on the command line -------------------------------------------------------------------

ifeq ($(MAKE_RESTARTS),)
given := $(foreach var,$(.VARIABLES),$(if $(filter command,$(origin $(var))),$(var)))
ifneq ($(given),)
known-variables := $(shell sed -nE 's/^([A-Z][A-Z0-9_]*) *[?:]?= .*|^([A-Z][A-Z0-9_]*) *[?:]?=$$/\1\2/p' Makefile)
ifneq ($(filter-out $(known-variables),$(given)),)
$(shell scripts/nearest 'warning: make does not know the variable' '; make help lists them, make menuconfig shows CONFIG_' \
	$(filter-out $(known-variables),$(given)) -- $(known-variables) >&2)
endif
endif
endif

# ---- the directory of what is built ------------------------------------------------------------------

# Recipes and rules would read such a name otherwise than it was meant. Claimed even by make -n, which creates it.
odd-in-O := $(or $(word 2,$(O)),$(firstword $(foreach odd,~ ' " ` $$ ; & | < > ( ) { } [ ] * ? ! : % \# \,$(findstring $(odd),$(O)))))
ifneq ($(odd-in-O),)
$(error O=$(O): a directory whose name has blanks or any of ~ ' " ` $$ ; & | < > ( ) { } [ ] * ? ! : % \# \ can't be built in)
endif
ifeq ($(wildcard $(O)/.schism-build),)
ifneq ($(filter-out $(plain-goals),$(goals)),)
ifneq ($(shell scripts/output-dir claim '$(O)' || echo failed),)
$(error nothing was made)
endif
endif
endif

# ---- what the machine needs, before anything asks for it ---------------------------------------------

ifeq ($(MAKE_RESTARTS)$(dry-run),)
setup-for := $(if $(filter $(debian-goals),$(goals)),debian,$(if $(strip $(for-tests)),test,$(if $(build-goals),run,config)))
ifneq ($(filter-out $(plain-goals),$(goals)),)
ifneq ($(shell SETUP=$(or $(SETUP),yes) LLVM=$(LLVM) CROSS=$(CROSS) scripts/setup $(setup-for) >&2 || echo failed),)
$(error something that the build needs is missing, see above)
endif
endif
endif

# ---- tools -------------------------------------------------------------------------------------------

# Evaluated when first used, then kept.
once = $(eval $(1) := $(2))$($(1))

test-modules := $(if $(filter $(debian-goals),$(goals)),pexpect) $(if $(strip $(for-tests)),pytest pexpect xdist libfdt jsonschema ruamel.yaml)
PYTHON ?= $(call once,PYTHON,$(or $(shell scripts/find-python kconfiglib $(test-modules)),python3))

ifeq ($(LLVM),)
ifeq ($(origin CROSS),undefined)
CROSS := $(if $(shell command -v aarch64-none-elf-gcc),aarch64-none-elf-,aarch64-linux-gnu-)
endif
CC      := $(CROSS)gcc
LD      := $(CROSS)ld
NM      := $(CROSS)nm
AR      := $(CROSS)ar
OBJCOPY := $(CROSS)objcopy
else
llvm-tool = $(or $(shell scripts/find-llvm $(1)),$(1))
CC      := $(call llvm-tool,clang) --target=aarch64-none-elf
LD      := $(call llvm-tool,ld.lld)
NM      := $(call llvm-tool,llvm-nm)
AR      := $(call llvm-tool,llvm-ar)
OBJCOPY := $(call llvm-tool,llvm-objcopy)
endif

# As one word for the shell.
quoted = '$(subst ','\'',$(1))'

silent := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
Q := $(if $(filter 1,$(V)),,@)
ifneq ($(filter 1,$(V))$(silent),)
say = @:
else
say = @printf '  %-7s %s\n' $(1) '$(2)'
endif

help-text = scripts/help.txt
help:
	@cat $(help-text)

release-check:
	@scripts/release-check

# ---- configuration -----------------------------------------------------------------------------------

kconfig := $(PYTHON) scripts/kconfig.py --out $(O)

.PHONY: FORCE
%_defconfig: FORCE
	$(Q)test -f configs/$@ || { echo "error: no configs/$@; there are: $(notdir $(wildcard configs/*_defconfig))" >&2; exit 1; }
	$(call say,CONFIG,$@ $(FRAGMENTS))
	$(Q)$(call configure,configs/$@ $(FRAGMENTS))
FORCE:

# A configuration, and what it was made from, by content: .config.from has the sums of these files, .config.made
# that of .config as they made it.
configure = $(kconfig) defconfig $(1) && sha256sum $(1) > $(O)/.config.from && sha256sum $(O)/.config > $(O)/.config.made

# Without a configuration, the default one. With other FRAGMENTS= than last time, or others in them: anew. Without
# FRAGMENTS=, what the last ones hold now counts unless .config was changed by hand, which is not to be lost.
config-from := configs/qemu_virt_defconfig $(FRAGMENTS)
config-goal := $(filter %_defconfig,$(goals))
config-due  := $(if $(wildcard $(O)/.config),,y)
ifneq ($(strip $(FRAGMENTS)),)
config-due  := $(if $(config-due)$(filter-out x$(subst $() ,|,$(strip $(file <$(O)/.config.from))),x$(subst $() ,|,$(strip \
	$(shell sha256sum $(config-from) 2>&1)))),y)
else ifeq ($(if $(config-goal)$(config-due)$(filter-out $(build-goals),$(goals)),,$(wildcard $(O)/.config.from)),$(O)/.config.from)
config-lost := $(patsubst %:,%,$(filter %:,$(shell sha256sum --check --quiet $(O)/.config.from 2> /dev/null)))
ifneq ($(config-lost),)
config-from := $(shell cut -c67- $(O)/.config.from)
ifeq ($(shell sha256sum --check --status $(O)/.config.made 2> /dev/null && echo as made),as made)
config-due  := y
else ifeq ($(MAKE_RESTARTS),)
$(shell echo 'warning: what is new in $(config-lost) has no effect on $(O)/.config, which was changed by hand; to make it' \
	'anew: make $(notdir $(firstword $(config-from))) FRAGMENTS="$(wordlist 2,99,$(config-from))"' >&2)
endif
endif
endif
ifneq ($(config-goal),)
$(O)/.config: | $(config-goal) ;
else
# Said to be needed when it is missing: .SECONDARY lets missing files be.
$(O)/.config: $(if $(config-due),FORCE)
	$(call say,CONFIG,$(notdir $(firstword $(config-from))) $(wordlist 2,99,$(config-from)))
	$(Q)$(call configure,$(config-from))
endif

menuconfig oldconfig olddefconfig listnewconfig: | $(if $(config-due),$(O)/.config)
	$(Q)$(kconfig) $@
savedefconfig: | $(if $(config-due),$(O)/.config)
	$(Q)$(kconfig) $@ $(DEFCONFIG)

config-h := $(O)/include/generated/config.h

ifneq ($(build-goals),)

include $(O)/auto.conf

$(O)/auto.conf: $(O)/.config scripts/kconfig.py $(wildcard $(kconfig-files))
	$(Q)$(kconfig) sync
# Rewritten by the rule above only where a value changed.
$(config-h): $(O)/auto.conf ;

ifneq ($(CONFIG_MAX_VMS),)

# ---- objects -----------------------------------------------------------------------------------------

build-files := Makefile
hv-objs :=

# $(1) is a directory: read its build.mk, then those of its subdir-y.
# An object of its own flags: CFLAGS_path/of/object.o in a build.mk.
define read-dir
obj-y :=
subdir-y :=
build-files += $(1)/build.mk
include $(1)/build.mk
hv-objs += $$(patsubst %,$(O)/$(1)/%,$$(obj-y))
$$(foreach dir,$$(subdir-y),$$(eval $$(call read-dir,$(1)/$$(dir))))
endef
$(foreach dir,arch/arm64 kernel lib drivers,$(eval $(call read-dir,$(dir))))

source-of = $(firstword $(wildcard $(patsubst $(O)/%.o,%.c,$(1)) $(patsubst $(O)/%.o,%.S,$(1))) $(patsubst $(O)/%.o,%.c,$(1)))
hv-c-objs := $(foreach obj,$(hv-objs),$(if $(filter %.c,$(call source-of,$(obj))),$(obj)))
hv-s-objs := $(filter-out $(hv-c-objs),$(hv-objs))

# ---- flags -------------------------------------------------------------------------------------------

comma := ,
werror := $(filter-out 0,$(or $(WERROR),$(CONFIG_WERROR)))
warnings := -Wall -Wextra -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wshadow -Wvla -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough -Wformat=2 \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-type-limits \
	-Wframe-larger-than=4000 $(if $(LLVM),-Wno-format-nonliteral) \
	$(if $(werror),-Werror)
optimise := $(if $(CONFIG_OPT_SPEED),-O2) $(if $(CONFIG_OPT_SIZE),-Os) $(if $(CONFIG_OPT_DEBUG),-O0)
debug    := $(if $(CONFIG_DEBUG_INFO),-g)
maps     := -ffile-prefix-map=$(CURDIR)/= -ffile-prefix-map=$(O)/=build/

# What the hypervisor and the guests have in common.
target-cppflags := -nostdinc -isystem $(shell $(CC) -print-file-name=include) -isystem lib/libc \
	-I. -Iinclude -I$(O)/include -include $(config-h) -D__SCHISM__
target-cflags := -std=gnu11 -ffreestanding -fno-common -fno-pic -fno-pie -mcmodel=small \
	-march=armv8-a -mstrict-align -mno-outline-atomics -fno-omit-frame-pointer -fno-strict-aliasing \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections -fdata-sections \
	$(warnings) $(debug) $(maps)
target-asflags := -march=armv8-a -fno-pic $(debug) $(maps) $(if $(werror),-Wa$(comma)--fatal-warnings)

ubsan := -fsanitize=undefined -fno-sanitize=alignment,vptr$(if $(LLVM),$(comma)function) \
	$(if $(LLVM),-fsanitize-trap=undefined,-fsanitize-undefined-trap-on-error)

ifneq ($(if $(LIBFDT_SRC),$(if $(wildcard $(LIBFDT_SRC)/libfdt/libfdt.h),,y)),)
$(error LIBFDT_SRC=$(LIBFDT_SRC): is no checkout of dtc, there is no libfdt/libfdt.h in it)
endif
libfdt-dir := $(if $(LIBFDT_SRC),$(LIBFDT_SRC)/libfdt,$(SCHISM_CACHE)/libfdt/include)
libfdt-a   := $(if $(LIBFDT_SRC),,$(SCHISM_CACHE)/libfdt/lib/libfdt.a)

hv-cppflags := $(target-cppflags) -Iarch/arm64/include -Ilib/fdt -isystem $(libfdt-dir)
hv-cflags := $(hv-cppflags) $(target-cflags) $(optimise) -mgeneral-regs-only \
	$(if $(CONFIG_STACK_PROTECTOR),-fstack-protector-strong,-fno-stack-protector) \
	-mbranch-protection=$(if $(CONFIG_BRANCH_PROTECTION),standard,none) \
	$(if $(CONFIG_UBSAN_TRAP),$(ubsan))
hv-asflags := $(hv-cppflags) $(target-asflags)
hv-ldflags := -nostdlib -static --no-undefined --gc-sections -z noexecstack -z max-page-size=4096 \
	--build-id=none --orphan-handling=error $(if $(LLVM),,--no-warn-rwx-segments)

lds-flags = -E -P -x assembler-with-cpp $(hv-cppflags) -D__ASSEMBLER__ -D__LINKER__

# What a compilation depends on besides its source: a file per set of flags, written when they change.
#   $(call track,NAME,TEXT)
same  = $(and $(findstring |$(1)|,|$(2)|),$(findstring |$(2)|,|$(1)|))
track = $(eval $(1)-track := $(O)/.track/$(1))$(if $(call same,$(strip $(2)),$(strip $(file <$(O)/.track/$(1)))),,$(file >$(O)/.track/$(1),$(strip $(2))))

$(shell mkdir -p $(O)/.track)
toolchain := $(CC) $(firstword $(shell command -v $(CC))) $(shell $(CC) --version | head -1) $(shell $(LD) --version | head -1)
$(call track,hv,$(toolchain) $(hv-cflags) $(target-asflags) $(foreach obj,$(hv-objs),$(CFLAGS_$(obj:$(O)/%=%))))

# ---- the hypervisor ----------------------------------------------------------------------------------

all: $(O)/schism.elf $(O)/Image $(O)/compile_commands.json
	@:

offsets-h := $(O)/include/generated/asm-offsets.h
# Looked at each time; written, and its one object compiled, where it has changed.
version-h := $(O)/include/generated/version.h
$(shell scripts/version $(version-h))
$(O)/kernel/base/version.o: $(version-h)

$(hv-c-objs): $(O)/%.o: %.c $(hv-track) $(config-h) | $(libfdt-a)
	$(call say,CC,$<)
	$(Q)$(CC) $(hv-cflags) $(CFLAGS_$(<:.c=.o)) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(hv-s-objs): $(O)/%.o: %.S $(hv-track) $(config-h) $(offsets-h)
	$(call say,AS,$<)
	$(Q)$(CC) $(hv-asflags) $(CFLAGS_$(<:.S=.o)) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(O)/asm-offsets.s: arch/arm64/asm-offsets.c $(hv-track) $(config-h) | $(libfdt-a)
	$(Q)$(CC) $(hv-cflags) -g0 -fno-sanitize=all -MMD -MP -MF $(@:.s=.d) -MT $@ -S -o $@ $<
$(offsets-h): $(O)/asm-offsets.s scripts/asm-offsets
	$(Q)scripts/asm-offsets $< $@

# libfdt: Debian's, or compiled here; what serves all configurations, without the flags of this one.
libfdt-cc := $(CC) -nostdinc -isystem $(shell $(CC) -print-file-name=include) -isystem lib/libc -I. -Iinclude -Ilib/fdt \
	-include lib/fdt/libfdt_env.h $(filter-out $(warnings) $(debug),$(target-cflags)) -O2 -mgeneral-regs-only \
	-fno-stack-protector -D__SCHISM__ -w
ifeq ($(LIBFDT_SRC),)
$(libfdt-a): scripts/fetch-libfdt.sh
	$(call say,FETCH,libfdt)
	$(Q)LIBFDT_CC='$(libfdt-cc)' LIBFDT_AR='$(AR)' scripts/fetch-libfdt.sh $(SCHISM_CACHE)/libfdt $(SCHISM_CACHE)/debs
libfdt-objs :=
else
libfdt-objs := $(patsubst $(LIBFDT_SRC)/libfdt/%.c,$(O)/libfdt/%.o,$(wildcard $(LIBFDT_SRC)/libfdt/fdt*.c))
$(libfdt-objs): $(O)/libfdt/%.o: $(LIBFDT_SRC)/libfdt/%.c $(hv-track) $(config-h)
	$(call say,CC,$<)
	$(Q)$(CC) $(hv-cflags) -include lib/fdt/libfdt_env.h -w -fno-sanitize=all -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
endif

# The linker script, and two links: the second one with the table of the first one's symbols, which
# the script places behind everything that has any.
hv-lds    := $(O)/schism.lds
hv-inputs := $(hv-objs) $(libfdt-objs) $(libfdt-a)
$(call track,link,$(toolchain) $(hv-ldflags) $(hv-inputs))
# For scripts/check-layering.
$(call track,linked,$(NM) $(O) $(hv-objs))

$(hv-lds): arch/arm64/schism.lds.S $(hv-track) $(config-h)
	$(Q)$(CC) $(lds-flags) -MMD -MP -MF $@.d -MT $@ -o $@ $<

hv-link = $(LD) $(hv-ldflags) -T $(hv-lds) -Map $(1) -o $@ $(hv-objs) $(libfdt-objs) $(2) $(libfdt-a)

$(O)/symtab-empty.S: scripts/symtab.py $(hv-track)
	$(Q)$(PYTHON) scripts/symtab.py --empty -o $@
$(O)/symtab.S: $(O)/schism-pass1.elf scripts/symtab.py
	$(Q)$(NM) -n $< > $(O)/schism-pass1.nm
	$(Q)$(PYTHON) scripts/symtab.py $(O)/schism-pass1.nm -o $@
$(O)/symtab.o $(O)/symtab-empty.o: %.o: %.S
	$(Q)$(CC) $(target-asflags) -c -o $@ $<

$(O)/schism-pass1.elf: $(hv-inputs) $(O)/symtab-empty.o $(hv-lds) $(link-track)
	$(Q)$(call hv-link,$(O)/schism-pass1.map,$(O)/symtab-empty.o)
$(O)/schism.elf: $(O)/schism-pass1.elf $(O)/symtab.o
	$(call say,LD,$@)
	$(Q)$(call hv-link,$(O)/schism.map,$(O)/symtab.o)
	$(Q)$(NM) -n $@ > $(O)/schism.nm
	$(Q)$(PYTHON) scripts/symtab.py $(O)/schism-pass1.nm --same-as $(O)/schism.nm
	$(Q)$(if $(silent),:,$(PYTHON) scripts/size.py --summary $@)
$(O)/Image: $(O)/schism.elf
	$(call say,OBJCOPY,$@)
	$(Q)$(OBJCOPY) -O binary $< $@

size: $(O)/schism.elf $(O)/Image
	@$(PYTHON) scripts/size.py $^

# ---- guests ------------------------------------------------------------------------------------------

guest-lib :=
guest-y :=
guest-all :=
include guests/build.mk
build-files += guests/build.mk

# Guests may use FP and SIMD; their runtime, which runs in exception handlers too, does not.
guest-cflags := $(target-cppflags) $(target-cflags) -O2 -fno-stack-protector -mbranch-protection=none
guest-asflags := $(target-cppflags) $(target-asflags)
guest-ldflags := -nostdlib -static --no-undefined --gc-sections -z noexecstack -z max-page-size=4096 --build-id=none
guest-lib-objs := $(patsubst %,$(O)/guests/obj/%.o,$(basename $(guest-lib)))
$(call track,guest,$(toolchain) $(guest-cflags) $(guest-ldflags) $(guest-lib-objs))

$(patsubst %.c,$(O)/guests/obj/%.o,$(filter %.c,$(guest-lib))): $(O)/guests/obj/%.o: %.c $(guest-track) $(config-h)
	$(call say,CC,[guest] $<)
	$(Q)$(CC) $(guest-cflags) -mgeneral-regs-only $(CFLAGS_$(<:.c=.o)) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
$(patsubst %.S,$(O)/guests/obj/%.o,$(filter %.S,$(guest-lib))): $(O)/guests/obj/%.o: %.S $(guest-track) $(config-h)
	$(call say,AS,[guest] $<)
	$(Q)$(CC) $(guest-asflags) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(O)/guests/guest.lds: guests/lib/guest.lds.S $(guest-track) $(config-h)
	$(Q)$(CC) -E -P -x assembler-with-cpp $(target-cppflags) -D__ASSEMBLER__ -D__LINKER__ -MMD -MP -MF $@.d -MT $@ -o $@ $<

# $(1) is a guest's name: NAME-src (default guests/NAME.c), NAME-cppflags and NAME-ldflags come from
# guests/build.mk.
define guest-rules
$(1)-src-all := $$(or $$($(1)-src),guests/$(1).c)
$(1)-objs := $$(patsubst %,$(O)/guests/obj/$(1)/%.o,$$(basename $$($(1)-src-all)))
guest-objs += $$($(1)-objs)
$$(patsubst %.c,$(O)/guests/obj/$(1)/%.o,$$(filter %.c,$$($(1)-src-all))): $(O)/guests/obj/$(1)/%.o: %.c $(guest-track) guests/build.mk $(config-h)
	$$(call say,CC,[$(1)] $$<)
	$$(Q)$$(CC) $$(guest-cflags) $$($(1)-cppflags) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<
$$(patsubst %.S,$(O)/guests/obj/$(1)/%.o,$$(filter %.S,$$($(1)-src-all))): $(O)/guests/obj/$(1)/%.o: %.S $(guest-track) guests/build.mk $(config-h)
	$$(call say,AS,[$(1)] $$<)
	$$(Q)$$(CC) $$(guest-asflags) $$($(1)-cppflags) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<
$(O)/guests/$(1).elf: $$($(1)-objs) $(guest-lib-objs) $(O)/guests/guest.lds guests/build.mk
	$$(call say,LD,$$@)
	$$(Q)$$(LD) $$(guest-ldflags) $$($(1)-ldflags) -T $(O)/guests/guest.lds -Map $$(@:.elf=.map) -o $$@ $$(filter %.o,$$^)
$(O)/guests/stripped/$(1).elf: $(O)/guests/$(1).elf
	$$(Q)$$(OBJCOPY) --strip-all $$< $$@
endef
guest-objs :=
$(foreach guest,$(guest-all),$(eval $(call guest-rules,$(guest))))

guests: $(patsubst %,$(O)/guests/%.elf,$(guest-all)) $(guest-images)
	@:

# ---- packages ----------------------------------------------------------------------------------------

mkpackage = $(PYTHON) scripts/mkpackage --config $(O)/auto.conf --cpp '$(CC) -E -x assembler-with-cpp $(target-cppflags) -D__DTS__ -Ulinux -Uunix' \
	$(package-defines) --search $(O)/guests/stripped --search $(O)/linux --search $(O)/uboot --depfile $(1).d -o $(1) $(2)

mkpackage-files := scripts/mkpackage scripts/cpio.py scripts/plain.py $(wildcard scripts/manifest/*.py)

# The package in the image. Its guests are those that the configuration chose.
$(call track,package,$(toolchain) $(guest-y))
embedded-package := $(O)/kernel/load/package.cpio
$(embedded-package): dts/vms/embedded.dts $(patsubst %,$(O)/guests/stripped/%.elf,$(guest-y)) $(mkpackage-files) $(package-track) $(config-h)
	$(if $(guest-y),,$(embeds-nothing))
	$(call say,PACK,$@)
	$(Q)$(call mkpackage,$@,$<)
embeds-nothing = @echo 'error: CONFIG_EMBED_PACKAGE is on, and no guest to embed; switch it off, or one of \
	$(sort $(shell sed -nE 's/^guest-\$$\((CONFIG_\w+)\).*/\1/p' guests/build.mk)) on: make menuconfig' >&2; exit 1

CFLAGS_kernel/load/package_data.o := -DPACKAGE_FILE='"$(embedded-package)"'
$(O)/kernel/load/package_data.o: $(if $(CONFIG_EMBED_PACKAGE),$(embedded-package))

linux-dts := $(wildcard dts/vms/linux*.dts)
uboot-dts := dts/vms/uboot.dts dts/vms/uboot_linux.dts

# make package VMS="dts/vms/a.dts ...": each becomes a package, to be passed as initrd. Those of dts/vms are
# $(O)/a.cpio, others have their whole path: two may have one name.
package-of = $(foreach dts,$(1),$(if $(filter $(CURDIR)/dts/vms/,$(dir $(abspath $(dts)))),$(O)/$(notdir $(dts:.dts=.cpio)),$(O)/packages$(abspath $(dts:.dts=.cpio))))
no-manifest := $(strip $(foreach dts,$(VMS),$(if $(filter %.dts,$(wildcard $(dts))),,$(dts))))
ifneq ($(no-manifest),)
$(error VMS=$(no-manifest): no such manifest; there are $(filter-out dts/vms/test_%,$(wildcard dts/vms/*.dts)); docs/manifest.md tells how to write one)
endif
packages := $(sort $(call package-of,$(VMS)))
package: $(packages)
	@test -n '$(packages)' || { echo 'error: say which: make package VMS=dts/vms/NAME.dts' >&2; exit 1; }
# "make run" knows the machine, if it is written as usual.
package-machine := $(if $(filter run debug,$(goals)),$(patsubst %,--cpus %,$(firstword $(subst $(comma), ,$(SMP)))) \
	$(patsubst %,--memory %,$(filter %M %G,$(MEM))))
$(call track,machine,machine $(package-machine))
define package-rule
$(call package-of,$(1)): $(1) $(patsubst %,$(O)/guests/stripped/%.elf,$(guest-all)) $(mkpackage-files) $(package-track) $(machine-track) $(config-h)
	$$(call say,PACK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call mkpackage,$$@,$$< $(package-machine))
endef
# A manifest that is named in two ways is one.
manifests := $(sort $(patsubst $(CURDIR)/%,%,$(abspath $(VMS) $(linux-dts) $(uboot-dts))))
$(foreach dts,$(manifests),$(eval $(call package-rule,$(dts))))

# ---- Linux as a guest --------------------------------------------------------------------------------

# Debian's kernel and busybox, fetched once, and the manifests dts/vms/linux*.dts packed with them.
# A manifest of anybody's that names what is fetched needs it likewise.
naming = $(shell grep -lE '$(1)' -- $(patsubst %,'%',$(manifests)))
linux-packages := $(call package-of,$(linux-dts))
has-linux      := $(call package-of,$(call naming,"vmlinuz"|"initramfs.cpio"|LINUX_VM))
linux-images   := $(O)/linux/vmlinuz $(O)/linux/initramfs.cpio
linux-defines  := --define LINUX_VCPUS=$(VCPUS) --define LINUX_MIB=$(LINUX_MEM) --define 'LINUX_BOOTARGS=$(LINUX_BOOTARGS)'
$(call track,linux,$(linux-defines))
$(has-linux): private package-defines := $(linux-defines)
$(has-linux): $(linux-images) $(linux-track)

$(SCHISM_CACHE)/debs/%.deb: | scripts/fetch-deb
	$(call say,FETCH,$*)
	$(Q)scripts/fetch-deb $(@D) $(or $(linux-deb-$*),$*)
linux-deb-linux-image-cloud-arm64 := 'linux-image-cloud-arm64/linux-image-*'
linux-deb-busybox-static          := busybox-static

deb-file = $(Q)$(PYTHON) scripts/deb-file $< $@

$(O)/linux/vmlinuz: $(SCHISM_CACHE)/debs/linux-image-cloud-arm64.deb scripts/deb-file
	$(deb-file) './boot/vmlinuz-*'
# Modules of the kernel, for tests.
linux-modules := $(addprefix $(O)/linux/,reed_solomon.ko ramoops.ko)
$(O)/linux/%.ko: $(SCHISM_CACHE)/debs/linux-image-cloud-arm64.deb scripts/deb-file
	$(deb-file) '*/$*.ko'
$(O)/linux/busybox: $(SCHISM_CACHE)/debs/busybox-static.deb scripts/deb-file
	$(deb-file) ./bin/busybox ./usr/bin/busybox
$(O)/linux/initramfs.cpio: $(O)/linux/busybox guests/linux/init scripts/mkinitramfs scripts/cpio.py
	$(call say,PACK,$@)
	$(Q)$(PYTHON) scripts/mkinitramfs -o $@ --busybox $< --init guests/linux/init

linux: $(linux-packages) $(linux-modules)
	@:
run-linux: all $(O)/linux.cpio
	@$(run-env) PACKAGE='$(or $(PACKAGE),$(O)/linux.cpio)' $(PYTHON) scripts/run-qemu

# ---- U-Boot as a guest -------------------------------------------------------------------------------

uboot-package := $(O)/uboot.cpio
$(call package-of,$(call naming,"u-boot.bin")): $(O)/uboot/u-boot.bin
$(O)/uboot/u-boot.bin: $(SCHISM_CACHE)/debs/u-boot-qemu.deb scripts/deb-file
	$(deb-file) ./usr/lib/u-boot/qemu_arm64/u-boot.bin

uboot: $(uboot-package)
	@:
run-uboot: all $(uboot-package)
	@$(run-env) PACKAGE='$(or $(PACKAGE),$(uboot-package))' $(PYTHON) scripts/run-qemu

# ---- running -----------------------------------------------------------------------------------------

run-env := QEMU='$(QEMU)' CPU='$(CPU)' SMP='$(SMP)' MEM='$(MEM)' MACHINE='$(MACHINE)' PACKAGE='$(or $(PACKAGE),$(packages))' \
	APPEND='$(APPEND)' QEMU_ARGS='$(QEMU_ARGS)' BUILD='$(O)'
ifneq ($(word 2,$(if $(filter run debug,$(goals)),$(VMS))),)
$(error one manifest at a time can be run, not VMS="$(VMS)")
endif
ifneq ($(if $(VMS),$(filter run-linux run-uboot,$(goals))),)
$(error make $(filter run-linux run-uboot,$(goals)) has a manifest of its own; to run another one: make run VMS="$(VMS)")
endif
ifneq ($(and $(PACKAGE),$(VMS),$(filter run debug,$(goals))),)
$(error either what is packed is run, PACKAGE=$(PACKAGE), or a manifest, VMS=$(VMS))
endif
run: all $(packages)
	@$(run-env) $(PYTHON) scripts/run-qemu
debug: all $(packages)
	@$(run-env) $(PYTHON) scripts/run-qemu debug

# ---- tests -------------------------------------------------------------------------------------------

unit-test :=
smp-test :=
fuzzer :=
include tests/unit/build.mk
include tests/fuzz/build.mk
build-files += tests/unit/build.mk tests/fuzz/build.mk

host-cflags := -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer -fvisibility=hidden $(filter-out -Wframe-larger-than=% -Werror,$(warnings)) \
	$(if $(filter-out 0,$(or $(WERROR),1)),-Werror) \
	-I. -Iinclude -Itests/host/include -I$(O)/include -include $(config-h) -include tests/host/race.h -DSCHISM_HOST
host-libs := -lcmocka -lfdt
# gcc says of each fence that ThreadSanitizer does not see it: arch_memory_barrier() knows.
tsan-cflags := $(filter-out -fsanitize=% -fno-sanitize-recover=%,$(host-cflags)) -fsanitize=thread -Wno-tsan
ifneq ($(filter check test unit-tests lint $(O)/tests/%,$(goals)),)
$(call track,host,$(shell $(HOSTCC) --version | head -1) $(HOSTCC) $(host-cflags))
$(call track,tsan,$(shell $(HOSTCC) --version | head -1) $(HOSTCC) $(tsan-cflags))
endif
host-track := $(O)/.track/host
tsan-track := $(O)/.track/tsan
unit-bins := $(patsubst %,$(O)/tests/unit/%,$(unit-test) $(addsuffix -tsan,$(smp-test)))
ifneq ($(SHARD),)
unit-bins := $(shell $(PYTHON) scripts/shard.py $(call quoted,$(SHARD)) $(unit-bins) || echo wrong)
ifeq ($(unit-bins),wrong)
$(error no tests were run)
endif
endif
host-objs :=

# $(1) is a test: its sources are NAME-src (default tests/unit/NAME.c). With NAME-cppflags they are
# compiled for this test alone, else shared with the others.
define unit-rules
$(1)-dir  := $(O)/host/$(if $($(1)-cppflags),$(1),shared)
$(1)-objs := $$(patsubst %.c,$$($(1)-dir)/%.o,$(or $($(1)-src),tests/unit/$(1).c))
host-objs += $$($(1)-objs)
$(O)/tests/unit/$(1): $$($(1)-objs)
	$$(call say,HOSTLD,$$@)
	$$(Q)$$(HOSTCC) $$(host-cflags) -o $$@ $$^ $$($(1)-libs) $$(host-libs)
$(if $($(1)-cppflags),$$($(1)-objs): $$($(1)-dir)/%.o: %.c $(host-track) tests/unit/build.mk $(config-h)
	$$(call say,HOSTCC,$$< [$(1)])
	$$(Q)$$(HOSTCC) $$(host-cflags) $$($(1)-cppflags) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<)
endef
$(foreach test,$(unit-test),$(eval $(call unit-rules,$(test))))

$(O)/host/shared/%.o: %.c $(host-track) $(config-h)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(host-cflags) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

# A test whose threads are CPUs, once more: NAME-tsan, of the same sources, with ThreadSanitizer.
define tsan-rules
$(1)-tsan-objs := $$(patsubst %.c,$(O)/host/tsan/%.o,$$($(1)-src) tests/host/tsan.c)
host-objs += $$($(1)-tsan-objs)
$(O)/tests/unit/$(1)-tsan: $$($(1)-tsan-objs)
	$$(call say,HOSTLD,$$@)
	$$(Q)$$(HOSTCC) $$(tsan-cflags) -o $$@ $$^ $$($(1)-libs) $$(host-libs)
endef
$(foreach test,$(smp-test),$(eval $(call tsan-rules,$(test))))

$(O)/host/tsan/%.o: %.c $(tsan-track) $(config-h)
	$(call say,TSANCC,$<)
	$(Q)$(HOSTCC) $(tsan-cflags) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

run-tests = $(PYTHON) scripts/run-tests --build $(O) --pytest-args=$(call quoted,$(PYTEST_ARGS)) --soak '$(N)' \
	--sweep '$(CPUS)' $(if $(SHARD),--shard $(SHARD)) --unit '$(unit-bins)' --headers '$(O)/.track/headers'

# How scripts/check-headers compiles: the header's layer decides which line it takes.
$(call track,headers,$(CC) $(hv-cflags)|$(CC) $(guest-cflags) -mgeneral-regs-only|$(HOSTCC) $(host-cflags))

unit-tests: $(unit-bins)
	@:
check: $(unit-bins)
	@$(run-tests) check
boot-test: all guests
	@$(run-tests) boot
variants: $(libfdt-a)
	@$(run-tests) variants
soak: all guests
	@$(run-tests) soak

storm: all guests
	@$(run-tests) storm
sweep: all guests
	@$(run-tests) sweep
lint: $(config-h) $(offsets-h) $(hv-objs)
	@$(run-tests) lint
test: $(unit-bins) all guests
	@$(run-tests) check lint boot variants

# On a bare Debian, each command of README.md as the only one.
test-debian12 test-debian13: test-debian
test-debian12: RELEASE := bookworm
test-debian13: RELEASE := trixie
test-debian:
	@test -n '$(RELEASE)' || { echo 'error: say which: make test-debian RELEASE=trixie' >&2; exit 1; }
	@env -u SCHISM_CACHE -u MAKEFLAGS -u MFLAGS $(PYTHON) scripts/test-debian '$(RELEASE)' '$(O)/debian' $(COMMANDS)

# ---- measuring ---------------------------------------------------------------------------------------

# Always the default configuration, built in $(O)/test/default, whatever $(O) has: the reference is of that.
bench: $(libfdt-a)
	@env -u FRAGMENTS -u LLVM -u LIBFDT_SRC SCHISM_BUILD='$(O)' PYTHON='$(PYTHON)' HOSTCC='$(HOSTCC)' QEMU='$(QEMU)' \
		$(PYTHON) tests/bench/bench.py --out $(O)/bench.json $(if $(UPDATE),--update) $(BENCH_ARGS)

# ---- fuzzers -----------------------------------------------------------------------------------------

# libFuzzer's instrumentation with the sanitizers, of everything that a fuzzer is linked from.
fuzz-cc = $(call once,fuzz-cc,$(or $(shell scripts/find-llvm clang),clang))
fuzz-cflags := $(patsubst -O1,-O2,$(host-cflags)) -fsanitize=fuzzer-no-link -Wno-format-nonliteral
ifneq ($(filter fuzz $(O)/fuzz/%,$(goals)),)
$(call track,fuzz,$(shell $(fuzz-cc) --version | head -1) $(fuzz-cflags))
endif
fuzz-objs :=

define fuzz-rules
$(1)-fuzz-objs := $$(patsubst %.c,$(O)/fuzz/obj/%.o,tests/fuzz/fuzz_$(1).c $(fuzz-common) $(fuzz_$(1)-src))
fuzz-objs += $$($(1)-fuzz-objs)
$(O)/fuzz/$(1): $$($(1)-fuzz-objs)
	$$(call say,FUZZLD,$$@)
	$$(Q)$(fuzz-cc) $$(fuzz-cflags) -fsanitize=fuzzer -o $$@ $$^ -lfdt
endef
$(foreach name,$(fuzzer),$(eval $(call fuzz-rules,$(name))))

$(O)/fuzz/obj/%.o: %.c $(O)/.track/fuzz $(config-h)
	$(call say,FUZZCC,$<)
	$(Q)$(fuzz-cc) $(fuzz-cflags) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

ifneq ($(filter-out $(fuzzer),$(FUZZ)),)
$(error FUZZ=$(filter-out $(fuzzer),$(FUZZ)): no such fuzzer; there are $(fuzzer))
endif
fuzz: $(patsubst %,$(O)/fuzz/%,$(or $(FUZZ),$(fuzzer)))
	@$(PYTHON) tests/fuzz/run.py --build $(O) --seconds $(T) $(or $(FUZZ),$(fuzzer))

# ---- compile_commands.json, for editors and clang-tidy -----------------------------------------------

commands-list := $(foreach obj,$(hv-c-objs),$(call source-of,$(obj))|$(obj)|hv) \
	$(foreach src,$(filter %.c,$(guest-lib)),$(src)|$(O)/guests/obj/$(src:.c=.o)|guest) \
	$(foreach guest,$(guest-all),$(foreach src,$(or $($(guest)-src),guests/$(guest).c),$(src)|$($(guest)-objs)|guest)) \
	$(foreach src,$(sort $(foreach test,$(unit-test),$(filter tests/%,$($(test)-src)))),$(src)|$(O)/host/shared/$(src:.c=.o)|host)
$(call track,commands,$(commands-list))
$(O)/compile_commands.json: $(commands-track) $(headers-track) scripts/compile-commands
	$(Q)$(PYTHON) scripts/compile-commands $(commands-track) $(headers-track) $@

# ---- dependencies ------------------------------------------------------------------------------------

all-objs := $(hv-objs) $(libfdt-objs) $(guest-lib-objs) $(guest-objs) $(host-objs) $(sort $(fuzz-objs))
$(shell mkdir -p $(sort $(dir $(all-objs))) $(O)/tests/unit $(O)/guests/stripped)
-include $(wildcard $(all-objs:.o=.d) $(O)/asm-offsets.d $(O)/schism.lds.d $(O)/guests/guest.lds.d $(O)/*.cpio.d $(addsuffix .d,$(packages) $(embedded-package)))

endif
endif

clean distclean:
	$(Q)scripts/output-dir $@ '$(O)'
