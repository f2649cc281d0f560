// SPDX-License-Identifier: GPL-2.0-or-later
// A domain as xl.cfg describes it, typed. Field names are those of the JSON that `xl -N create`
// prints, in its order; a field without a value was not set and is the hypervisor's to choose.
// Words (bios, vga, actions, ...) are the JSON's own spelling and come from closed lists.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xcp::xl::cfg {

using Text = std::optional<std::string>;
using Number = std::optional<std::int64_t>;
using Flag = std::optional<bool>;
using Texts = std::vector<std::string>;
using Bits = std::vector<std::int64_t>;  // ascending

struct Disk {
  Text backend_domname;
  Text pdev_path;
  std::string vdev;
  Text backend;  // phy, tap, qdisk, standalone
  std::string format = "raw";
  Text script;
  bool removable = false;
  bool readwrite = true;
  bool is_cdrom = false;
  bool direct_io_safe = false;
  Flag discard_enable;
  Text specification;  // xen, virtio
  Flag colo_enable;
  Text colo_host;
  Number colo_port;
  Text colo_export;
  Text active_disk;
  Text hidden_disk;
  Flag trusted;
  Flag grant_usage;  // Xen after 4.17 only; not in the JSON
};

struct Nic {
  Text backend_domname;
  Number devid;
  Number mtu;
  Text model;
  Text mac;  // lower case
  Text ip;
  Text bridge;
  Text ifname;
  Text script;
  Text nictype;  // vif, vif_ioemu
  std::int64_t rate_bytes_per_interval = 0;
  std::int64_t rate_interval_usecs = 0;
  Text gatewaydev;
  Text coloft_forwarddev;
  std::map<std::string, std::string> colo;  // see colo_keys() of network.hpp
  Flag trusted;
  Text vlan;  // Xen after 4.17 only; not in the JSON
};

struct Pci {
  std::int64_t func = 0, dev = 0, bus = 0, domain = 0;
  std::int64_t vdevfn = 0;
  std::int64_t vfunc_mask = 0;
  bool msitranslate = false, power_mgmt = false, permissive = false, seize = false;
  Text rdm_policy;  // strict, relaxed
  Text name;
};

struct Vnc {
  Flag enable;
  Text listen, passwd;
  Number display;
  Flag findunused;
};

struct Sdl {
  Flag enable, opengl;
  Text display, xauthority;
};

struct Vfb {
  std::int64_t devid = 0;
  Vnc vnc;
  Sdl sdl;
  Text keymap;
};

struct Vkb {
  Text backend_domname;
  std::int64_t devid = 0;
  Text backend_type;  // qemu, linux
  Text unique_id;
  bool feature_disable_keyboard = false, feature_disable_pointer = false;
  bool feature_abs_pointer = false, feature_raw_pointer = false, feature_multi_touch = false;
  std::int64_t width = 0, height = 0;
  std::int64_t multi_touch_width = 0, multi_touch_height = 0, multi_touch_num_contacts = 0;
};

struct Vtpm {
  std::string backend_domname;
  std::int64_t devid = 0;
  Text uuid;
};

struct P9 {
  Text backend_domname;
  std::string tag, path, security_model;
  // Xen after 4.17 only; not in the JSON.
  Text type;
  Number max_files, max_open_files, max_space;
  Flag auto_delete;
};

struct PvCalls {
  Text backend_domname;
  std::int64_t devid = 0;
};

struct Channel {
  Text backend_domname;
  std::int64_t devid = 0;
  Text name;
  std::string connection;  // pty, socket
  Text path;               // of a socket
};

struct Vdispl {
  struct Connector {
    std::string unique_id;
    std::int64_t width = 0, height = 0;
  };
  Text backend_domname;
  std::int64_t devid = 0;
  bool be_alloc = false;
  std::vector<Connector> connectors;
};

struct SoundParams {
  Bits sample_rates;
  Texts sample_formats;
  std::int64_t channels_min = 0, channels_max = 0, buffer_size = 0;
};

struct Vsnd {
  struct Stream {
    Text unique_id;
    Text type;  // p (playback), c (capture)
    SoundParams params;
  };
  struct Pcm {
    Text name;
    SoundParams params;
    std::vector<Stream> streams;
  };
  Text backend_domname;
  std::int64_t devid = 0;
  Text short_name, long_name;
  SoundParams params;
  std::vector<Pcm> pcms;
};

struct UsbController {
  Text type;  // pv, devicemodel, qusb; none: chosen when it is made
  std::int64_t devid = 0;
  std::int64_t version = 0, ports = 0;
};

struct UsbDevice {
  Number ctrl;
  std::int64_t port = 0;
  bool hostdev = false;  // type=hostdev was given; else bus and address are not used
  std::int64_t hostbus = 0, hostaddr = 0;
};

struct Virtio {  // Xen after 4.17 only; not in the JSON
  Text backend_domname;
  std::string type, transport;
  Flag grant_usage;
};

struct VnumaNode {
  std::int64_t memkb = 0;
  Bits distances;
  std::int64_t pnode = 0;
  Bits vcpus;
};

