// SPDX-License-Identifier: GPL-2.0-or-later
// xl create, and xl config-update: from a configuration file to a domain, or to its JSON.
#include <fmt/format.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "xl/cfg/domain_json.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/vm_spec.hpp"

namespace xcp::xl {

namespace {

std::string read_whole(const std::string& path) {
  if (path == "-") {
    std::string text;
    char buffer[65536];
    while (const std::size_t count = read_some(STDIN_FILENO, buffer, sizeof buffer))
      text.append(buffer, count);
    return text;
  }
  auto text = read_file(path);
  if (!text) throw refusal(fmt::format("Failed to read config file: {}: no such file", path), 3);
  return *std::move(text);
}

// The first argument is a file unless it is a setting; -f names one as well.
struct Words {
  std::string file;
  std::vector<std::string> overrides;
};

Words words_of(const Call& call, std::size_t first) {
  Words words{call.value("f"),
              {call.args.begin() + static_cast<std::ptrdiff_t>(first), call.args.end()}};
  if (!words.overrides.empty() && words.overrides[0].find('=') == std::string::npos) {
    words.file = words.overrides[0];
    words.overrides.erase(words.overrides.begin());
  }
  for (const std::string& override : words.overrides)
    if (override.find('=') == std::string::npos)
      throw refusal(fmt::format("expected KEY=VALUE, found `{}'", override));
  return words;
}

// Names are the users' keys to domains; two of one name could not be told apart.
void need_new(Xl& xl, const cfg::CreateInfo& info) {
  const std::vector<hypervisor::DomainState> domains = xl.domains();
  xl.forget_all_but(domains);
  for (const hypervisor::DomainState& domain : domains) {
    if (domain.uuid == info.uuid)
      throw refusal(
          fmt::format("the domain {} with the uuid {} runs already", domain.name, domain.uuid));
    if (domain.name == info.name) throw refusal(fmt::format("a domain {} runs already", info.name));
  }
}

Target target_of(Xl& xl, const Configuration& configuration) {
  Target target;
  target.xen = xl.on_xen();
  target.keys_set = configuration.keys;
  return target;
}

}  // namespace

int create(Xl& xl, const Call& call) {
  const Words words = words_of(call, 0);
  if (words.file.empty()) throw refusal("Config file not specified and none in save file", 6);
  const bool dry_run = xl.settings.dry_run || call.has("n");
  xl.settings.dry_run = dry_run;
  if (!call.has("q")) fmt::print(stderr, "Parsing config from {}\n", words.file);
  const Configuration configuration =
      read_configuration(xl, words.file, read_whole(words.file), words.overrides, true);
  if (dry_run || call.has("d"))
    fmt::print(dry_run ? stdout : stderr, "{}\n", cfg::json_of(configuration.domain));
  if (dry_run) return 0;

  cfg::Warnings warnings;
  const Target target = target_of(xl, configuration);
  const hypervisor::VmSpec spec = vm_spec(configuration.domain, target, warnings);
  for (const std::string& warning : warnings) xl.warn(warning);
  need_new(xl, configuration.domain.c_info);
  // Before the domain is there: whoever finds it must be able to see that it is xl's.
  xl.remember(spec.uuid, configuration.text + fmt::format("uuid = \"{}\"\n", spec.uuid));
  hypervisor::DomainState domain;
  try {
    domain = target.xen ? xl.xen().create(spec, cfg::json_of(configuration.domain))
                        : xl.hypervisor().build(spec);
  } catch (...) {
    xl.forget(spec.uuid);
    throw;
  }
  return attend(xl, call, domain);
}

int attend(Xl& xl, const Call& call, const hypervisor::DomainState& domain) {
  if (!call.has("p")) xl.hypervisor().unpause(domain.uuid);
  Call other;
  other.args = {std::to_string(domain.domid)};
  if (call.has("V") || call.has("A")) vncviewer(xl, other);
  if (call.has("c")) return console(xl, other);
  if (!call.has("F")) return 0;
  const Ending ending = wait_for_end(xl, domain.uuid, false);
  xl.forget(domain.uuid);
  return ending == Ending::crashed ? 1 : 0;
}

int config_update(Xl& xl, const Call& call) {
  const Words words = words_of(call, 1);
  if (words.file.empty()) throw refusal("no config file specified", 3);
  const Configuration configuration =
      read_configuration(xl, words.file, read_whole(words.file), words.overrides, true);
  if (xl.settings.dry_run) {
    fmt::print("{}\n", cfg::json_of(configuration.domain));
    return 0;
  }
  const hypervisor::DomainState domain = xl.find(call.args[0]);
  xl.need_own(domain, "Not changing the stored configuration of");
  xl.remember(domain.uuid, configuration.text + fmt::format("uuid = \"{}\"\n", domain.uuid));
  return 0;
}

}  // namespace xcp::xl
