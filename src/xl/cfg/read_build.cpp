// SPDX-License-Identifier: GPL-2.0-or-later
// What all types of guest have: kernel and boot loader, device model, host resources, Xen's limits;
// see read_parts.hpp.
#include <fmt/format.h>

#include <charconv>

#include "xl/cfg/components.hpp"
#include "xl/cfg/cpuid.hpp"
#include "xl/cfg/read_parts.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

// Where the distribution's Xen keeps GRUB for PVH guests.
constexpr const char* pvgrub_path = "/usr/lib/xen-4.17/boot/{}.bin";

void read_kernel(BuildInfo& info, Reader& reader, const std::string& type) {
  info.kernel = reader.text("kernel");
  info.ramdisk = reader.text("ramdisk");
  info.device_tree = reader.text("device_tree");
  info.cmdline = reader.text("cmdline");
  const Text root = reader.text("root");
  const Text extra = reader.text("extra");
  if (info.cmdline && (root || extra))
    reader.warn("root and extra are ignored, because cmdline is given");
  else if (root)
    info.cmdline = extra ? fmt::format("root={} {}", *root, *extra) : "root=" + *root;
  else if (!info.cmdline)
    info.cmdline = extra;

  info.bootloader = reader.text("bootloader");
  if (reader.list("bootloader_args", true)) {
    info.bootloader_args = reader.texts("bootloader_args");
  } else if (const Text args = reader.text("bootloader_args")) {
    reader.warn(fmt::format("{}: a string for `bootloader_args' is deprecated; write a list",
                            reader.at("bootloader_args")));
    for (const std::string& arg : split(*args, ' '))
      if (!arg.empty()) info.bootloader_args.push_back(arg);
  }

  if (type == "hvm") return;
  if (const Text firmware = reader.text("firmware")) {
    if (info.kernel)
      throw refusal(fmt::format("{}: a {} guest has a kernel or a firmware, not both",
                                reader.at("firmware"), type));
    if (type != "pvh" || (firmware != "pvgrub32" && firmware != "pvgrub64"))
      throw refusal(
          fmt::format("{}: the firmware of a guest that is not hvm is pvgrub32 or "
                      "pvgrub64, of type pvh",
                      reader.at("firmware")));
    info.kernel = fmt::format(fmt::runtime(pvgrub_path), *firmware);
  }
  if (!info.kernel && !info.bootloader)
    throw refusal(fmt::format("a {} guest needs a kernel or a bootloader", type));
}

void read_device_model(BuildInfo& info, Reader& reader) {
  info.device_model = reader.text("device_model_override");
  if (const Text version = reader.text("device_model_version")) {
    if (version != "qemu-xen" && version != "qemu-xen-traditional")
      throw refusal(
          fmt::format("{}: device_model_version is qemu-xen or qemu-xen-traditional, not "
                      "\"{}\"",
                      reader.at("device_model_version"), *version));
    info.device_model_version = version == "qemu-xen" ? "qemu_xen" : "qemu_xen_traditional";
  } else if (info.device_model) {
    reader.warn("device_model_override without device_model_version");
  }
  info.device_model_stubdomain = reader.flag("device_model_stubdomain_override");
  info.device_model_ssid_label = reader.text("device_model_stubdomain_seclabel");
  info.device_model_user = reader.text("device_model_user");
  info.stubdomain_kernel = reader.text("stubdomain_kernel");
  info.stubdomain_cmdline = reader.text("stubdomain_cmdline");
  info.stubdomain_ramdisk = reader.text("stubdomain_ramdisk");
  struct Row {
    const char* name;
    Texts BuildInfo::*field;
  };
  static constexpr Row rows[] = {{"device_model_args", &BuildInfo::extra},
                                 {"device_model_args_pv", &BuildInfo::extra_pv},
                                 {"device_model_args_hvm", &BuildInfo::extra_hvm}};
  for (const Row& row : rows) {
    if (reader.has(row.name) && !reader.list(row.name, true))
      throw refusal(fmt::format("{}: `{}' is a list of strings", reader.at(row.name), row.name), 3);
    info.*row.field = reader.texts(row.name);
  }
}

std::optional<std::int64_t> number_in_base(const std::string& text, int base) {
  std::int64_t number = 0;
  const char* first = text.data();
  if (base == 16 && (text.starts_with("0x") || text.starts_with("0X"))) first += 2;
  const auto result = std::from_chars(first, text.data() + text.size(), number, base);
  const bool whole = result.ec == std::errc() && result.ptr == text.data() + text.size();
  return whole && number >= 0 ? std::optional(number) : std::nullopt;
}

[[noreturn]] void refuse_resource(Reader& reader, const char* name, const std::string& text,
                                  const char* expected) {
  throw refusal(
      fmt::format("{}: {} holds `{}'; expected {}", reader.at(name), name, text, expected));
}

void read_ioports(BuildInfo& info, Reader& reader) {
  for (const std::string& text : reader.texts("ioports")) {
    const auto dash = text.find('-');
    const auto first = number_in_base(text.substr(0, dash), 16);
    const auto last = dash == text.npos ? first : number_in_base(text.substr(dash + 1), 16);
    if (!first || !last || *last < *first || *last > 0xffffffff)
      refuse_resource(reader, "ioports", text, "FIRST or FIRST-LAST in hexadecimal");
    info.ioports.push_back({*first, *last - *first + 1, std::nullopt});
  }
}

