# SPDX-License-Identifier: Apache-2.0
# Bulkhead. `make help` lists what a person would want; everything built lies in build/.
B      := build
Q      := $(if $(V),,@)
CONFIG ?= configs/demo.c
SUB    := $(MAKE) --no-print-directory $(if $(V),,-s)

WARN := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wundef -Wvla -Wconversion -Wno-unused-parameter
BASE := $(WARN) -I. -O2 -g -fno-common -fno-pic -fno-pie -fcf-protection=none \
	-fno-stack-protector -mno-red-zone -fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)=.
# Vector registers and R12 to R15 hold the guest's state while the hypervisor runs: an exit need
# not save them. Without vector registers a stack aligned to 8 will do.
KEEP := -mgeneral-regs-only -mpreferred-stack-boundary=3 \
	-ffixed-r12 -ffixed-r13 -ffixed-r14 -ffixed-r15 -DGUESTS_KEEP_R12_TO_R15
IMG  := $(BASE) -ffreestanding -mcmodel=kernel $(KEEP)
HOST := $(WARN) -I. -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
TOOL := $(WARN) -I. -O2 -g
# The image has a limit: boot, planning, what is printed, and drivers that serve no request of a
# guest yet. (A kick and a host interrupt pass through here, too: few instructions.)
SMALL := core/main core/plan core/disk.c core/disk_stats core/disk_nvme core/disk_pci core/disk_virtio core/disk_gpt core/summary core/log core/device core/pf core/boot_files core/load core/elf core/memory \
	core/lib/fmt core/lib/sha256 drivers/ arch/x86/boot arch/x86/acpi arch/x86/init arch/x86/mp arch/x86/mem \
	arch/x86/paging arch/x86/cmos arch/x86/calibrate arch/x86/power arch/x86/guest/linux \
	arch/x86/guest/load arch/x86/guest/multiboot arch/x86/guest/tables arch/x86/pci arch/x86/vtd \
	arch/x86/vmx/controls arch/x86/vmx/initial arch/x86/vmx/reset arch/x86/vmx/vmcs arch/x86/nested \
	arch/x86/trap $(addprefix arch/x86/pc/,device vrtc vpit) core/partition core/console io/vpci \
	sched/admission sched/supply sched/demand
small  = $(if $(filter $(addsuffix %,$(SMALL)),$<),-Os -Wno-maybe-uninitialized)
LINK := -nostdlib -static --gc-sections -z max-page-size=4096 -z noexecstack --build-id=none

# 128-bit division only. libgcc may use a red zone: harmless here, as the hypervisor takes
# interrupts nowhere but at HLT, and NMI, #DF and #MC have stacks of their own.
LIBGCC = $(shell $(CC) -print-libgcc-file-name)
EFI  := $(WARN) -I. -isystem /usr/include/efi -isystem /usr/include/efi/x86_64 -O2 -g -fpic \
	-ffreestanding -fno-stack-protector -fshort-wchar -fno-strict-aliasing \
	-fcf-protection=none -mno-red-zone -mgeneral-regs-only -maccumulate-outgoing-args \
	-fno-asynchronous-unwind-tables -DGNU_EFI_USE_MS_ABI -ffile-prefix-map=$(CURDIR)=.
EFI_LIB = $(patsubst %/crt0-efi-x86_64.o,%,$(firstword $(wildcard \
	/usr/lib/crt0-efi-x86_64.o /usr/lib/x86_64-linux-gnu/gnuefi/crt0-efi-x86_64.o \
	/usr/lib/x86_64-linux-gnu/crt0-efi-x86_64.o)))

NEWLIB := $(B)/newlib/x86_64-elf
GUEST  = $(BASE) -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
	 -isystem $(NEWLIB)/include

