// SPDX-License-Identifier: GPL-2.0-or-later
// kvm_works() of host.hpp. The probe guest is a firmware image of a few instructions: it goes from
// real mode through protected mode and paging to long mode and writes to QEMU's debug exit port.
// Para-virtualized or half-nested KVM hangs on this way, although /dev/kvm opens.
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "base/process.hpp"
#include "hypervisor/libvirt/kvm_probe.hpp"
#include "hypervisor/machine.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

constexpr std::size_t rom_size =
    65536;  // mapped at F000:0000; the reset vector is its last 16 bytes

constexpr unsigned char probe_code[] =
    {
        0xfa,                                                        // cli
        0x2e, 0x66, 0x0f, 0x01, 0x16, 0xc8, 0x00,                    // lgdtl %cs:gdtr
        0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0,              // cr0 |= PE
        0x66, 0xea, 0x18, 0x00, 0x0f, 0x00, 0x08, 0x00,              // ljmp $8, protected
        0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd8,                          // protected: ds = $16
        0xc7, 0x05, 0x00, 0x10, 0x00, 0x00, 0x03, 0x20, 0x00, 0x00,  // PML4 at 0x1000
        0xc7, 0x05, 0x04, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0xc7, 0x05, 0x00, 0x20, 0x00, 0x00, 0x03, 0x30, 0x00, 0x00,  // PDPT at 0x2000
        0xc7, 0x05, 0x04, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0xc7, 0x05, 0x00, 0x30, 0x00, 0x00, 0x83, 0x00, 0x00, 0x00,  // PD at 0x3000: one 2 MiB page
        0xc7, 0x05, 0x04, 0x30, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0xb8, 0x00, 0x10, 0x00, 0x00, 0x0f, 0x22, 0xd8,  // cr3 = 0x1000
        0xb8, 0x20, 0x00, 0x00, 0x00, 0x0f, 0x22, 0xe0,  // cr4 = PAE
        0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32,        // EFER |= LME
        0x0d, 0x00, 0x01, 0x00, 0x00, 0x0f, 0x30, 0x0f, 0x20, 0xc0,
        0x0d, 0x00, 0x00, 0x00, 0x80,                                // cr0 |= PG
        0x0f, 0x22, 0xc0, 0xea, 0x8a, 0x00, 0x0f, 0x00, 0x18, 0x00,  // ljmp $24, long mode
        0x48, 0xb8, 0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12,  // movabs
        0x48, 0x0f, 0xc8,                                            // bswap
        0x66, 0xba, 0xf4, 0x00, 0xb0, 0x10, 0xee,                    // outb $0x10, $0xf4
        0xf4, 0xeb, 0xfd,                                            // hlt for ever
        0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00,                    // padding
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,              // gdt: null
        0xff, 0xff, 0x00, 0x00, 0x00, 0x9a, 0xcf, 0x00,              // 8: code, 32 bits
        0xff, 0xff, 0x00, 0x00, 0x00, 0x92, 0xcf, 0x00,              // 16: data
        0xff, 0xff, 0x00, 0x00, 0x00, 0x9a, 0xaf, 0x00,              // 24: code, 64 bits
        0x1f, 0x00, 0xa8, 0x00, 0x0f, 0x00,                          // gdtr
};
constexpr unsigned char reset_vector[] = {0xea, 0x00, 0x00, 0x00, 0xf0};  // ljmp $0xf000, $0

// isa-debug-exit ends QEMU with (value << 1) | 1.
constexpr int probe_exit_status = (0x10 << 1) | 1;

bool has_word(const std::string& words, const std::string& word) {
  return (" " + words + " ").find(" " + word + " ") != std::string::npos;
}

}  // namespace

bool kvm_works(const std::string& emulator, const std::string& work_directory) {
  const auto cpu = read_cpu(read_file("/proc/cpuinfo").value_or(""));
  const std::string& flags = cpu.at("flags");
  if (!has_word(flags, "vmx") && !has_word(flags, "svm")) return false;
  if (access("/dev/kvm", R_OK | W_OK) != 0) return false;

  std::string rom(rom_size, '\xf4');
  std::memcpy(rom.data(), probe_code, sizeof(probe_code));
  std::memcpy(rom.data() + rom_size - 16, reset_vector, sizeof(reset_vector));
  const std::string path = work_directory + "/kvm-probe.rom";
  write_file_durably(path, rom, 0600);
  Command probe;
  probe.argv = {emulator,
                "-accel",
                "kvm",
                "-machine",
                "pc,usb=off",
                "-cpu",
                "host",
                "-m",
                "4",
                "-nodefaults",
                "-no-user-config",
                "-display",
                "none",
                "-no-reboot",
                "-bios",
                path,
                "-device",
                "isa-debug-exit,iobase=0xf4,iosize=1"};
  probe.timeout = std::chrono::seconds(5);
  bool works = false;
  try {
    works = run(probe).exit_status == probe_exit_status;
  } catch (const Failure&) {
    // It cannot be started or hangs: either way KVM is of no use here.
  }
  unlink(path.c_str());
  return works;
}

}  // namespace xcp::hypervisor::libvirt