void read_irqs(BuildInfo& info, Reader& reader) {
  for (const std::string& text : reader.texts("irqs")) {
    const auto number = number_in_base(text, 10);
    if (!number || *number > 0xffffffff) refuse_resource(reader, "irqs", text, "a decimal number");
    info.irqs.push_back(*number);
  }
}

// "START,COUNT[@GFN]", pages, hexadecimal.
void read_iomem(BuildInfo& info, Reader& reader) {
  for (const std::string& text : reader.texts("iomem")) {
    const auto comma = text.find(',');
    const auto at = text.find('@');
    Range range;
    const auto first = number_in_base(text.substr(0, comma), 16);
    const auto number = comma == text.npos
                            ? std::nullopt
                            : number_in_base(text.substr(comma + 1, at - comma - 1), 16);
    if (at != text.npos) range.gfn = number_in_base(text.substr(at + 1), 16);
    if (!first || !number || (at != text.npos && !range.gfn))
      refuse_resource(reader, "iomem", text, "START,COUNT or START,COUNT@GFN in hexadecimal");
    range.first = *first;
    range.number = *number;
    info.iomem.push_back(range);
  }
}

void read_limits(BuildInfo& info, Reader& reader, const XlConf& conf) {
  const auto or_conf = [&](const char* name, Number otherwise) {
    const Number own = reader.number(name);
    return own ? own : otherwise;
  };
  info.max_grant_frames = or_conf("max_grant_frames", conf.max_grant_frames);
  info.max_maptrack_frames = or_conf("max_maptrack_frames", conf.max_maptrack_frames);
  info.max_grant_version = or_conf("max_grant_version", conf.max_grant_version);
  info.event_channels = reader.number("max_event_channels").value_or(0);
  info.vmtrace_buf_kb = reader.number("vmtrace_buf_kb").value_or(0);
  info.claim_mode = conf.claim_mode;
  info.blkdev_start = conf.blkdev_start;
}

void read_machine(BuildInfo& info, Reader& reader) {
  static constexpr const char* tsc_modes[] = {"default", "always_emulate", "native",
                                              "native_paravirt"};
  info.tsc_mode = reader.word_or_position("tsc_mode", tsc_modes, true);
  static constexpr const char* timer_modes[] = {
      "delay_for_missed_ticks", "no_delay_for_missed_ticks", "no_missed_ticks_pending",
      "one_missed_tick_pending"};
  info.timer_mode = reader.word_or_position("timer_mode", timer_modes, true);
  static constexpr const char* altp2m_modes[] = {"disabled", "mixed", "external", "limited"};
  info.altp2m = reader.word_or_position("altp2m", altp2m_modes, false);
  info.rtc_timeoffset =
      static_cast<std::uint32_t>(reader.number("rtc_timeoffset").value_or(0));  // wraps on purpose
  info.localtime = reader.flag("localtime");
  info.disable_migrate = reader.flag("nomigrate");
  info.acpi = reader.flag("acpi");
  info.nested_hvm = reader.flag("nestedhvm");
  info.dm_restrict = reader.flag("dm_restrict");
  static constexpr const char* tees[] = {"none", "optee", "ffa"};
  info.tee = reader.word("tee", tees);
  static constexpr const char* gics[] = {"default", "v2", "v3"};
  info.gic_version = reader.word("gic_version", gics, 3);
  static constexpr const char* uarts[] = {"unknown", "sbsa_uart"};
  info.vuart = reader.word("vuart", uarts);
  info.msr_relaxed = reader.flag("msr_relaxed");
  if (info.msr_relaxed) reader.warn("msr_relaxed will be removed in later versions of Xen");
  info.vpmu = reader.flag("vpmu");
}

void read_cpuid(BuildInfo& info, Reader& reader) {
  Warnings warnings;
  if (reader.list("cpuid", true))
    info.cpuid = parse_cpuid_lines(reader.texts("cpuid"), warnings);
  else if (const Text text = reader.text("cpuid"))
    info.cpuid = parse_cpuid_text(*text, warnings);
  for (std::string& warning : warnings) reader.warn(std::move(warning));
}

}  // namespace

void read_build_info(Domain& domain, Reader& reader, const HostCpus& host, const XlConf& conf) {
  BuildInfo& info = domain.b_info;
  const std::string& type = domain.c_info.type;
  read_sizes(info, reader, host);
  read_limits(info, reader, conf);
  read_kernel(info, reader, type);
  read_device_model(info, reader);
  read_machine(info, reader);
  read_cpuid(info, reader);
  read_ioports(info, reader);
  read_irqs(info, reader);
  read_iomem(info, reader);
  if (type == "hvm") read_hvm(info, reader);
  if (type == "pv") info.e820_host = reader.flag("e820_host");
  if (type != "pvh") return;
  info.pvh.pvshim = reader.flag("pvshim");
  info.pvh.pvshim_path = reader.text("pvshim_path");
  info.pvh.pvshim_cmdline = reader.text("pvshim_cmdline");
  info.pvh.pvshim_extra = reader.text("pvshim_extra");
}

}  // namespace xcp::xl::cfg