# --- sources, by layer -------------------------------------------------------------------
lib      := $(wildcard core/lib/*.c)
pure     := $(wildcard sched/*.c io/*.c)
core     := $(wildcard core/*.c)
drivers  := $(wildcard drivers/*.[cS] drivers/*/*.c)
x86      := $(wildcard $(addsuffix /*.[cS],arch/x86 $(addprefix arch/x86/,vmx svm vtd pc guest))) \
	    $(wildcard arch/x86/boot/multiboot2*.[cS])
# Plain functions over plain data: these run on the host too.
core_pure  := $(wildcard core/plan*.c) $(addprefix core/,device_name.c elf.c ledger.c memory.c run.c run_posted.c service.c exit.c \
	      hypercall.c console.c partition.c load.c steal.c log_ring.c boot_files.c)
x86_pure   := $(wildcard $(addprefix arch/x86/,acpi.c acpi_tables.c calibrate.c cmos.c boot_map.c cpuid.c \
	      msr.c nested_table.c post.c vlapic*.c paging_table.c boot/multiboot2_info.c guest/*.c guest/*.S pc/v*.c \
	      $(addprefix vtd/,dmar.c fault.c gate.c irq.c irte.c queue.c scope.c table.c unit.c vtd.c) \
	      vmx/decode.c vmx/controls.c vmx/initial.c vmx/msr_bitmap.c svm/decode.c svm/event.c svm/control.c))
guest_pure := $(wildcard guests/rt/args.c guests/rt/rm.c guests/rt/stats.c guests/tasks/taskset.c \
	      $(addprefix guests/net/,frame.c igbvf.c mtvd.c traffic.c) \
	      $(addprefix guests/blk/,ring.c ring_packed.c spread.c record.c))

# Into images whose configuration has devices: what `plan --list-drivers` says is wanted.
optional   := trace tasks tuples device disk tuning disk_rates rate igb nvme memnic nvme_disk virtio_disk
disk_pci   := core/disk_pci.c core/disk_gpt.c drivers/gpt/gpt.c
nvme_both  := $(addprefix drivers/nvme/,nvme.c nvme_identify.c nvme_io.c nvme_queue.c)
device_src := core/plan_device.c $(filter-out core/device_name.c core/device_rate%,$(wildcard core/device*.c)) \
	      $(wildcard drivers/pci*.c drivers/sriov.c) arch/x86/vtd/gate.c
rate_src   := core/plan_rate.c $(wildcard core/device_rate*.c) io/irq_rate.c io/shaper.c
trace_src  := core/trace_detail.c
tasks_src  := core/plan_tasks.c sched/demand.c sched/supply.c
tuples_src := $(wildcard core/plan_tuple*.c)
disk_rates_src := core/plan_tuple.c core/plan_disk_rate.c
tuning_src := core/plan_disk_tune.c core/plan_disk_relax.c $(wildcard io/latency*.c io/disk_optimizer*.c)
disk_src   := core/plan_device.c core/plan_disk.c core/plan_disk_bound.c core/lib/service_time.c $(wildcard drivers/memdisk/*.c) \
	      core/disk.c core/disk_service.c core/disk_stats.c $(wildcard io/bfq*.c io/iosched*.c io/vblk*.c io/virt*.c io/histogram.c io/disk_bound.c)
igb_src    := core/pf_igb.c $(wildcard drivers/igb/*.c)
memnic_src := core/nic.c core/plan_nic.c io/shaper.c $(wildcard io/memnic*.c)
nvme_src   := core/pf_nvme.c drivers/nvme/nvme_virt.c $(nvme_both)
nvme_disk_src   := core/disk_nvme.c $(disk_pci) $(wildcard drivers/nvme/nvme_disk*.c) $(nvme_both)
virtio_disk_src := core/disk_virtio.c $(disk_pci) $(wildcard drivers/virtio_blk/*.c)
$(foreach o,$(optional),$(eval $(o)_o := $(patsubst %,$(B)/img/%.o,$($(o)_src))))

img_o  := $(patsubst %,$(B)/img/%.o,$(lib) $(pure) $(core) $(drivers) $(x86))
plain_o := $(filter-out $(foreach o,$(optional),$($(o)_o)),$(img_o))
host_o := $(patsubst %,$(B)/host/%.o,$(filter-out core/lib/mem.c,$(lib)) $(pure) $(core_pure) \
	  $(x86_pure) $(wildcard drivers/fbcon.c drivers/disk.c drivers/pci*.c drivers/sriov.c drivers/*/*.c) \
	  $(guest_pure) $(wildcard tests/fake/*.c tests/model/vtd*.c tests/model/igb*.c tests/model/disk*.c))
tool_o := $(patsubst %,$(B)/tool/%.o,$(filter-out core/lib/mem.c,$(lib)) $(pure) \
	  $(wildcard core/plan*.c) $(addprefix core/,device_name.c elf.c memory.c boot_files.c) \
	  $(addprefix arch/x86/guest/,linux.c load.c multiboot.c multiboot_elf.c \
	  multiboot_kernel.c) tests/fake/panic.c)
tests  := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard \
	  $(addsuffix /test_*.c,tests/unit tests/property tests/fuzz)))

efi_src := $(wildcard arch/x86/boot/efi*.c) arch/x86/boot_map.c arch/x86/paging_table.c \
	   core/boot_files.c core/lib/fmt.c core/lib/mem.c
efi_o   := $(patsubst %,$(B)/efi/%.o,$(efi_src))

guest_names := $(sort $(filter-out rt linux,$(notdir $(patsubst %/,%,$(dir $(wildcard guests/*/*.c))))))
linux       := $(addprefix $(B)/guests/,linux-generic linux-rt linux-cloud initrd-linux initrd-kvm initrd-net initrd-disk initrd-web initrd-web-net)
guests      := $(patsubst %,$(B)/guests/%.elf,$(guest_names)) $(linux)

.DEFAULT_GOAL := all
.PHONY: all help deps guests image images linux-images device-images irq-images web-images web-net-images disk-images bench-images plan run \
	test check-tree \
	host-tests boot-tests format bench experiment experiments models data-set mutants fuzz clean
.SECONDARY:
.DELETE_ON_ERROR:

