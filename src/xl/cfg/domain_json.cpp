// SPDX-License-Identifier: GPL-2.0-or-later
// See domain_json.hpp. One function a structure; the order of the lines is the order of the JSON.
#include "xl/cfg/domain_json.hpp"

#include "xl/cfg/json_text.hpp"
#include "xl/cfg/network.hpp"

namespace xcp::xl::cfg {

namespace {

void put(JsonText& json, const Disk& disk) {
  json.member("backend_domname", disk.backend_domname);
  json.member("pdev_path", disk.pdev_path);
  json.member("vdev", Text(disk.vdev));
  json.member("backend", disk.backend);
  json.member("format", Text(disk.format));
  json.member("script", disk.script);
  json.nonzero("removable", disk.removable);
  json.nonzero("readwrite", disk.readwrite);
  json.nonzero("is_cdrom", disk.is_cdrom);
  json.if_true("direct_io_safe", disk.direct_io_safe);
  json.member("discard_enable", disk.discard_enable);
  json.member("specification", disk.specification);
  json.member("colo_enable", disk.colo_enable);
  json.member("colo_host", disk.colo_host);
  json.member("colo_port", disk.colo_port);
  json.member("colo_export", disk.colo_export);
  json.member("active_disk", disk.active_disk);
  json.member("hidden_disk", disk.hidden_disk);
  json.member("trusted", disk.trusted);
}

void put(JsonText& json, const Nic& nic) {
  json.member("backend_domname", nic.backend_domname);
  json.member("devid", nic.devid);
  json.member("mtu", nic.mtu);
  json.member("model", nic.model);
  json.member("mac", nic.mac);
  json.member("ip", nic.ip);
  json.member("bridge", nic.bridge);
  json.member("ifname", nic.ifname);
  json.member("script", nic.script);
  json.member("nictype", nic.nictype);
  json.nonzero("rate_bytes_per_interval", nic.rate_bytes_per_interval);
  json.nonzero("rate_interval_usecs", nic.rate_interval_usecs);
  json.member("gatewaydev", nic.gatewaydev);
  json.member("coloft_forwarddev", nic.coloft_forwarddev);
  for (const char* key : colo_keys())
    if (const auto found = nic.colo.find(key); found != nic.colo.end())
      json.member(key, Text(found->second));
  json.member("trusted", nic.trusted);
}

void put(JsonText& json, const Pci& pci) {
  json.nonzero("func", pci.func);
  json.nonzero("dev", pci.dev);
  json.nonzero("bus", pci.bus);
  json.nonzero("domain", pci.domain);
  json.nonzero("vdevfn", pci.vdevfn);
  json.nonzero("vfunc_mask", pci.vfunc_mask);
  json.if_true("msitranslate", pci.msitranslate);
  json.if_true("power_mgmt", pci.power_mgmt);
  json.if_true("permissive", pci.permissive);
  json.if_true("seize", pci.seize);
  json.member("rdm_policy", pci.rdm_policy);
  json.member("name", pci.name);
}

void put(JsonText& json, const Vnc& vnc) {
  json.member("enable", vnc.enable);
  json.member("listen", vnc.listen);
  json.member("passwd", vnc.passwd);
  if (vnc.display) json.nonzero("display", *vnc.display);
  json.member("findunused", vnc.findunused);
}

void put(JsonText& json, const Sdl& sdl) {
  json.member("enable", sdl.enable);
  json.member("opengl", sdl.opengl);
  json.member("display", sdl.display);
  json.member("xauthority", sdl.xauthority);
}

void put(JsonText& json, const Spice& spice) {
  json.member("enable", spice.enable);
  json.nonzero("port", spice.port);
  json.nonzero("tls_port", spice.tls_port);
  json.member("host", spice.host);
  json.member("disable_ticketing", spice.disable_ticketing);
  json.member("passwd", spice.passwd);
  json.member("agent_mouse", spice.agent_mouse);
  json.member("vdagent", spice.vdagent);
  json.member("clipboard_sharing", spice.clipboard_sharing);
  json.nonzero("usbredirection", spice.usbredirection);
  json.member("image_compression", spice.image_compression);
  json.member("streaming_video", spice.streaming_video);
}

void put(JsonText& json, const SoundParams& params) {
  json.member("sample_rates", params.sample_rates);
  json.member("sample_formats", params.sample_formats);
  json.nonzero("channels_min", params.channels_min);
  json.nonzero("channels_max", params.channels_max);
  json.nonzero("buffer_size", params.buffer_size);
}

void put(JsonText& json, const Range& range, const char* first) {
  json.nonzero(first, range.first);
  json.nonzero("number", range.number);
  json.member("gfn", range.gfn);
}

void put_create_info(JsonText& json, const CreateInfo& info) {
  json.member("type", Text(info.type));
  json.member("hap", info.hap);
  json.member("oos", info.oos);
  json.member("ssid_label", info.ssid_label);
  json.member("name", Text(info.name));
  json.member("uuid", Text(info.uuid));
  json.member("pool_name", info.pool_name);
  json.member("run_hotplug_scripts", info.run_hotplug_scripts);
  json.member("driver_domain", info.driver_domain);
  if (info.passthrough != "default") json.member("passthrough", info.passthrough);
  json.member("xend_suspend_evtchn_compat", info.xend_suspend_evtchn_compat);
}

void put_hvm(JsonText& json, const Hvm& hvm) {
  json.member("firmware", hvm.firmware);
  json.member("bios", hvm.bios);
  json.member("pae", hvm.pae);
  json.member("acpi_s3", hvm.acpi_s3);
  json.member("acpi_s4", hvm.acpi_s4);
  json.member("acpi_laptop_slate", hvm.acpi_laptop_slate);
  json.member("nx", hvm.nx);
  json.member("viridian", hvm.viridian);
  json.member("viridian_enable", hvm.viridian_enable);
  json.member("viridian_disable", hvm.viridian_disable);
  json.member("hpet", hvm.hpet);
  json.member("vpt_align", hvm.vpt_align);
  json.nonzero("mmio_hole_memkb", hvm.mmio_hole_memkb);
  json.member("altp2m", hvm.altp2m);
  json.member("system_firmware", hvm.system_firmware);
  json.member("smbios_firmware", hvm.smbios_firmware);
  json.member("acpi_firmware", hvm.acpi_firmware);
  json.member("hdtype", hvm.hdtype);
  json.member("nographic", hvm.nographic);
  json.object("vga", [&] { json.member("kind", hvm.vga); });
  json.object("vnc", [&] { put(json, hvm.vnc); });
  json.member("keymap", hvm.keymap);
  json.object("sdl", [&] { put(json, hvm.sdl); });
  json.object("spice", [&] { put(json, hvm.spice); });
  json.member("gfx_passthru", hvm.gfx_passthru);
  if (hvm.gfx_passthru_kind != "default") json.member("gfx_passthru_kind", hvm.gfx_passthru_kind);
  json.member("serial", hvm.serial);
  json.member("boot", hvm.boot);
  json.member("usb", hvm.usb);
  json.nonzero("usbversion", hvm.usbversion);
  json.member("usbdevice", hvm.usbdevice);
  json.member("vkb_device", hvm.vkb_device);
  json.member("soundhw", hvm.soundhw);
  json.member("xen_platform_pci", hvm.xen_platform_pci);
  json.member("usbdevice_list", hvm.usbdevice_list);
  if (hvm.vendor_device != "none") json.member("vendor_device", hvm.vendor_device);
  json.member("ms_vm_genid", hvm.ms_vm_genid);
  json.member("serial_list", hvm.serial_list);
  json.object("rdm", [&] {
    if (hvm.rdm_strategy != "ignore") json.member("strategy", hvm.rdm_strategy);
    json.member("policy", hvm.rdm_policy);
  });
  json.member("rdm_mem_boundary_memkb", hvm.rdm_mem_boundary_memkb);
  json.nonzero("mca_caps", hvm.mca_caps);
}

void put_affinity(JsonText& json, const char* name, const std::vector<Bits>& affinity) {
  if (affinity.empty()) return;
  json.key(name);
  json.open('[');
  for (const Bits& cpus : affinity) {
    json.open('[');
    for (const std::int64_t cpu : cpus) json.value(cpu);
    json.close();
  }
  json.close();
}

void put_cpuid(JsonText& json, const Cpuid& cpuid) {
  if (cpuid.empty()) return;
  json.object("cpuid", [&] {
    json.key("cpuid");
    json.open('[');
    for (const CpuidLeaf& leaf : cpuid.leaves) {
      json.open('{');
      json.member("leaf", Number(leaf.leaf));
      if (leaf.subleaf) json.member("subleaf", Number(*leaf.subleaf));
      json.member("eax", leaf.eax);
      json.member("ebx", leaf.ebx);
      json.member("ecx", leaf.ecx);
      json.member("edx", leaf.edx);
      json.close();
    }
    json.close();
    json.key("msr");
    json.open('[');
    if (cpuid.arch_capabilities) {
      json.open('{');
      json.member("index", Number(0x10a));
      json.member("policy", cpuid.arch_capabilities);
      json.close();
    }
    json.close();
  });
}

void put_sizes_and_model(JsonText& json, const BuildInfo& info) {
  json.nonzero("max_vcpus", info.max_vcpus);
  json.member("avail_vcpus", info.avail_vcpus);
  put_affinity(json, "vcpu_hard_affinity", info.vcpu_hard_affinity);
  put_affinity(json, "vcpu_soft_affinity", info.vcpu_soft_affinity);
  json.member("numa_placement", info.numa_placement);
  if (info.tsc_mode != "default") json.member("tsc_mode", info.tsc_mode);
  json.member("max_memkb", info.max_memkb);
  json.member("target_memkb", info.target_memkb);
  json.member("video_memkb", info.video_memkb);
  json.member("shadow_memkb", info.shadow_memkb);
  json.nonzero("rtc_timeoffset", info.rtc_timeoffset);
  json.member("exec_ssid_label", info.exec_ssid_label);
  json.member("localtime", info.localtime);
  json.member("disable_migrate", info.disable_migrate);
  put_cpuid(json, info.cpuid);
  json.member("blkdev_start", info.blkdev_start);
  json.for_each("vnuma_nodes", info.vnuma_nodes, [&](const VnumaNode& node) {
    json.nonzero("memkb", node.memkb);
    json.member("distances", node.distances);
    json.nonzero("pnode", node.pnode);
    json.member("vcpus", node.vcpus);
  });
  json.member("max_grant_frames", info.max_grant_frames);
  json.member("max_maptrack_frames", info.max_maptrack_frames);
  json.member("max_grant_version", info.max_grant_version);
  json.member("device_model_version", info.device_model_version);
  json.member("device_model_stubdomain", info.device_model_stubdomain);
  json.member("stubdomain_memkb", info.stubdomain_memkb);
  json.member("stubdomain_kernel", info.stubdomain_kernel);
  json.member("stubdomain_cmdline", info.stubdomain_cmdline);
  json.member("stubdomain_ramdisk", info.stubdomain_ramdisk);
  json.member("device_model", info.device_model);
  json.member("device_model_ssid_label", info.device_model_ssid_label);
  json.member("device_model_user", info.device_model_user);
  json.member("extra", info.extra);
  json.member("extra_pv", info.extra_pv);
  json.member("extra_hvm", info.extra_hvm);
  json.object("sched_params", [&] {
    json.member("weight", info.sched_params.weight);
    json.member("cap", info.sched_params.cap);
    json.member("period", info.sched_params.period);
    json.member("budget", info.sched_params.budget);
    json.member("extratime", info.sched_params.extratime);
    json.member("slice", info.sched_params.slice);
    json.member("latency", info.sched_params.latency);
  });
}

void put_rest(JsonText& json, const BuildInfo& info, const std::string& type) {
  json.for_each("ioports", info.ioports, [&](const Range& range) { put(json, range, "first"); });
  json.member("irqs", info.irqs);
  json.for_each("iomem", info.iomem, [&](const Range& range) { put(json, range, "start"); });
  json.member("claim_mode", info.claim_mode);
  json.nonzero("event_channels", info.event_channels);
  json.member("kernel", info.kernel);
  json.member("cmdline", info.cmdline);
  json.member("ramdisk", info.ramdisk);
  json.member("device_tree", info.device_tree);
  json.member("acpi", info.acpi);
  json.member("bootloader", info.bootloader);
  json.member("bootloader_args", info.bootloader_args);
  json.member("timer_mode", info.timer_mode);
  json.member("nested_hvm", info.nested_hvm);
  json.member("apic", info.apic);
  json.member("dm_restrict", info.dm_restrict);
  if (info.tee != "none") json.member("tee", info.tee);
  json.object("type." + type, [&] {
    if (type == "hvm") put_hvm(json, info.hvm);
    if (type == "pv") json.member("e820_host", info.e820_host);
    if (type != "pvh") return;
    json.member("pvshim", info.pvh.pvshim);
    json.member("pvshim_path", info.pvh.pvshim_path);
    json.member("pvshim_cmdline", info.pvh.pvshim_cmdline);
    json.member("pvshim_extra", info.pvh.pvshim_extra);
  });
  json.object("arch_arm", [&] {
    if (info.gic_version != "default") json.member("gic_version", info.gic_version);
    if (info.vuart != "unknown") json.member("vuart", info.vuart);
  });
  json.object("arch_x86", [&] { json.member("msr_relaxed", info.msr_relaxed); });
  if (info.altp2m != "disabled") json.member("altp2m", info.altp2m);
  json.nonzero("vmtrace_buf_kb", info.vmtrace_buf_kb);
  json.member("vpmu", info.vpmu);
}

// Left out where the hypervisor is to choose.
void put_devid(JsonText& json, std::int64_t devid) {
  if (devid >= 0) json.member("devid", Number(devid));
}

void put(JsonText& json, const Vtpm& vtpm) {
  json.member("backend_domname", Text(vtpm.backend_domname));
  put_devid(json, vtpm.devid);
  json.member("uuid", vtpm.uuid);
}

void put(JsonText& json, const Vdispl& display) {
  json.member("backend_domname", display.backend_domname);
  put_devid(json, display.devid);
  json.if_true("be_alloc", display.be_alloc);
  json.for_each("connectors", display.connectors, [&](const Vdispl::Connector& connector) {
    json.member("unique_id", Text(connector.unique_id));
    json.nonzero("width", connector.width);
    json.nonzero("height", connector.height);
  });
}

void put(JsonText& json, const UsbController& controller) {
  json.member("type", controller.type);
  put_devid(json, controller.devid);
  json.nonzero("version", controller.version);
  json.nonzero("ports", controller.ports);
}

void put(JsonText& json, const Vkb& vkb) {
  json.member("backend_domname", vkb.backend_domname);
  put_devid(json, vkb.devid);
  json.member("backend_type", vkb.backend_type);
  json.member("unique_id", vkb.unique_id);
  json.if_true("feature_disable_keyboard", vkb.feature_disable_keyboard);
  json.if_true("feature_disable_pointer", vkb.feature_disable_pointer);
  json.if_true("feature_abs_pointer", vkb.feature_abs_pointer);
  json.if_true("feature_raw_pointer", vkb.feature_raw_pointer);
  json.if_true("feature_multi_touch", vkb.feature_multi_touch);
  json.nonzero("width", vkb.width);
  json.nonzero("height", vkb.height);
  json.nonzero("multi_touch_width", vkb.multi_touch_width);
  json.nonzero("multi_touch_height", vkb.multi_touch_height);
  json.nonzero("multi_touch_num_contacts", vkb.multi_touch_num_contacts);
}

void put(JsonText& json, const Vsnd& card) {
  json.member("backend_domname", card.backend_domname);
  put_devid(json, card.devid);
  json.member("short_name", card.short_name);
  json.member("long_name", card.long_name);
  json.object("params", [&] { put(json, card.params); });
  json.for_each("pcms", card.pcms, [&](const Vsnd::Pcm& pcm) {
    json.member("name", pcm.name);
    json.object("params", [&] { put(json, pcm.params); });
    json.for_each("streams", pcm.streams, [&](const Vsnd::Stream& stream) {
      json.member("unique_id", stream.unique_id);
      json.member("type", stream.type);
      json.object("params", [&] { put(json, stream.params); });
    });
  });
}

void put_paravirtual_devices(JsonText& json, const Domain& domain) {
  json.for_each("vfbs", domain.vfbs, [&](const Vfb& vfb) {
    json.member("devid", Number(vfb.devid));
    json.object("vnc", [&] { put(json, vfb.vnc); });
    json.object("sdl", [&] { put(json, vfb.sdl); });
    json.member("keymap", vfb.keymap);
  });
  json.for_each("vkbs", domain.vkbs, [&](const Vkb& vkb) { put(json, vkb); });
  json.for_each("vtpms", domain.vtpms, [&](const Vtpm& vtpm) { put(json, vtpm); });
  json.for_each("p9s", domain.p9s, [&](const P9& p9) {
    json.member("backend_domname", p9.backend_domname);
    json.member("tag", Text(p9.tag));
    json.member("path", Text(p9.path));
    json.member("security_model", Text(p9.security_model));
  });
  json.for_each("pvcallsifs", domain.pvcallsifs, [&](const PvCalls& device) {
    json.member("backend_domname", device.backend_domname);
    json.member("devid", Number(device.devid));
  });
  json.for_each("vdispls", domain.vdispls, [&](const Vdispl& display) { put(json, display); });
  json.for_each("vsnds", domain.vsnds, [&](const Vsnd& card) { put(json, card); });
}

void put_channels_and_usb(JsonText& json, const Domain& domain) {
  json.for_each("channels", domain.channels, [&](const Channel& channel) {
    json.member("backend_domname", channel.backend_domname);
    json.member("devid", Number(channel.devid));
    json.member("name", channel.name);
    json.object("connection." + channel.connection, [&] { json.member("path", channel.path); });
  });
  json.for_each("usbctrls", domain.usbctrls,
                [&](const UsbController& controller) { put(json, controller); });
  json.for_each("usbdevs", domain.usbdevs, [&](const UsbDevice& device) {
    json.member("ctrl", device.ctrl);
    json.nonzero("port", device.port);
    if (!device.hostdev) return;
    json.object("type.hostdev", [&] {
      json.nonzero("hostbus", device.hostbus);
      json.nonzero("hostaddr", device.hostaddr);
    });
  });
}

void put(JsonText& json, const Domain& domain) {
  json.object("c_info", [&] { put_create_info(json, domain.c_info); });
  json.object("b_info", [&] {
    put_sizes_and_model(json, domain.b_info);
    put_rest(json, domain.b_info, domain.c_info.type);
  });
  json.for_each("disks", domain.disks, [&](const Disk& disk) { put(json, disk); });
  json.for_each("nics", domain.nics, [&](const Nic& nic) { put(json, nic); });
  json.for_each("pcidevs", domain.pcidevs, [&](const Pci& pci) { put(json, pci); });
  json.for_each("dtdevs", domain.dtdevs,
                [&](const std::string& path) { json.member("path", Text(path)); });
  put_paravirtual_devices(json, domain);
  put_channels_and_usb(json, domain);
  const auto action = [&](const char* name, const std::string& word) {
    if (word != "destroy") json.member(name, Text(word));
  };
  action("on_poweroff", domain.on_poweroff);
  action("on_reboot", domain.on_reboot);
  action("on_watchdog", domain.on_watchdog);
  action("on_crash", domain.on_crash);
  action("on_soft_reset", domain.on_soft_reset);
}

template <class Thing>
std::string object_of(const Thing& thing) {
  JsonText json;
  json.open('{');
  put(json, thing);
  json.close();
  return json.take();
}

}  // namespace

std::string json_of(const Domain& domain) {
  return object_of(domain);
}
std::string json_of(const Disk& disk) {
  return object_of(disk);
}
std::string json_of(const Nic& nic) {
  return object_of(nic);
}
std::string json_of(const Vtpm& vtpm) {
  return object_of(vtpm);
}
std::string json_of(const Vkb& vkb) {
  return object_of(vkb);
}
std::string json_of(const Vsnd& card) {
  return object_of(card);
}
std::string json_of(const Vdispl& display) {
  return object_of(display);
}
std::string json_of(const UsbController& controller) {
  return object_of(controller);
}

std::string json_of(const std::vector<Listed>& domains) {
  JsonText json;
  json.open('[');
  for (const Listed& listed : domains) {
    json.open('{');
    json.member("domid", Number(listed.domid));
    json.object("config", [&] { put(json, *listed.domain); });
    json.close();
  }
  json.close();
  return json.take();
}

}  // namespace xcp::xl::cfg
