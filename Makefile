# SPDX-License-Identifier: Apache-2.0
# Bulkhead. `make help` lists what a person would want; everything built lies in build/.
B      := build
Q      := $(if $(V),,@)
CONFIG ?= configs/demo.c
RIG    ?=
name   := $(basename $(notdir $(CONFIG)))
C      := $(B)/config/$(name)

WARN := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wundef -Wvla -Wconversion -Wno-unused-parameter
# general-regs-only: vector registers hold the guest's state while the hypervisor runs.
IMG  := $(WARN) -I. -O2 -g -ffreestanding -fno-common -fno-pic -fno-pie -mcmodel=kernel \
	-fcf-protection=none -fno-stack-protector -mno-red-zone -mgeneral-regs-only \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -ffunction-sections -fdata-sections \
	-ffile-prefix-map=$(CURDIR)=.
HOST := $(WARN) -I. -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
TOOL := $(WARN) -I. -O2 -g

# --- sources, by layer -------------------------------------------------------------------
pure     := $(wildcard sched/*.c io/*.c)
lib      := $(wildcard core/lib/*.c)
core     := $(wildcard core/*.c)
drivers  := $(wildcard drivers/*.c)
x86      := $(wildcard arch/x86/*.[cS] arch/x86/vmx/*.[cS] arch/x86/svm/*.[cS]) \
	    $(wildcard arch/x86/boot/multiboot2*.[cS] arch/x86/boot/entry*.[cS])
# Sources that also run on the host, beside pure and lib: plain functions over plain data.
x86_pure := $(wildcard $(addprefix arch/x86/,acpi.c cpuid.c msr.c nested.c vlapic.c \
	    paging_table.c boot/multiboot2_info.c vmx/decode.c svm/decode.c))
core_pure := core/plan.c core/elf.c core/ledger.c

img_src  := $(lib) $(pure) $(core) $(drivers) $(x86)
host_src := $(filter-out core/lib/mem.c,$(lib)) $(pure) $(core_pure) $(x86_pure) \
	    $(wildcard tests/fake/*.c)
img_o    := $(patsubst %,$(B)/img/%.o,$(img_src))
host_o   := $(patsubst %,$(B)/host/%.o,$(host_src))
tests    := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c tests/property/test_*.c))

guest_names := $(filter-out rt,$(notdir $(patsubst %/,%,$(dir $(wildcard guests/*/*.c)))))
guest_names := $(sort $(guest_names))
guests      := $(patsubst %,$(B)/guests/%.elf,$(guest_names))

.DEFAULT_GOAL := all
.PHONY: all help deps image plan run test check-tree host-tests boot-tests format layers headers \
	bench experiment experiments fuzz mutants clean guests
.SECONDARY:
.DELETE_ON_ERROR:

all: deps
	$(Q)$(MAKE) --no-print-directory image

help:
	@sed -n 's/^#: //p' Makefile

#: make run [CONFIG=configs/x.c] [RIG=bochs|bochs-ovmf|qemu|qemu-iso|kvm]
#:                        set up, build, boot and watch (no RIG: every rig that can show it)
#: make test              set up, then every test CI runs; ends with "N passed, N failed"
#: make plan CONFIG=...   check a configuration and print its plan, or what is wrong with it
#: make image CONFIG=...  build/BOOTX64.EFI, build/bulkhead.elf, build/bulkhead.iso
#: make bench             instruction counts of the hypervisor's paths: build/results/bench.json
#: make experiment        lists the experiments; NAME=x runs one: build/results/x.{json,csv,svg}
#: make mutants           break the scheduler on purpose; every break must turn a test red
#: make clean             forget what was built (the set-up stays; `rm -rf build` forgets all)
#: V=1 shows the commands.

deps:
	$(Q)tools/deps

# --- the image ---------------------------------------------------------------------------
$(B)/img/%.o: % Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(IMG) -MMD -MP -c $< -o $@
$(B)/img/drivers/fbcon_font.S.o: $(B)/font.psf

$(B)/font.psf: tools/mkfont
	$(Q)tools/mkfont $@

$(C)/config.o: $(CONFIG) Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(IMG) -MMD -MP -c $< -o $@

$(C)/bulkhead.elf: $(img_o) $(C)/config.o linker.ld $(C)/plan.txt
	$(Q)$(LD) -nostdlib -static --gc-sections -z max-page-size=4096 -z noexecstack \
		--build-id=none -T linker.ld -o $@.debug $(img_o) $(C)/config.o
	$(Q)objcopy --strip-debug --strip-unneeded $@.debug $@

# Refused before the build: the image needs a plan.
$(C)/plan: $(CONFIG) $(B)/tool/plan.a Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL) -o $@ $(CONFIG) $(B)/tool/plan.a
$(C)/plan.txt: $(C)/plan $(guests)
	$(Q)$(C)/plan --files $(B)/guests >$@.new || { cat $@.new >&2; exit 1; }
	@mv $@.new $@

tool_o := $(patsubst %,$(B)/tool/%.o,$(filter-out core/lib/mem.c,$(lib)) $(pure) $(core_pure))
$(B)/tool/%.o: % Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL) -MMD -MP -c $< -o $@
$(B)/tool/plan.a: $(B)/tool/tools/plan.c.o $(B)/tool/tests/fake/panic.c.o $(tool_o)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/tool/trace_check: $(B)/tool/tools/trace_check.c.o $(B)/tool/tests/fake/panic.c.o $(tool_o)
	$(Q)$(CC) $(TOOL) -o $@ $^

include arch/x86/boot/efi.mk

clean:
	rm -rf $(B)/img $(B)/host $(B)/tests $(B)/config $(B)/guests $(B)/tool $(B)/rig $(B)/efi
-include $(shell find $(B)/img $(B)/host $(B)/tests $(B)/config $(B)/guests $(B)/tool -name '*.d' 2>/dev/null)