#: make run [CONFIG=configs/x.c] [RIG=bochs|bochs-ovmf|qemu|qemu-iso|kvm]
#:                        set up, build, boot and watch (no RIG: every rig that can show it)
#: make test              set up, then every test CI runs; ends with "N passed, N failed"
#: make plan CONFIG=...   check a configuration, print and draw its plan, or what is wrong with it
#: make image CONFIG=...  build/BOOTX64.EFI, build/bulkhead.elf, build/bulkhead.iso
#: make bench [PEER=kvm]  instruction counts of the hypervisor's paths: build/results/bench.json
#: make experiment        lists the experiments; NAME=x runs one: build/results/x.{json,csv,svg}
#: make data-set          what the disk's latency models are fitted to: build/models/data-set.csv
#: make models            what predicts a disk's tail latency: io/latency_table.c, build/results/models.json
#:                        (about an hour, most of it for the data; GSL and scikit-learn are set up for it)
#: make mutants           breaks the scheduler on purpose; every break must turn a test red
#: make fuzz [N=100000000]  hostile instructions over hostile page tables; hostile DMAR tables; hostile
#:                        guests of a virtio disk and wrong configurations, led by coverage (clang is
#:                        set up for it); and
#:                        every instruction form against another decoder (some minutes each)
#: make format            lays the sources out as .clang-format says
#: make clean             forgets what was built (not the set-up; `rm -rf build` forgets all)
#: V=1 shows the commands.
help:
	@sed -n 's/^#: //p' Makefile

all: deps
	$(Q)$(SUB) image

deps:
	$(Q)tools/deps

# --- objects -----------------------------------------------------------------------------
$(B)/img/%.o: % Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(IMG) $(small) -MMD -MP -c $< -o $@
$(B)/guest/%.o: % Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUEST) -MMD -MP -c $< -o $@
$(B)/host/%.o: % Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST) -MMD -MP -c $< -o $@
$(B)/tool/%.o: % Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL) -MMD -MP -c $< -o $@

$(B)/efi/%.o: % Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(EFI) -MMD -MP -c $< -o $@

# The DSDT of guests with a PC: arch/x86/guest/dsdt.S embeds it.
$(B)/dsdt.aml: arch/x86/guest/dsdt.asl Makefile
	@mkdir -p $(@D)
	$(Q)iasl -ve -p $(B)/dsdt $< >$@.log || { cat $@.log; exit 1; }
dsdt_o := $(patsubst %,$(B)/%/arch/x86/guest/dsdt.S.o,img host)
$(dsdt_o): $(B)/dsdt.aml
$(dsdt_o): IMG += -Wa,-I$(B)
$(dsdt_o): HOST += -Wa,-I$(B)

