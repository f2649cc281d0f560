// SPDX-License-Identifier: GPL-2.0-or-later
// The table of keys; see keys.hpp.
#include "xl/cfg/keys.hpp"

#include <algorithm>
#include <vector>

namespace xcp::xl::cfg {

namespace {

using enum Shape;
using enum Use;

constexpr const char* actions =
    "destroy restart rename-restart preserve coredump-destroy coredump-restart soft-reset";

// clang-format off
constexpr Key table[] = {
    {"vnc", flag, carried, "", "", "a VNC server shows the guest's screen"},
    {"vnclisten", text, waiting,
     "",
     "", "address the VNC server listens on, with :DISPLAY if wanted"},
    {"vncpasswd", text, waiting, "", "", "password of the VNC server; empty: none"},
    {"vncdisplay", number, waiting,
     "0..",
     "", "display number of the VNC server (port 5900 + number)"},
    {"vncunused", flag, waiting, "", "1", "take the next free VNC display"},
    {"sdl", flag, waiting, "", "", "show the guest in a window on the host"},
    {"opengl", flag, waiting, "", "", "use OpenGL in that window"},
    {"display", text, waiting, "", "", "X display of that window"},
    {"xauthority", text, waiting, "", "", "X authority file for that window"},
    {"cmdline", text, carried, "", "", "command line of the kernel"},
    {"root", text, carried, "", "", "root= of the kernel's command line"},
    {"extra", text, carried, "", "", "what follows root= on the kernel's command line"},
    {"vnuma", lists, waiting, "", "", "virtual NUMA nodes: pnode, size, vcpus, vdistances"},
    {"vsnd", lists, xen, "", "", "paravirtual sound cards: card, pcm, stream"},
    {"vkb", list, xen, "", "", "paravirtual keyboards and pointers"},
    {"virtio", list, later_xen, "", "", "virtio devices on virtio-mmio (ARM)"},
    {"init_seclabel", text, xen, "", "", "Flask label while the domain is built"},
    {"seclabel", text, xen, "", "", "Flask label of the domain"},
    {"type", text, carried, "pv pvh hvm", "pv", "kind of guest"},
    {"builder", text, carried, "generic hvm", "", "older name of type"},
    {"hap", flag, xen, "", "1", "hardware assisted paging"},
    {"name", text, carried, "", "", "name of the domain; must be given"},
    {"uuid", text, carried, "", "random", "uuid of the domain"},
    {"oos", flag, xen, "", "1", "shadow pages may be out of sync"},
    {"pool", text, xen, "", "Pool-0", "CPU pool"},
    {"xenstore_feature_mask", number, later_xen, "", "", "features of xenstore the guest may see"},
    {"xenstore_quota", list, later_xen, "", "", "quotas of the guest in xenstore"},
    {"pvshim", flag, xen, "", "0", "run the PV guest in a PVH container"},
    {"pvshim_path", text, xen, "", "", "the shim to use"},
    {"pvshim_cmdline", text, xen, "", "", "command line of the shim"},
    {"pvshim_extra", text, xen, "", "", "added to the shim's command line"},
    {"cpu_weight", number, xen, "1..65535", "256", "weight in the CPU scheduler"},
    {"cap", number, xen, "0..", "0", "most CPU time, in percent of one CPU; 0: no limit"},
    {"period", number, xen, "", "", "period in the scheduler, microseconds"},
    {"slice", number, xen, "", "", "slice in the scheduler, microseconds"},
    {"latency", number, xen, "", "", "latency in the scheduler, microseconds"},
    {"extratime", number, xen, "", "", "may use time that is left over"},
    {"memory", number, carried, "MiB", "", "memory at start"},
    {"maxmem", number, carried, "MiB", "memory", "most memory the guest can have"},
    {"llc_colors", list, later_xen, "", "", "cache colours"},
    {"vcpus", number, carried, "1..", "1", "virtual CPUs at start"},
    {"maxvcpus", number, carried, "1..", "vcpus", "most virtual CPUs"},
    {"vuart", text, xen, "sbsa_uart", "", "emulated UART (ARM)"},
    {"cpus", text_or_list, carried, "", "", "CPUs the virtual CPUs may run on"},
    {"cpus_soft", text_or_list, waiting, "", "", "CPUs the virtual CPUs prefer"},
    {"max_grant_frames", number, xen, "", "", "most grant table frames"},
    {"max_maptrack_frames", number, xen, "", "", "most maptrack frames"},
    {"max_grant_version", number, xen, "1..2", "", "newest grant table version"},
    {"on_poweroff", text, waiting, actions, "destroy", "what follows a shutdown"},
    {"on_reboot", text, carried, actions, "restart", "what follows a reboot"},
    {"on_watchdog", text, waiting, actions, "destroy", "what follows a watchdog timeout"},
    {"on_crash", text, carried, actions, "destroy", "what follows a crash"},
    {"on_soft_reset", text, never, actions, "soft-reset", "what follows a soft reset (kexec)"},
    {"e820_host", flag, xen, "", "0", "the guest sees the host's memory holes"},
    {"pci_msitranslate", flag, xen, "", "", "default of msitranslate for pci"},
    {"pci_power_mgmt", flag, xen, "", "0", "default of power_mgmt for pci"},
    {"pci_permissive", flag, xen, "", "0", "default of permissive for pci"},
    {"pci_seize", flag, xen, "", "0", "default of seize for pci"},
    {"rdm", text, xen, "", "", "reserved device memory: strategy, policy"},
    {"pci", list, waiting, "", "", "PCI devices of the host"},
    {"dtdev", list, xen, "", "", "device tree nodes to assign (ARM)"},
    {"passthrough", text, xen,
     "default disabled enabled sync_pt share_pt",
     "default", "how device memory is mapped"},
    {"shadow_memory", number, xen, "MiB", "", "memory for shadow pages"},
    {"nomigrate", flag, waiting, "", "0", "the domain may not be migrated"},
    {"tsc_mode", number_or_text, xen,
     "default always_emulate native native_paravirt",
     "default", "time stamp counter"},
    {"rtc_timeoffset", number, carried, "s", "0", "offset of the real time clock"},
    {"vncviewer", number, obsolete, "", "", "use the option -V"},
    {"localtime", flag, carried, "", "0", "the real time clock shows local time"},
    {"videoram", number, carried, "MiB", "", "memory of the graphics card"},
    {"max_event_channels", number, xen, "", "1023", "most event channels"},
    {"kernel", text, carried, "", "", "kernel the guest is started with"},
    {"ramdisk", text, carried, "", "", "initial ramdisk for it"},
    {"device_tree", text, xen, "", "", "device tree for it (ARM)"},
    {"driver_domain", flag, xen, "", "0", "the domain serves devices to others"},
    {"acpi", flag, waiting, "", "1", "ACPI tables"},
    {"bootloader", text, xen, "", "", "program that finds the kernel in the guest's disk"},
    {"bootloader_restrict", flag, later_xen, "", "1", "run that program without privileges"},
    {"bootloader_user", text, later_xen, "", "", "user to run that program as"},
    {"bootloader_args", text_or_list, xen, "", "", "arguments for that program"},
    {"timer_mode", number_or_text, xen,
     "delay_for_missed_ticks no_delay_for_missed_ticks no_missed_ticks_pending "
     "one_missed_tick_pending",
     "", "what becomes of missed timer ticks"},
    {"nestedhvm", flag, waiting, "", "0", "the guest may run guests"},
    {"firmware_override", text, xen, "", "", "firmware loader of HVM guests"},
    {"bios_path_override", text, waiting, "", "", "file of the BIOS"},
    {"bios", text, carried, "rombios seabios ovmf", "", "BIOS of HVM guests"},
    {"pae", flag, waiting, "", "1", "physical address extensions"},
    {"acpi_s3", flag, waiting, "", "1", "suspend to memory"},
    {"acpi_s4", flag, waiting, "", "1", "suspend to disk"},
    {"acpi_laptop_slate", flag, waiting, "", "0", "Windows' laptop/slate switch"},
    {"nx", flag, waiting, "", "1", "no-execute pages"},
    {"hpet", flag, waiting, "", "1", "high precision event timer"},
    {"vpt_align", flag, xen, "", "1", "align periodic timers"},
    {"apic", flag, waiting, "", "1", "interrupt controller"},
    {"hvm_pirq", flag, later_xen, "", "", "event channels in place of interrupts"},
    {"viridian", flag_or_list, carried,
     "base freq time_ref_count reference_tsc hcall_remote_tlb_flush apic_assist crash_ctl "
     "synic stimer hcall_ipi ex_processor_masks no_vp_limit cpu_hotplug all defaults",
     "0", "Hyper-V enlightenments"},
    {"mmio_hole", number, xen, "MiB 1..4095", "", "size of the hole below 4 GiB"},
    {"altp2mhvm", flag, xen, "", "0", "older name of altp2m"},
    {"smbios_firmware", text, waiting, "", "", "file of SMBIOS tables"},
    {"acpi_firmware", text, waiting, "", "", "file of ACPI tables"},
    {"smbios", list, later_xen, "", "", "SMBIOS texts"},
    {"ms_vm_genid", text, waiting, "generate none", "", "generation number for Windows"},
    {"rdm_mem_boundary", number, xen,
     "MiB",
     "2048", "reserved device memory above it may conflict"},
    {"mca_caps", list, xen, "lmce", "", "machine check capabilities"},
    {"firmware", text, carried,
     "bios uefi seabios rombios ovmf pvgrub32 pvgrub64 PATH",
     "", "firmware of HVM and PVH guests"},
    {"altp2m", number_or_text, xen,
     "disabled mixed external limited",
     "disabled", "alternate page maps"},
    {"altp2m_count", number, later_xen, "", "", "most alternate page maps"},
    {"vmtrace_buf_kb", number, xen, "KiB", "0", "processor trace buffer a vCPU"},
    {"ioports", list, waiting, "", "", "I/O ports of the host, hexadecimal"},
    {"irqs", list, waiting, "", "", "interrupts of the host"},
    {"iomem", list, waiting, "", "", "pages of the host's I/O memory, hexadecimal"},
    {"disk", list, carried, "", "", "disks and CD drives"},
    {"p9", list, xen, "", "", "9pfs shares"},
    {"vtpm", list, xen, "", "", "virtual TPMs"},
    {"vdispl", list, xen, "", "", "paravirtual displays"},
    {"pvcalls", list, xen, "", "", "PV Calls front ends"},
    {"channel", list, waiting, "", "", "data channels to the host"},
    {"vif", list, carried, "", "", "network interfaces"},
    {"vif2", list, obsolete, "", "", "netchannel2, which is gone"},
    {"vfb", list, waiting, "", "", "paravirtual frame buffers: vnc, sdl and their settings"},
    {"usbctrl", list, waiting, "", "", "USB controllers"},
    {"usbdev", list, waiting, "", "", "USB devices of the host"},
    {"cpuid", text_or_list, waiting, "", "", "what the CPUID instruction tells"},
    {"device_model", text, obsolete, "", "", "use device_model_override"},
    {"device_model_override", text, xen, "", "", "device emulator to run"},
    {"device_model_version", text, xen,
     "qemu-xen qemu-xen-traditional",
     "qemu-xen", "which device emulator"},
    {"device_model_stubdomain_override", flag, xen, "", "0", "run it in a domain of its own"},
    {"device_model_stubdomain_seclabel", text, xen, "", "", "Flask label of that domain"},
    {"device_model_user", text, xen, "", "", "user it runs as"},
    {"stubdomain_kernel", text, xen, "", "", "kernel of that domain"},
    {"stubdomain_cmdline", text, xen, "", "", "command line of that domain"},
    {"stubdomain_ramdisk", text, xen, "", "", "ramdisk of that domain"},
    {"stubdomain_memory", number, xen, "MiB", "", "memory of that domain"},
    {"device_model_args", list, xen, "", "", "more arguments for the device emulator"},
    {"device_model_args_pv", list, xen, "", "", "the same, of PV guests"},
    {"device_model_args_hvm", list, xen, "", "", "the same, of HVM guests"},
    {"keymap", text, waiting, "", "", "keyboard layout of VNC"},
    {"dm_restrict", flag, xen, "", "0", "take privileges from the device emulator"},
    {"vga", text, carried, "stdvga cirrus none qxl", "cirrus", "graphics card"},
    {"stdvga", flag, carried, "", "0", "older name of vga=\"stdvga\""},
    {"hdtype", text, waiting, "ide ahci", "ide", "disk controller"},
    {"spice", flag, waiting, "", "0", "a SPICE server shows the guest's screen"},
    {"spiceport", number, waiting, "", "", "its port"},
    {"spicetls_port", number, waiting, "", "", "its port for TLS"},
    {"spicehost", text, waiting, "", "", "its address"},
    {"spicedisable_ticketing", flag, waiting, "", "0", "it asks for no password"},
    {"spicepasswd", text, waiting, "", "", "its password"},
    {"spiceagent_mouse", flag, waiting, "", "1", "it uses the agent's mouse"},
    {"spicevdagent", flag, waiting, "", "0", "it serves an agent"},
    {"spice_clipboard_sharing", flag, waiting, "", "0", "it shares the clipboard"},
    {"spiceusbredirection", number, waiting, "0..4", "0", "USB channels through it"},
    {"spice_image_compression", text, waiting, "", "", "its image compression"},
    {"spice_streaming_video", text, waiting, "", "", "its video streaming"},
    {"nographic", flag, waiting, "", "0", "no graphics card at all"},
    {"gfx_passthru", number_or_text, waiting,
     "0 1 default igd",
     "0", "the assigned graphics card is the first one"},
    {"serial", text_or_list, waiting, "", "", "where serial ports go"},
    {"boot", text, carried, "c d n", "", "boot order: disk, CD, network"},
    {"usb", flag, waiting, "", "0", "an emulated USB bus"},
    {"usbversion", number, waiting, "1..3", "", "its version"},
    {"usbdevice", text_or_list, carried, "", "", "emulated USB devices; tablet is carried"},
    {"vkb_device", flag, xen, "", "1", "a paravirtual keyboard for HVM guests"},
    {"soundhw", text, waiting, "", "", "sound card"},
    {"xen_platform_pci", flag, xen, "", "1", "Xen's platform device"},
    {"xen_platform_pci_bar_uc", flag, later_xen, "", "1", "its memory is not cached"},
    {"vendor_device", text, xen, "none xenserver", "none", "device that Windows' update looks for"},
    {"gic_version", text, xen, "default v2 v3", "", "interrupt controller (ARM)"},
    {"tee", text, xen, "none optee ffa", "none", "trusted execution environment (ARM)"},
    {"sve", text, later_xen, "hw disabled 128..2048", "", "vector length (ARM)"},
    {"nr_spis", number, later_xen, "", "", "shared interrupts (ARM)"},
    {"trap_unmapped_accesses", flag, later_xen,
     "",
     "", "faults for memory that is not there (ARM)"},
    {"arm_sci", text, later_xen, "none scmi_smc", "", "system control interface (ARM)"},
    {"xend_suspend_evtchn_compat", flag, xen, "", "0", "suspend event channel as xend had it"},
    {"msr_relaxed", flag, xen, "", "0", "reads of unknown MSRs give 0"},
    {"vpmu", flag, xen, "", "0", "performance counters"},
};
// clang-format on

// Levenshtein's distance, with a swap of neighbours counted as one.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

}  // namespace

std::span<const Key> keys() {
  return table;
}

const Key* find_key(std::string_view name) {
  const auto found = std::find_if(std::begin(table), std::end(table),
                                  [&](const Key& key) { return name == key.name; });
  return found == std::end(table) ? nullptr : found;
}

std::string nearest_key(std::string_view name) {
  constexpr std::size_t longest = 64;
  if (name.size() > longest) return {};
  std::size_t best = name.size() / 3 + 2;  // from there on it is another word
  std::string nearest;
  for (const Key& key : table)
    if (const std::size_t d = distance(name, key.name); d < best) {
      best = d;
      nearest = key.name;
    }
  return nearest;
}

}  // namespace xcp::xl::cfg
