// SPDX-License-Identifier: GPL-2.0-or-later
// See xl.hpp.
#include "xl/xl.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/fd.hpp"
#include "hypervisor/client.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl {

namespace {

bool all_digits(const std::string& text) {
  return !text.empty() && text.size() < 10 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

Xl::Xl(Settings wanted) : settings(std::move(wanted)) {}

Xl::~Xl() = default;

hypervisor::Hypervisor& Xl::hypervisor() {
  if (!hypervisor_) hypervisor_ = hypervisor::make_client(settings.socket);
  return *hypervisor_;
}

const hypervisor::HostFacts& Xl::host() {
  if (!host_) host_ = hypervisor().host();
  return *host_;
}

hypervisor::XenControls& Xl::xen() {
  if (!xen_) xen_ = hypervisor::make_xen_client(settings.socket);
  return *xen_;
}

bool Xl::on_xen() {
  return host().driver == "libxl";
}

hypervisor::XenDomain Xl::find_xen(const std::string& name) {
  const bool number = all_digits(name);
  for (hypervisor::XenDomain& domain : xen().domains())
    if (number ? domain.domid == std::stoll(name) : domain.name == name) return std::move(domain);
  throw refusal(fmt::format("{} is an invalid domain identifier (rc=-6)", name));
}

std::optional<hypervisor::XenDomain> Xl::of_others(const std::string& name) {
  if (!on_xen()) return std::nullopt;
  for (const hypervisor::DomainState& domain : domains())
    if (domain.ours && (domain.name == name || std::to_string(domain.domid) == name))
      return std::nullopt;
  return find_xen(name);
}

std::vector<hypervisor::DomainState> Xl::domains() {
  auto domains = hypervisor().domains();
  std::sort(domains.begin(), domains.end(),
            [](const auto& a, const auto& b) { return a.domid < b.domid; });
  return domains;
}

hypervisor::DomainState Xl::find(const std::string& name) {
  const bool number = all_digits(name);
  for (hypervisor::DomainState& domain : domains())
    if (number ? domain.domid == std::stoll(name) : domain.name == name) return std::move(domain);
  throw refusal(fmt::format("{} is an invalid domain identifier (rc=-6)", name));
}

void Xl::need_own(const hypervisor::DomainState& domain, const char* doing) {
  if (settings.force || remembered(domain.uuid)) return;
  throw refusal(fmt::format(
      "{} the domain {}: it was not made by xl but by {}, which would not know of it; use -f to "
      "do so nevertheless.",
      doing, domain.name, domain.ours ? "xapi" : "another program"));
}

std::string Xl::record(const std::string& uuid) const {
  return settings.state_dir + "/" + uuid + ".cfg";
}

void Xl::remember(const std::string& uuid, const std::string& text) {
  std::filesystem::create_directories(settings.state_dir);
  // Configurations hold passwords.
  write_file_durably(record(uuid), text, 0600);
}

std::optional<std::string> Xl::remembered(const std::string& uuid) const {
  return read_file(record(uuid));
}

void Xl::forget(const std::string& uuid) {
  std::error_code ignored;
  std::filesystem::remove(record(uuid), ignored);
}

void Xl::forget_all_but(const std::vector<hypervisor::DomainState>& domains) {
  constexpr auto young = std::chrono::minutes(10);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(settings.state_dir, ignored)) {
    const std::string uuid = entry.path().stem();
    const bool runs = std::any_of(domains.begin(), domains.end(),
                                  [&](const auto& domain) { return domain.uuid == uuid; });
    if (runs || entry.path().extension() != ".cfg") continue;
    const auto written = entry.last_write_time(ignored);
    if (std::filesystem::file_time_type::clock::now() - written > young) forget(uuid);
  }
}

const cfg::XlConf& Xl::conf() {
  if (conf_) return *conf_;
  cfg::Warnings warnings;
  conf_ = cfg::read_xl_conf(settings.conf, read_file(settings.conf).value_or(""), warnings);
  for (const std::string& warning : warnings) warn(warning);
  return *conf_;
}

cfg::HostCpus Xl::cpus() {
  // xl runs on the host itself. Under Xen the machine may have more CPUs than dom0 sees; the
  // daemon knows.
  cfg::HostCpus cpus;
  cpus.cpus = std::max(1l, sysconf(_SC_NPROCESSORS_CONF));
  if (settings.dry_run && access(settings.socket.c_str(), F_OK) != 0) return cpus;
  try {
    const auto& facts = host().cpu;
    const auto count = facts.find("cpu_count");
    if (count != facts.end() && all_digits(count->second))
      cpus.cpus = std::max<std::int64_t>(1, std::stoll(count->second));
  } catch (const Failure&) {
    if (!settings.dry_run) throw;  // a look at a file needs no daemon
  }
  return cpus;
}

void Xl::warn(const std::string& line) {
  fmt::print(stderr, "warning: {}\n", line);
}

Configuration read_configuration(Xl& xl, const std::string& file_name, const std::string& text,
                                 const std::vector<std::string>& overrides, bool tell) {
  cfg::Config config;
  config.add(file_name, text);
  Configuration result;
  result.text = text;
  if (!text.empty() && text.back() != '\n') result.text += '\n';
  for (const std::string& override : overrides) {
    config.add("command line", override);
    result.text += override + '\n';
  }
  cfg::Warnings warnings;
  result.domain = cfg::read_domain(config, xl.cpus(), xl.conf(), warnings);
  if (tell)
    for (const std::string& warning : warnings) xl.warn(warning);
  for (const cfg::Setting& setting : config.settings()) result.keys.push_back(setting.name);
  return result;
}

Ending wait_for_end(Xl& xl, const std::string& uuid, bool reboot_ends) {
  using hypervisor::EventKind;
  hypervisor::EventBatch batch = xl.hypervisor().events("", 0, std::chrono::milliseconds(0));
  std::string epoch = batch.epoch;
  std::uint64_t last = batch.last;
  // Events from before we listened are not told again: look once.
  if (!xl.hypervisor().domain(uuid)) return Ending::gone;
  for (;;) {
    batch = xl.hypervisor().events(epoch, last, std::chrono::seconds(10));
    epoch = batch.epoch;
    last = batch.last;
    for (const hypervisor::Event& event : batch.events) {
      if (event.kind == EventKind::resync) {
        if (!xl.hypervisor().domain(uuid)) return Ending::gone;
        continue;
      }
      if (event.uuid != uuid) continue;
      switch (event.kind) {
        case EventKind::ended_shutdown:
          return Ending::powered_off;
        case EventKind::ended_reboot:
          return Ending::rebooted;
        case EventKind::ended_crash:
          return Ending::crashed;
        case EventKind::ended_gone:
          return Ending::gone;
        case EventKind::rebooted:
          if (reboot_ends) return Ending::rebooted;
          break;
        case EventKind::changed:
        case EventKind::guest_facts:
        case EventKind::resync:
          break;
      }
    }
  }
}

}  // namespace xcp::xl
