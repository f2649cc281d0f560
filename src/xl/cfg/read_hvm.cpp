// SPDX-License-Identifier: GPL-2.0-or-later
// What only HVM guests have: firmware, emulated devices, graphics; see read_parts.hpp.
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <random>

#include "xl/cfg/devices.hpp"
#include "xl/cfg/read_parts.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

void read_firmware(Hvm& hvm, Reader& reader) {
  static constexpr const char* bioses[] = {"rombios", "seabios", "ovmf"};
  hvm.bios = reader.word("bios", bioses);
  hvm.firmware = reader.text("firmware_override");
  if (const Text firmware = reader.text("firmware")) {
    if (firmware == "uefi")
      hvm.bios = "ovmf";
    else if (firmware == "rombios" || firmware == "seabios" || firmware == "ovmf")
      hvm.bios = firmware;
    else if (firmware != "bios")
      hvm.firmware = firmware;
  }
  hvm.system_firmware = reader.text("bios_path_override");
  if (hvm.system_firmware && !hvm.bios) reader.warn("bios_path_override without bios");
  hvm.smbios_firmware = reader.text("smbios_firmware");
  hvm.acpi_firmware = reader.text("acpi_firmware");
}

void read_viridian(Hvm& hvm, Reader& reader) {
  static constexpr const char* groups[] = {"base",
                                           "freq",
                                           "time_ref_count",
                                           "reference_tsc",
                                           "hcall_remote_tlb_flush",
                                           "apic_assist",
                                           "crash_ctl",
                                           "synic",
                                           "stimer",
                                           "hcall_ipi",
                                           "ex_processor_masks",
                                           "no_vp_limit",
                                           "cpu_hotplug"};
  constexpr std::int64_t all_bits = 64;
  const auto put = [](Bits& bits, std::int64_t bit) {
    if (std::find(bits.begin(), bits.end(), bit) == bits.end()) bits.push_back(bit);
  };
  if (!reader.list("viridian", true)) {
    hvm.viridian = reader.flag("viridian");
    return;
  }
  for (const std::string& text : reader.texts("viridian")) {
    if (text == "all") {
      for (std::int64_t bit = 0; bit < all_bits; ++bit) put(hvm.viridian_enable, bit);
      continue;
    }
    if (text == "defaults") {
      hvm.viridian = true;
      continue;
    }
    const bool off = text.starts_with('!');
    const std::string name = text.substr(off);
    std::int64_t bit = 0;
    while (bit < std::ssize(groups) && strcasecmp(groups[bit], name.c_str()) != 0) ++bit;
    if (bit == std::ssize(groups))
      throw refusal(fmt::format("{}: there is no viridian group \"{}\"; expected all, defaults, "
                                "or one of {}, with ! before what to leave out",
                                reader.at("viridian"), name, fmt::join(groups, ", ")),
                    3);
    put(off ? hvm.viridian_disable : hvm.viridian_enable, bit);
  }
  std::sort(hvm.viridian_enable.begin(), hvm.viridian_enable.end());
  std::sort(hvm.viridian_disable.begin(), hvm.viridian_disable.end());
}

void read_memory_map(Hvm& hvm, Reader& reader) {
  constexpr std::int64_t least_hole = 256, most_hole = 3840;  // MiB below 4 GiB
  if (const Number hole = reader.number("mmio_hole")) {
    if (*hole < least_hole || *hole > most_hole)
      throw refusal(fmt::format("{}: mmio_hole is {} to {} MiB, not {}", reader.at("mmio_hole"),
                                least_hole, most_hole, *hole));
    hvm.mmio_hole_memkb = *hole * 1024;
  }
  if (const Text rdm = reader.text("rdm"); rdm && !rdm->empty()) {
    const Rdm read = parse_rdm(*rdm);
    hvm.rdm_strategy = read.strategy;
    hvm.rdm_policy = read.policy;
  }
  if (const Number boundary = reader.number("rdm_mem_boundary")) {
    if (*boundary < 0 || *boundary > (1ll << 40))
      throw refusal(fmt::format("{}: rdm_mem_boundary cannot be {} MiB",
                                reader.at("rdm_mem_boundary"), *boundary));
    hvm.rdm_mem_boundary_memkb = *boundary * 1024;
  }
}

