// SPDX-License-Identifier: GPL-2.0-or-later
// See record.hpp.
#include "hypervisor/sim/record.hpp"

#include "base/describe.hpp"
#include "hypervisor/sim/timing.hpp"

namespace xcp::hypervisor::sim {

namespace {

constexpr std::string_view saved_state_magic = "xcp simulated memory 1";

std::string check_of(const std::string& text) {
  return std::to_string(mixed(0, text, text.size()));
}

}  // namespace

std::string domain_text(const Domain& domain) {
  return json_text(to_json(domain));
}

std::string domain_entry(const Domain& domain) {
  return json_text(json::object{{"domain", to_json(domain)}});
}

std::string gone_entry(const std::string& uuid) {
  return json_text(json::object{{"gone", uuid}});
}

std::string host_entry(const HostRecord& host) {
  return json_text(json::object{{"host", to_json(host)}});
}

std::string incoming_entry(const Incoming& incoming) {
  return json_text(json::object{{"incoming", to_json(incoming)}});
}

std::string refused_entry(const std::string& uuid) {
  return json_text(json::object{{"refused", uuid}});
}

Entry parse_entry(const std::string& text) {
  return from_json<Entry>(parse_json(text));
}

std::string saved_state_text(const Domain& domain) {
  const std::string text = domain_text(domain);
  return std::string(saved_state_magic) + "\n" + check_of(text) + "\n" + text + "\n";
}

std::optional<Domain> parse_saved_state(const std::string& text) {
  const auto first = text.find('\n');
  if (first == std::string::npos || text.substr(0, first) != saved_state_magic) return std::nullopt;
  const auto second = text.find('\n', first + 1);
  if (second == std::string::npos) return std::nullopt;
  // A block device or a volume made beforehand is longer than what was written to it.
  const auto third = text.find('\n', second + 1);
  if (third == std::string::npos) return std::nullopt;
  const std::string body = text.substr(second + 1, third - second - 1);
  if (text.substr(first + 1, second - first - 1) != check_of(body)) return std::nullopt;
  return from_json<Domain>(parse_json(body));
}

}  // namespace xcp::hypervisor::sim