struct CpuidLeaf {
  std::uint32_t leaf = 0;
  std::optional<std::uint32_t> subleaf;
  Text eax, ebx, ecx, edx;  // 32 characters 0 1 x k s
};

struct Cpuid {
  std::vector<CpuidLeaf> leaves;
  Text arch_capabilities;  // MSR 0x10a, 64 characters of the same kind

  bool empty() const { return leaves.empty() && !arch_capabilities; }
};

struct Range {
  std::int64_t first = 0, number = 0;
  Number gfn;  // of I/O memory, when it is to be seen somewhere else
};

struct SchedParams {
  Number weight, cap, period, budget, extratime, slice, latency;
};

struct Spice {
  Flag enable;
  std::int64_t port = 0, tls_port = 0;
  Text host;
  Flag disable_ticketing;
  Text passwd;
  Flag agent_mouse, vdagent, clipboard_sharing;
  std::int64_t usbredirection = 0;
  Text image_compression, streaming_video;
};

struct Hvm {
  Text firmware, bios;
  Flag pae, acpi_s3, acpi_s4, acpi_laptop_slate, nx;
  Flag viridian;
  Bits viridian_enable, viridian_disable;
  Flag hpet, vpt_align;
  std::int64_t mmio_hole_memkb = 0;
  Flag altp2m;
  Text system_firmware, smbios_firmware, acpi_firmware, hdtype;
  Flag nographic;
  Text vga;
  Vnc vnc;
  Text keymap;
  Sdl sdl;
  Spice spice;
  Flag gfx_passthru;
  Text gfx_passthru_kind;
  Text serial, boot;
  Flag usb;
  std::int64_t usbversion = 0;
  Text usbdevice;
  Flag vkb_device;
  Text soundhw;
  Flag xen_platform_pci;
  Texts usbdevice_list;
  Text vendor_device;
  Bits ms_vm_genid;  // 16 bytes
  Texts serial_list;
  Text rdm_strategy, rdm_policy;
  Number rdm_mem_boundary_memkb;
  std::int64_t mca_caps = 0;
};

struct Pvh {
  Flag pvshim;
  Text pvshim_path, pvshim_cmdline, pvshim_extra;
};

struct CreateInfo {
  std::string type;  // hvm, pv, pvh
  Flag hap, oos;
  Text ssid_label;
  std::string name;
  std::string uuid;
  Text pool_name;
  Flag run_hotplug_scripts;
  Flag driver_domain;
  Text passthrough;
  Flag xend_suspend_evtchn_compat;
};

struct BuildInfo {
  std::int64_t max_vcpus = 0;  // 0: not set
  Bits avail_vcpus;
  std::vector<Bits> vcpu_hard_affinity, vcpu_soft_affinity;
  Flag numa_placement;
  Text tsc_mode;
  Number max_memkb, target_memkb, video_memkb, shadow_memkb;
  std::int64_t rtc_timeoffset = 0;
  Text exec_ssid_label;
  Flag localtime, disable_migrate;
  Cpuid cpuid;
  Text blkdev_start;
  std::vector<VnumaNode> vnuma_nodes;
  Number max_grant_frames, max_maptrack_frames, max_grant_version;
  Text device_model_version;
  Flag device_model_stubdomain;
  Number stubdomain_memkb;
  Text stubdomain_kernel, stubdomain_cmdline, stubdomain_ramdisk;
  Text device_model, device_model_ssid_label, device_model_user;
  Texts extra, extra_pv, extra_hvm;
  SchedParams sched_params;
  std::vector<Range> ioports;
  Bits irqs;
  std::vector<Range> iomem;
  Flag claim_mode;
  std::int64_t event_channels = 0;
  Text kernel, cmdline, ramdisk, device_tree;
  Flag acpi;
  Text bootloader;
  Texts bootloader_args;
  Text timer_mode;
  Flag nested_hvm, apic, dm_restrict;
  Text tee;
  Hvm hvm;         // of type hvm
  Flag e820_host;  // of type pv
  Pvh pvh;         // of type pvh
  Text gic_version, vuart;
  Flag msr_relaxed;
  Text altp2m;
  std::int64_t vmtrace_buf_kb = 0;
  Flag vpmu;
};

struct Domain {
  CreateInfo c_info;
  BuildInfo b_info;
  std::vector<Disk> disks;
  std::vector<Nic> nics;
  std::vector<Pci> pcidevs;
  Texts dtdevs;
  std::vector<Vfb> vfbs;
  std::vector<Vkb> vkbs;
  std::vector<Vtpm> vtpms;
  std::vector<P9> p9s;
  std::vector<PvCalls> pvcallsifs;
  std::vector<Vdispl> vdispls;
  std::vector<Vsnd> vsnds;
  std::vector<Channel> channels;
  std::vector<UsbController> usbctrls;
  std::vector<UsbDevice> usbdevs;
  std::vector<Virtio> virtios;
  std::string on_poweroff = "destroy", on_reboot = "restart", on_watchdog = "destroy";
  std::string on_crash = "destroy", on_soft_reset = "soft_reset";
};

}  // namespace xcp::xl::cfg