void read_processor(Hvm& hvm, Reader& reader) {
  hvm.pae = reader.flag("pae");
  hvm.acpi_s3 = reader.flag("acpi_s3");
  hvm.acpi_s4 = reader.flag("acpi_s4");
  hvm.acpi_laptop_slate = reader.flag("acpi_laptop_slate");
  hvm.nx = reader.flag("nx");
  hvm.hpet = reader.flag("hpet");
  hvm.vpt_align = reader.flag("vpt_align");
  hvm.altp2m = reader.flag("altp2mhvm");
  if (hvm.altp2m) reader.warn("altp2mhvm is deprecated; write altp2m");
  for (const std::string& capability : reader.texts("mca_caps")) {
    if (capability != "lmce")
      throw refusal(
          fmt::format("{}: mca_caps holds lmce, not \"{}\"", reader.at("mca_caps"), capability), 3);
    hvm.mca_caps |= 1;
  }
  if (const Text genid = reader.text("ms_vm_genid")) {
    if (genid != "generate" && genid != "none")
      throw refusal(fmt::format("{}: ms_vm_genid is generate or none, not \"{}\"",
                                reader.at("ms_vm_genid"), *genid));
    std::random_device random;
    if (genid == "generate")
      for (int i = 0; i < 16; ++i) hvm.ms_vm_genid.push_back(random() & 0xff);
  }
}

void read_spice(Spice& spice, Reader& reader) {
  spice.enable = reader.flag("spice");
  spice.port = reader.number("spiceport").value_or(0);
  spice.tls_port = reader.number("spicetls_port").value_or(0);
  spice.host = reader.text("spicehost");
  spice.disable_ticketing = reader.flag("spicedisable_ticketing");
  spice.passwd = reader.text("spicepasswd");
  spice.agent_mouse = reader.flag("spiceagent_mouse");
  spice.vdagent = reader.flag("spicevdagent");
  spice.clipboard_sharing = reader.flag("spice_clipboard_sharing");
  spice.usbredirection = reader.number("spiceusbredirection").value_or(0);
  spice.image_compression = reader.text("spice_image_compression");
  spice.streaming_video = reader.text("spice_streaming_video");
}

void read_graphics_card(Hvm& hvm, Reader& reader) {
  hvm.nographic = reader.flag("nographic");
  if (const Text vga = reader.text("vga")) {
    if (vga != "stdvga" && vga != "cirrus" && vga != "none" && vga != "qxl")
      throw refusal(fmt::format("{}: vga is stdvga, cirrus, none or qxl, not \"{}\"",
                                reader.at("vga"), *vga));
    hvm.vga = vga == "stdvga" ? "std" : *vga;
  } else if (const Flag standard = reader.flag("stdvga")) {
    hvm.vga = *standard ? "std" : "cirrus";
  }
  if (!reader.has("gfx_passthru")) return;
  const Text passthru = reader.text("gfx_passthru");
  if (!passthru) return;
  if (!passthru->empty() && passthru->find_first_not_of("0123456789") == passthru->npos) {
    hvm.gfx_passthru = reader.flag("gfx_passthru");
    return;
  }
  static constexpr const char* kinds[] = {"default", "igd"};
  hvm.gfx_passthru_kind = reader.word("gfx_passthru", kinds);
  hvm.gfx_passthru = true;
}

void read_emulated(Hvm& hvm, Reader& reader) {
  static constexpr const char* controllers[] = {"ide", "ahci"};
  hvm.hdtype = reader.word("hdtype", controllers);
  // The default is not written.
  if (hvm.hdtype == "ide") hvm.hdtype.reset();
  hvm.boot = reader.text("boot");
  if (reader.list("serial", true))
    hvm.serial_list = reader.texts("serial");
  else
    hvm.serial = reader.text("serial");
  hvm.usb = reader.flag("usb");
  hvm.usbversion = reader.number("usbversion").value_or(0);
  if (reader.list("usbdevice", true))
    hvm.usbdevice_list = reader.texts("usbdevice");
  else
    hvm.usbdevice = reader.text("usbdevice");
  hvm.vkb_device = reader.flag("vkb_device");
  hvm.soundhw = reader.text("soundhw");
  hvm.xen_platform_pci = reader.flag("xen_platform_pci");
  static constexpr const char* vendors[] = {"none", "xenserver"};
  hvm.vendor_device = reader.word("vendor_device", vendors, 3);
}

}  // namespace

void read_graphics(Vnc& vnc, Sdl& sdl, Reader& reader) {
  vnc.enable = reader.flag("vnc");
  vnc.listen = reader.text("vnclisten");
  vnc.passwd = reader.text("vncpasswd");
  vnc.display = reader.number("vncdisplay");
  vnc.findunused = reader.flag("vncunused");
  sdl.enable = reader.flag("sdl");
  sdl.opengl = reader.flag("opengl");
  sdl.display = reader.text("display");
  sdl.xauthority = reader.text("xauthority");
}

void read_hvm(BuildInfo& info, Reader& reader) {
  Hvm& hvm = info.hvm;
  info.apic = reader.flag("apic");
  read_firmware(hvm, reader);
  read_viridian(hvm, reader);
  read_memory_map(hvm, reader);
  read_processor(hvm, reader);
  read_graphics(hvm.vnc, hvm.sdl, reader);
  read_spice(hvm.spice, reader);
  read_graphics_card(hvm, reader);
  read_emulated(hvm, reader);
  hvm.keymap = reader.text("keymap");
}

}  // namespace xcp::xl::cfg
