// SPDX-License-Identifier: GPL-2.0-or-later
// See read_domain.hpp: what the domain is, what follows its end, and whether all keys are known.
#include "xl/cfg/read_domain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "xl/cfg/devices.hpp"
#include "xl/cfg/keys.hpp"
#include "xl/cfg/read_parts.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

std::string type_of(Reader& reader) {
  const auto refuse = [&](const char* key, const std::string& value, const char* expected) {
    return refusal(fmt::format("{}: the {} of a domain cannot be \"{}\"; expected {}",
                               reader.at(key), key, value, expected));
  };
  const Text type = reader.text("type");
  if (type && type != "pv" && type != "pvh" && type != "hvm")
    throw refuse("type", *type, "pv, pvh or hvm");
  const Text builder = reader.text("builder");
  if (!builder) return type.value_or("pv");
  if (builder != "hvm" && builder != "generic") throw refuse("builder", *builder, "generic or hvm");
  const std::string built = builder == "hvm" ? "hvm" : "pv";
  if (type && *type != built)
    throw refusal(
        fmt::format("{}: builder says {} and type says {}", reader.at("builder"), built, *type));
  return built;
}

void read_action(std::string& action, Reader& reader, const char* name) {
  struct Row {
    const char* written;
    const char* word;
  };
  static constexpr Row rows[] = {{"destroy", "destroy"},
                                 {"restart", "restart"},
                                 {"rename-restart", "restart_rename"},
                                 {"preserve", "preserve"},
                                 {"coredump-destroy", "coredump_destroy"},
                                 {"coredump-restart", "coredump_restart"},
                                 {"soft-reset", "soft_reset"}};
  const Text value = reader.text(name);
  if (!value) return;
  for (const Row& row : rows)
    if (*value == row.written) {
      action = row.word;
      return;
    }
  throw refusal(
      fmt::format("{}: `{}' cannot be \"{}\"; expected destroy, restart, rename-restart, "
                  "preserve, coredump-destroy, coredump-restart or soft-reset",
                  reader.at(name), name, *value));
}

}  // namespace

std::string random_uuid() {
  std::random_device random;
  std::uint64_t high = (static_cast<std::uint64_t>(random()) << 32) | random();
  std::uint64_t low = (static_cast<std::uint64_t>(random()) << 32) | random();
  high = (high & ~0xf000ull) | 0x4000;
  low = (low & ~(3ull << 62)) | (2ull << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffffffffffff);
}

void read_create_info(Domain& domain, Reader& reader, const XlConf& conf) {
  CreateInfo& info = domain.c_info;
  info.type = type_of(reader);
  const Text name = reader.text("name");
  if (!name) throw refusal("the domain needs a name; expected name = \"...\"");
  info.name = *name;
  info.uuid = reader.text("uuid").value_or("");
  if (info.uuid.empty() && !reader.has("uuid")) info.uuid = random_uuid();
  if (!is_uuid(info.uuid))
    throw refusal(fmt::format("{}: `{}' is no uuid", reader.at("uuid"), info.uuid));
  std::transform(info.uuid.begin(), info.uuid.end(), info.uuid.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  info.hap = reader.flag("hap");
  info.oos = reader.flag("oos");
  info.ssid_label = reader.text("seclabel");
  if (const Text first = reader.text("init_seclabel")) {
    domain.b_info.exec_ssid_label = info.ssid_label;
    info.ssid_label = first;
  }
  info.pool_name = reader.text("pool");
  info.run_hotplug_scripts = conf.run_hotplug_scripts;
  info.driver_domain = reader.flag("driver_domain");
  static constexpr const char* ways[] = {"default", "disabled", "enabled", "sync_pt", "share_pt"};
  info.passthrough = reader.word("passthrough", ways);
  info.xend_suspend_evtchn_compat = reader.flag("xend_suspend_evtchn_compat");
  read_action(domain.on_poweroff, reader, "on_poweroff");
  read_action(domain.on_reboot, reader, "on_reboot");
  read_action(domain.on_watchdog, reader, "on_watchdog");
  read_action(domain.on_crash, reader, "on_crash");
  read_action(domain.on_soft_reset, reader, "on_soft_reset");
}

void check_names(const Config& config, Warnings& warnings) {
  for (const Setting& setting : config.settings()) {
    const std::string at = where(setting.source, setting.at);
    const Key* key = find_key(setting.name);
    if (!key) {
      const std::string nearest = nearest_key(setting.name);
      warnings.push_back(fmt::format("{}: there is no setting `{}'{}; ignored", at, setting.name,
                                     nearest.empty() ? "" : fmt::format(" (`{}'?)", nearest)));
      continue;
    }
    if (key->use == Use::later_xen)
      warnings.push_back(
          fmt::format("{}: `{}' needs Xen 4.18 or later; ignored", at, setting.name));
    if (key->use == Use::obsolete)
      warnings.push_back(
          fmt::format("{}: `{}' is obsolete: {}; ignored", at, setting.name, key->meaning));
  }
}

Domain read_domain(const Config& config, const HostCpus& host, const XlConf& conf,
                   Warnings& warnings) {
  check_names(config, warnings);
  Reader reader(config, warnings);
  Domain domain;
  read_create_info(domain, reader, conf);
  read_build_info(domain, reader, host, conf);
  read_devices(domain, reader, conf, warnings);
  return domain;
}

}  // namespace xcp::xl::cfg