# --- guests: newlib, our runtime, one folder each ----------------------------------------
guest_rt := $(patsubst %,$(B)/guest/%.o,$(wildcard guests/rt/*.[cS]))
define guest_rules
$(B)/guests/$(1).elf: $(guest_rt) $(patsubst %,$(B)/guest/%.o,$(wildcard guests/$(1)/*.c)) \
		guests/rt/guest.ld
	@mkdir -p $$(@D)
	$(Q)$(LD) $(LINK) -T guests/rt/guest.ld -o $$@.debug $$(filter %.o,$$^) \
		--start-group $(NEWLIB)/lib/libc.a $(NEWLIB)/lib/libm.a --end-group
	$(Q)objcopy --strip-all $$@.debug $$@
endef
$(foreach g,$(guest_names),$(eval $(call guest_rules,$(g))))
guests: $(guests)

# --- Linux guests: Debian's kernels as packaged, our initial RAM disk ---------------------
$(B)/linux/%/vmlinuz:
	$(Q)tools/deps
$(B)/guests/linux-%: $(B)/linux/%/vmlinuz
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(B)/tool/linux/%: guests/linux/%.c guests/abi.h Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) -I. -O2 -static -s -pthread -Wl,--build-id=none -o $@ $<
$(B)/guests/initrd-linux: guests/linux/init $(B)/tool/linux/meter tools/linux $(B)/linux/cloud/vmlinuz
	$(Q)tools/linux $@ --add init=$< --add bin/meter=$(B)/tool/linux/meter \
		--debian cyclictest --debian fio
# As large as a kernel, and says when it was entered.
$(B)/tool/linux/entry.bin: guests/linux/entry.S Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 -c -o $@.o $<
	$(Q)$(LD) -m elf_i386 -Ttext=0 --oformat binary -o $@ $@.o
$(B)/tool/linux/entry-%: $(B)/tool/linux/entry.bin $(B)/guests/linux-%
	$(Q)cp $< $@ && truncate -r $(word 2,$^) $@
# Starts a guest of ours on QEMU's bare machine: tools/launch/launch.c.
$(B)/tool/launch.elf: tools/launch/start.S tools/launch/launch.c tools/launch/launch.ld guests/abi.h Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) -I. -m32 -O2 -ffreestanding -fno-pic -no-pie -fno-stack-protector -nostdlib \
		-mgeneral-regs-only -fno-asynchronous-unwind-tables -fcf-protection=none -Wl,--build-id=none,--no-warn-rwx-segments \
		-Wno-array-bounds -T tools/launch/launch.ld -o $@ $(filter %.S %.c,$^)
# Guests with devices: the drivers of the generic kernel; igb for the comparison without hypervisor.
net_modules = $(foreach m,$(sort $(shell cat $(addprefix $(B)/linux/generic/,$(addsuffix .modules,\
		igb igbvf nvme)))),--add lib/$(m).ko=$(B)/linux/generic/$(m).ko) \
	      $(foreach m,igb igbvf nvme,--add lib/$(m).modules=$(B)/linux/generic/$(m).modules)
$(B)/guests/initrd-net: guests/linux/init guests/linux/devices $(B)/tool/linux/meter tools/linux \
		$(B)/linux/generic/vmlinuz
	$(Q)tools/linux $@ --add init=$< --add lib/devices=guests/linux/devices \
		--add bin/meter=$(B)/tool/linux/meter $(net_modules) \
		--debian fio --debian iperf3 --debian ethtool
# Guests with a virtual disk: the cloud kernel, which may have built some of it in.
disk_modules = $(foreach m,$(sort $(shell cat $(addprefix $(B)/linux/cloud/,$(addsuffix .modules,\
		 virtio_pci virtio_blk ext4)))),--add lib/$(m).ko=$(B)/linux/cloud/$(m).ko) \
	       $(foreach m,virtio_pci virtio_blk ext4,--add lib/$(m).modules=$(B)/linux/cloud/$(m).modules)
$(B)/guests/initrd-disk: guests/linux/init guests/linux/disk $(B)/tool/linux/meter tools/linux \
		$(B)/linux/cloud/vmlinuz
	$(Q)tools/linux $@ --add init=$< --add lib/disk=guests/linux/disk \
		--add bin/meter=$(B)/tool/linux/meter $(disk_modules) \
		--debian fio --debian mkfs.ext4 --debian e2fsck
# The guest with a web server: Apache, its benchmark, netpbm, from a root of their own.
web_libraries := apr-1 aprutil-1 pcre2-8 expat crypt ssl crypto netpbm
web_modules := $(foreach m,mpm_prefork authz_core alias cgi,\
		 --add lib/apache2/mod_$(m).so=$(B)/web/root/usr/lib/apache2/modules/mod_$(m).so)
$(B)/web/.done:
	$(Q)tools/deps
web_files := --root $(B)/web/root --add init=guests/linux/init --add lib/web=guests/linux/web \
	     --add etc/httpd.conf=guests/linux/httpd.conf --add srv/cgi/rotate=guests/linux/rotate \
	     --add bin/meter=$(B)/tool/linux/meter $(web_modules) $(addprefix --library ,$(web_libraries)) \
	     --debian apache2 --debian ab --debian pnmrotate --debian pgmramp
$(B)/guests/initrd-web $(B)/guests/initrd-web-net: guests/linux/init guests/linux/web guests/linux/httpd.conf \
		guests/linux/rotate $(B)/tool/linux/meter tools/linux $(B)/web/.done
$(B)/guests/initrd-web:
	$(Q)tools/linux $@ $(web_files)
# The same with its clients elsewhere: a network card's function, and the kernel that has its driver.
$(B)/guests/initrd-web-net: guests/linux/web_net guests/linux/account guests/linux/devices $(B)/linux/generic/vmlinuz
	$(Q)tools/linux $@ $(web_files) --add lib/web_net=guests/linux/web_net --add lib/devices=guests/linux/devices \
		--add srv/cgi/account=guests/linux/account --debian ethtool \
		$(foreach m,$(shell cat $(B)/linux/generic/igbvf.modules),--add lib/$(m).ko=$(B)/linux/generic/$(m).ko) \
		--add lib/igbvf.modules=$(B)/linux/generic/igbvf.modules
# The peer of `make bench PEER=kvm`: the modules of one kernel, our launcher, our guest's file.
kvm_modules := $(foreach m,irqbypass kvm kvm-intel kvm-amd,--add lib/$(m).ko=$(B)/linux/cloud/$(m).ko)
$(B)/guests/initrd-kvm: guests/linux/init $(B)/tool/linux/meter $(B)/tool/linux/kvm_run \
		$(B)/guests/bench.elf tools/linux $(B)/linux/cloud/vmlinuz
	$(Q)tools/linux $@ --add init=$< --add bin/meter=$(B)/tool/linux/meter \
		--add bin/kvm_run=$(B)/tool/linux/kvm_run --add bench.elf=$(B)/guests/bench.elf \
		$(kvm_modules)

# --- one image per configuration ---------------------------------------------------------
# build/config/NAME/: plan (checks the configuration: refused before the build), bulkhead.elf,
# BOOTX64.EFI, bulkhead.iso, esp.img.
configs := $(sort $(wildcard configs/*.c) $(CONFIG))
define config_rules
$(2)/plan: $(1) $(addprefix $(B)/tool/tools/,plan.c.o plan_bounds.c.o plan_json_tuples.c.o) $(tool_o) Makefile
	@mkdir -p $$(@D)
	$(Q)$(CC) $(TOOL) -MMD -MP -MF $$@.d -o $$@ $(1) $$(filter %.o,$$^)
$(2)/plan.txt: $(2)/plan $(guests)
	$(Q)$(2)/plan --files $(B)/guests >$$@.new || { cat $$@.new >&2; exit 1; }
	@mv $$@.new $$@
$(2)/config.o: $(1) Makefile
	@mkdir -p $$(@D)
	$(Q)$(CC) $(IMG) -MMD -MP -c $$< -o $$@
$(2)/bulkhead.elf: $(img_o) $(2)/config.o linker.ld $(2)/plan.txt
	$(Q)$(LD) $(LINK) -T linker.ld -o $$@.debug $(2)/config.o $(plain_o) \
		$$(sort $$(foreach o,$$(shell $(2)/plan --list-drivers),$$($$(o)_o))) $$(LIBGCC)
	$(Q)objcopy --strip-all $$@.debug $$@
$(2)/efi_config.o: $(1) Makefile
	@mkdir -p $$(@D)
	$(Q)$(CC) $(EFI) -MMD -MP -c $$< -o $$@
$(2)/efi_handoff.o: arch/x86/boot/efi_handoff.S $(2)/bulkhead.elf
	$(Q)$(CC) $(EFI) -DBULKHEAD_ELF='"$(2)/bulkhead.elf"' -c $$< -o $$@
$(2)/BOOTX64.EFI: $(efi_o) $(2)/efi_config.o $(2)/efi_handoff.o
	$(Q)$(LD) -nostdlib -znocombreloc -shared -Bsymbolic -z noexecstack \
		--defsym=_entry=efi_main \
		-T $$(EFI_LIB)/elf_x86_64_efi.lds $$(EFI_LIB)/crt0-efi-x86_64.o $$(filter %.o,$$^) \
		-o $$@.so $$(EFI_LIB)/libgnuefi.a
	$(Q)test -z "$$$$(nm -u $$@.so)" || { nm -u $$@.so; exit 1; }
	$(Q)objcopy $(addprefix -j ,.text .sdata .data .rodata .dynamic .dynsym '.rel*' '.rela*' \
		.reloc) --target efi-app-x86_64 --subsystem=10 $$@.so $$@
$(2)/bulkhead.iso: $(2)/bulkhead.elf $(2)/BOOTX64.EFI $(guests) tools/mkimage
	$(Q)tools/mkimage --elf $(2)/bulkhead.elf --efi $(2)/BOOTX64.EFI \
		$$$$($(2)/plan --list-files | sed 's|.*|--file &=$(B)/guests/&|') \
		--iso $$@ --esp $(2)/esp.img
	@echo "  image   $(2)/bulkhead.iso, esp.img"
endef
config_dir = $(B)/config/$(basename $(notdir $(1)))
$(foreach c,$(configs),$(eval $(call config_rules,$(c),$(call config_dir,$(c)))))
C := $(call config_dir,$(CONFIG))

image: $(C)/bulkhead.iso
	$(Q)cp $(C)/bulkhead.elf $(C)/BOOTX64.EFI $(C)/bulkhead.iso $(C)/esp.img $(B)/
	$(Q)tools/size --config $(C) --out $(B)/results/size.json
# Those of the experiments with Linux are many and large: made when they are asked for.
irq_experiments   := $(filter configs/irq_%_long.c,$(configs))
web_net_experiments := $(filter configs/aquosa_macro_net_%.c,$(configs))
web_experiments   := $(filter-out %_short.c $(web_net_experiments),$(filter configs/aquosa_macro_%.c,$(configs)))
linux_experiments := $(filter configs/linux_share_% configs/linux_mixed_% configs/linux_cyclictest_%,\
		     $(configs))
device_experiments := $(filter configs/linux_devices_rt_%,$(configs))
isos = $(foreach c,$(1),$(call config_dir,$(c))/bulkhead.iso)
disk_experiments := $(filter-out configs/blk_fair_short.c configs/rtvirtio_short.c,$(filter configs/rtvirtio_% configs/blk_fair_% configs/blk_hostile%_long.c \
		    configs/blk_isolation.c configs/blk_isolation_alone.c configs/blk_isolation_one_quiet.c configs/blk_linux_2.c configs/blk_linux_4.c \
		    configs/blk_linux_nvme_1.c configs/blk_linux_nvme_4.c,$(configs)))
images: $(call isos,$(filter-out $(linux_experiments) $(web_experiments) $(web_net_experiments) $(device_experiments) $(irq_experiments) \
		$(disk_experiments),$(configs))) $(B)/tool/launch.elf
device-images: $(call isos,$(device_experiments))
irq-images: $(call isos,$(irq_experiments))
web-images: $(call isos,$(web_experiments))
web-net-images: $(call isos,$(web_net_experiments))
disk-images: $(call isos,$(disk_experiments))
linux-images: $(call isos,$(linux_experiments)) $(patsubst %,$(B)/tool/linux/entry-%,cloud generic rt)
bench-images: $(call isos,$(patsubst %,configs/%.c,bench bench_shared bench_ipi eight_busy \
		compute_short compute_long))

plan: deps
	$(Q)$(SUB) $(guests) $(C)/plan
	$(Q)$(C)/plan --files $(B)/guests
	$(Q)tools/plan_picture --config $(C)

# --- running -----------------------------------------------------------------------------
run: deps
	$(Q)$(SUB) image $(if $(RIG),,$(B)/config/demo_one_core/bulkhead.iso)
	$(Q)tools/run $(if $(RIG),--rig $(RIG)) --config $(C)

# --- tests -------------------------------------------------------------------------------
# An archive: a test that brings its own version of a fake gets that one.
$(B)/host/pure.a: $(host_o)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/tests/%: $(B)/host/tests/%.c.o $(B)/host/pure.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST) -o $@ $(filter %.o,$^) $(B)/host/pure.a $(LIBRARIES)
$(B)/tests/property/test_insn_zydis: LIBRARIES := -lZydis
$(addprefix $(B)/tests/unit/,test_latency test_latency_math): LIBRARIES := -lm
# The image's own objects beside the host's: all names are local but for the one that is asked.
$(B)/host/image_optimizer.o: $(patsubst %,$(B)/img/%.o,$(wildcard io/latency*.c io/disk_optimizer*.c) \
		core/lib/mem.c)
	$(Q)$(LD) -r -o $@.all $^
	$(Q)objcopy --keep-global-symbol=image_disk_optimize --redefine-sym disk_optimize=image_disk_optimize \
		$@.all $@
$(B)/tests/property/test_optimizer_same: $(B)/host/image_optimizer.o
$(B)/tests/property/test_optimizer_same: LIBRARIES := -no-pie
# What it tests implements the functions that tests/fake/arch.c fakes for everybody else.
$(B)/tests/unit/test_nested: $(B)/host/arch/x86/nested.c.o
# In no archive: whoever has device_service is asked about devices by the run loop.
host_c = $(addprefix $(B)/host/,$(addsuffix .c.o,$(1)))
device_c := $(call host_c,core/device core/device_pf core/device_service tests/unit/device_rig)
device_tests := $(addprefix $(B)/tests/unit/,test_device test_device_handover test_device_service)
$(device_tests): $(device_c) $(call host_c,tests/unit/device_pf)
$(device_tests): LIBRARIES := -Wl,--wrap=service_want
rate_c := $(call host_c,core/device_rate core/device_rate_report core/plan_rate)
$(B)/tests/unit/test_device_rate: $(device_c) $(rate_c) $(call host_c,tests/unit/device_pf)
$(B)/tests/unit/test_device_rate: LIBRARIES := -Wl,--wrap=service_want
$(B)/tests/unit/test_pf_igb: $(device_c) $(rate_c) $(call host_c,core/pf_igb)
$(B)/tests/unit/test_pf_igb: LIBRARIES := -Wl,--wrap=igb_io_mapped,--wrap=service_want
$(B)/tests/unit/test_pf_nvme: $(device_c) $(call host_c,core/pf_nvme)
$(B)/tests/unit/test_pf_nvme: LIBRARIES := -Wl,--wrap=nvme_init,--wrap=nvme_step,--wrap=service_want
$(addprefix $(B)/tests/,unit/test_pc_device unit/test_pc_model property/test_pc_device_random): \
		$(call host_c,arch/x86/pc/device arch/x86/pc/model tests/unit/pc_device_rig)
plan_tests := $(addprefix $(B)/tests/,$(addprefix unit/test_plan_,devices rates disks tuning))
$(plan_tests): $(call host_c,core/plan_device)
$(B)/tests/unit/test_plan_rates: $(call host_c,core/plan_rate core/plan_nic)
$(B)/tests/unit/test_plan_disks $(B)/tests/unit/test_plan_tuning: $(call host_c,core/plan_disk core/plan_disk_bound)
$(B)/tests/unit/test_plan_tuning: $(call host_c,core/plan_disk_tune core/plan_disk_relax)
$(B)/tests/unit/test_plan_tasks: $(call host_c,core/plan_tasks)
tuple_c := $(call host_c,core/plan_tuple core/plan_tuple_cpu core/plan_tuple_memory)
$(B)/tests/unit/test_plan_tuples: $(tuple_c) $(call host_c,core/plan_tasks)
$(B)/tests/unit/test_plan_disk_rates $(B)/tests/property/test_disk_rates: $(call host_c,core/plan_tuple core/plan_device core/plan_disk core/plan_disk_bound core/plan_disk_rate)
$(B)/tests/property/test_tuples_random: $(tuple_c)
# All of the planner at once: what no image needs, and wrong configurations do.
refusal_tests := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/test_refusal*.c))
plan_all := $(patsubst %.c,%,$(wildcard core/plan*.c))
$(refusal_tests) $(B)/tests/fuzz/test_plan: $(call host_c,$(plan_all))
$(B)/tests/property/test_disk_random: $(call host_c,core/disk core/disk_service core/disk_stats core/partition_memory)
nic_src := $(wildcard tools/sim/nic_*.c)
sim_src := $(filter-out $(nic_src),$(wildcard tools/sim/*.c))
sim_tests := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_disk_sim*.c))
$(sim_tests): $(patsubst %,$(B)/host/%.o,$(filter-out %/main.c,$(sim_src)))
$(B)/tests/unit/test_nic_sim: $(patsubst %,$(B)/host/%.o,$(filter-out %/nic_main.c,$(nic_src)))
$(B)/tests/unit/test_latency_sample: $(call host_c,tools/sim/condition)
$(B)/tests/unit/test_latency_sample: LIBRARIES := -lm
$(B)/tool/trace_check: $(B)/tool/tools/trace_check.c.o \
		$(filter $(addprefix $(B)/tool/,core/lib/% sched/% tests/%),$(tool_o))
	$(Q)$(CC) $(TOOL) -o $@ $^

# The object of the image itself: what it counts is what runs.
$(B)/tool/bench_cbs: tests/bench/bench_cbs.c $(B)/img/sched/cbs.c.o tests/fake/panic.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL) -no-pie -o $@ $^

$(B)/tool/bench_rate: tests/bench/bench_rate.c $(patsubst %,$(B)/img/%.o,io/irq_rate.c io/shaper.c core/lib/mem.c) tests/fake/panic.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL) -no-pie -o $@ $^

memnic_bench := io/memnic.c io/memnic_wire.c io/gmem.c io/shaper.c core/lib/mem.c
$(B)/tool/bench_memnic: tests/bench/bench_memnic.c $(patsubst %,$(B)/img/%.o,$(memnic_bench)) \
		$(B)/tool/guests/net/igbvf.c.o tests/fake/panic.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL) -no-pie -o $@ $^

$(B)/tool/bench_gate: tests/bench/bench_gate.c $(B)/img/arch/x86/vtd/gate.c.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL) -no-pie -o $@ $^

bfq_src := $(addprefix io/,iosched.c iosched_simple.c bfq.c bwf2q.c)
$(B)/tool/bench_bfq: tests/bench/bench_bfq.c $(patsubst %,$(B)/img/%.o,$(bfq_src)) tests/fake/panic.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL) -no-pie -o $@ $^
# The same code, and tables for more clients than the image has.
$(B)/tool/many/%.o: % Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(IMG) -DIOSCHED_CLIENT_MAX=1024u -MMD -MP -c $< -o $@
$(B)/tool/bench_bfq_many: tests/bench/bench_bfq.c $(patsubst %,$(B)/tool/many/%.o,$(bfq_src)) \
		tests/fake/panic.c
	$(Q)$(CC) $(TOOL) -DIOSCHED_CLIENT_MAX=1024u -no-pie -o $@ $^

# The disk's schedulers in simulated time: data for the latency models, and experiments.
sim_o := $(patsubst %,$(B)/tool/%.o,$(sim_src))
$(B)/tool/disk_sim: $(sim_o) $(filter $(addprefix $(B)/tool/,core/lib/% io/% tests/%),$(tool_o))
	$(Q)$(CC) $(TOOL) -o $@ $^
# A network controller's interrupts, as in paper 003.
$(B)/tool/nic_sim: $(patsubst %,$(B)/tool/%.o,$(nic_src)) \
		$(filter $(addprefix $(B)/tool/,core/lib/% io/% tests/%),$(tool_o))
	$(Q)$(CC) $(TOOL) -o $@ $^
# Layered queueing networks: mean values, and a simulation to check them by. docs/queueing.md.
lqn_src := $(wildcard tools/lqn/*.c)
$(B)/tool/lqn: $(patsubst %,$(B)/tool/%.o,$(lqn_src))
	$(Q)$(CC) $(TOOL) -o $@ $^ -lm
$(patsubst %,$(B)/tests/%,unit/test_lqn property/test_lqn_random): \
		$(patsubst %,$(B)/host/%.o,$(filter-out %/main.c,$(lqn_src)))
$(patsubst %,$(B)/tests/%,unit/test_lqn property/test_lqn_random): LIBRARIES := -lm
# What a scheme makes of a case, for a run of it in a rig.
$(B)/tool/rtvirtio_case: $(B)/tool/tools/rtvirtio_case.c.o $(filter-out %/main.c.o,$(sim_o)) \
		$(filter $(addprefix $(B)/tool/,core/lib/% io/% tests/%),$(tool_o))
	$(Q)$(CC) $(TOOL) -o $@ $^
# Some minutes; goes on where it was stopped. The same lines wherever it runs.
data-set:
	$(Q)$(SUB) $(B)/tool/disk_sim
	@mkdir -p $(B)/models
	$(Q)$(B)/tool/disk_sim data-set --out $(B)/models/data-set.csv

optimizer_src := $(wildcard io/latency*.c io/disk_optimizer*.c) core/lib/mem.c
$(B)/tool/bench_optimizer: tests/bench/bench_optimizer.c $(patsubst %,$(B)/img/%.o,$(optimizer_src))
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL) -no-pie -Wl,--wrap=latency_predict_ns -o $@ $^

# The same function, by itself (in `make test`) and by libFuzzer. Comparisons are not traced: inputs
# choose among few values, and executions are twice as fast.
$(B)/tests/fuzz/test_vblk: $(call host_c,tests/fuzz/fuzz_vblk)
fuzz_vblk := tests/fuzz/fuzz_vblk.c $(addprefix io/,gmem.c vblk.c vblk_request.c virtio_pci.c \
	     virtqueue.c virtqueue_packed.c) tests/fake/panic.c
$(B)/fuzz/vblk: $(fuzz_vblk) $(wildcard io/*.h core/lib/*.h tests/fuzz/*.h) Makefile
	@mkdir -p $(@D)
	$(Q)clang $(WARN) -I. -O2 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-fno-sanitize-coverage=trace-cmp -o $@ $(fuzz_vblk)

$(B)/tests/fuzz/test_plan: $(patsubst %.c,$(B)/host/%.c.o,$(wildcard tests/fuzz/fuzz_plan*.c))
$(B)/tests/fuzz/test_plan: LIBRARIES := -Wl,--wrap=supply_window
fuzz_plan := $(wildcard tests/fuzz/fuzz_plan*.c core/plan*.c sched/*.c io/latency*.c io/disk_*.c) \
	     io/irq_rate.c core/device_name.c $(filter-out core/lib/mem.c,$(lib)) tests/fake/panic.c
$(B)/fuzz/plan: $(fuzz_plan) $(wildcard core/*.h io/*.h sched/*.h core/lib/*.h tests/fuzz/*.h) Makefile
	@mkdir -p $(@D)
	$(Q)clang $(WARN) -I. -O2 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-fno-sanitize-coverage=trace-cmp -Wl,--wrap=supply_window -o $@ $(fuzz_plan)

# The disk's latency models: measured, fitted, trained, written to io/latency_table.c, and checked.
fit_with = $(B)/tool/tools/fit/data_rows.c.o $(filter-out %/main.c.o,$(sim_o)) \
	   $(filter $(addprefix $(B)/tool/,core/lib/% io/% tests/%),$(tool_o))
$(B)/tool/fit_%: $(B)/tool/tools/fit/fit_%.c.o $(fit_with)
	$(Q)$(CC) $(TOOL) -o $@ $^ $(GSL)
$(B)/tool/fit_analytic: GSL := -lgsl -lgslcblas -lm
$(B)/tool/fit_errors: GSL := -lm
models: data-set
	$(Q)tools/deps --models
	$(Q)tools/fit/models

test: deps
	$(Q)$(SUB) --keep-going images $(tests) $(B)/tool/trace_check
	$(Q)tests/run

# Sanitizers are on. `make test` runs 3 million, and the comparison less than in full.
N ?= 100000000
fuzz: deps
	$(Q)tools/deps --fuzz
	$(Q)$(SUB) $(B)/tests/fuzz/test_insn_walk $(B)/tests/fuzz/test_dmar $(B)/tests/property/test_insn_zydis \
		$(B)/fuzz/vblk $(B)/fuzz/plan
	$(Q)$(B)/tests/fuzz/test_insn_walk $(N)
	$(Q)$(B)/tests/fuzz/test_dmar $(N)
	@mkdir -p $(B)/fuzz/corpus
	$(Q)$(B)/fuzz/vblk -runs=$(N) -max_len=96 -reduce_inputs=0 -print_final_stats=1 $(B)/fuzz/corpus
	@mkdir -p $(B)/fuzz/corpus-plan
	$(Q)$(B)/fuzz/plan -runs=$(N) -max_len=96 -timeout=60 -print_final_stats=1 $(B)/fuzz/corpus-plan
	$(Q)$(B)/tests/property/test_insn_zydis full

mutants: deps
	$(Q)tests/mutants

format:
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

# --- measurements ------------------------------------------------------------------------
bench: deps
	$(Q)$(SUB) bench-images $(addprefix $(B)/tool/,bench_cbs bench_bfq bench_bfq_many bench_optimizer bench_rate bench_memnic bench_gate)
	$(Q)tools/bench $(if $(PEER),--peer $(PEER))
experiment: deps
	$(Q)$(SUB) $(if $(filter rtvirtio-24,$(NAME)),$(B)/tool/disk_sim,images) \
		$(if $(filter linux%,$(NAME)),linux-images) \
		$(if $(filter aquosa-macro,$(NAME)),web-images) \
		$(if $(filter aquosa-macro-net,$(NAME)),web-net-images) \
		$(if $(filter passthrough-linux,$(NAME)),device-images) \
		$(if $(filter passthrough-delivery,$(NAME)),irq-images) \
		$(if $(filter disk%,$(NAME)),disk-images)
	$(Q)tools/experiment $(NAME)
experiments: deps
	$(Q)$(SUB) images
	$(Q)tools/experiment aquosa-micro

clean:
	rm -rf $(addprefix $(B)/,img host tests config guest guests tool efi rig results fuzz)
-include $(shell find $(addprefix $(B)/,img host config guest tool efi) -name '*.d' 2>/dev/null)
