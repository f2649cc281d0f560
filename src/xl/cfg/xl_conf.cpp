// SPDX-License-Identifier: GPL-2.0-or-later
// See xl_conf.hpp.
#include "xl/cfg/xl_conf.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcp::xl::cfg {

namespace {

constexpr const char* names[] = {"autoballoon",
                                 "run_hotplug_scripts",
                                 "lockfile",
                                 "vifscript",
                                 "vif.default.script",
                                 "defaultbridge",
                                 "vif.default.bridge",
                                 "vif.default.gatewaydev",
                                 "vif.default.backend",
                                 "output_format",
                                 "blkdev_start",
                                 "claim_mode",
                                 "remus.default.netbufscript",
                                 "colo.default.proxyscript",
                                 "max_grant_frames",
                                 "max_maptrack_frames",
                                 "max_grant_version",
                                 "vm.cpumask",
                                 "vm.hvm.cpumask",
                                 "vm.pv.cpumask",
                                 "domid_policy",
                                 "bootloader_restrict"};

void warn_of_unknown(const Config& config, Reader& reader) {
  for (const Setting& setting : config.settings())
    if (std::none_of(std::begin(names), std::end(names),
                     [&](const char* name) { return setting.name == name; }))
      reader.warn(fmt::format("{}: `{}' is not known; ignored", where(setting.source, setting.at),
                              setting.name));
}

// The newer of two names, or the older with a warning.
Text newer(Reader& reader, const char* old_name, const char* name) {
  if (reader.has(old_name))
    reader.warn(
        fmt::format("{}: `{}' is deprecated; write {}", reader.at(old_name), old_name, name));
  const Text value = reader.text(name);
  return value ? value : reader.text(old_name);
}

}  // namespace

XlConf read_xl_conf(const std::string& file_name, const std::string& text, Warnings& warnings) {
  Config config;
  config.add(file_name, text);
  Reader reader(config, warnings);
  warn_of_unknown(config, reader);
  XlConf conf;
  static constexpr const char* balloon[] = {"on", "off", "auto", "1", "0"};
  if (const auto word = reader.word("autoballoon", balloon)) conf.autoballoon = *word;
  conf.run_hotplug_scripts = reader.flag("run_hotplug_scripts").value_or(true);
  if (const auto path = reader.text("lockfile")) conf.lockfile = *path;
  conf.vif_script = newer(reader, "vifscript", "vif.default.script");
  conf.vif_bridge = newer(reader, "defaultbridge", "vif.default.bridge");
  conf.vif_gatewaydev = reader.text("vif.default.gatewaydev");
  conf.vif_backend = reader.text("vif.default.backend");
  static constexpr const char* formats[] = {"json", "sxp"};
  conf.output_sxp = reader.word("output_format", formats) == "sxp";
  conf.blkdev_start = reader.text("blkdev_start");
  conf.claim_mode = reader.flag("claim_mode").value_or(true);
  conf.remus_netbufscript = reader.text("remus.default.netbufscript");
  conf.colo_proxyscript = reader.text("colo.default.proxyscript");
  conf.max_grant_frames = reader.number("max_grant_frames");
  conf.max_maptrack_frames = reader.number("max_maptrack_frames");
  conf.max_grant_version = reader.number("max_grant_version");
  conf.vm_cpumask = reader.text("vm.cpumask");
  conf.vm_hvm_cpumask = reader.text("vm.hvm.cpumask");
  conf.vm_pv_cpumask = reader.text("vm.pv.cpumask");
  static constexpr const char* policies[] = {"xen", "random"};
  if (const auto word = reader.word("domid_policy", policies)) conf.domid_policy = *word;
  conf.bootloader_restrict = reader.flag("bootloader_restrict");
  return conf;
}

}  // namespace xcp::xl::cfg
