// SPDX-License-Identifier: GPL-2.0-or-later
// See agent_replies.hpp.
#include "hypervisor/libvirt/agent_replies.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cctype>

namespace xcp::hypervisor::libvirt {

namespace {

namespace json = boost::json;

constexpr std::size_t reply_limit = 1u << 20;
constexpr std::size_t text_limit = 1024;
constexpr int addresses_limit = 32;

// The "return" member; a null value when the reply is an error or no JSON.
json::value answer_of(const std::string& reply) {
  if (reply.empty() || reply.size() > reply_limit) return nullptr;
  json::parse_options options;
  options.max_depth = 8;
  boost::system::error_code error;
  json::value value = json::parse(reply, error, {}, options);
  if (error || !value.is_object()) return nullptr;
  json::value* answer = value.as_object().if_contains("return");
  return answer != nullptr ? std::move(*answer) : nullptr;
}

std::string text_in(const json::value& value, const char* name) {
  const json::object* object = value.if_object();
  const json::value* member = object != nullptr ? object->if_contains(name) : nullptr;
  const json::string* text = member != nullptr ? member->if_string() : nullptr;
  if (text == nullptr || text->size() > text_limit) return {};
  std::string out(text->data(), text->size());
  // A text with control characters is no name, version or address.
  if (std::any_of(out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return {};
  return out;
}

class Budget {
 public:
  void put(std::map<std::string, std::string>& map, const std::string& key, std::string value) {
    if (value.empty() || key.size() + value.size() > left_) return;
    left_ -= key.size() + value.size();
    map[key] = std::move(value);
  }

 private:
  std::size_t left_ = guest_text_limit;
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void read_os(const json::value& os, GuestFacts& facts, Budget& budget) {
  std::string name = text_in(os, "pretty-name");
  if (name.empty()) name = text_in(os, "name");
  budget.put(facts.os_version, "name", name);
  budget.put(facts.os_version, "distro", text_in(os, "id"));
  budget.put(facts.os_version, "uname", text_in(os, "kernel-release"));
  const std::string version = text_in(os, "version-id");
  const auto dot = version.find('.');
  budget.put(facts.os_version, "major", version.substr(0, dot));
  if (dot != std::string::npos) budget.put(facts.os_version, "minor", version.substr(dot + 1));
}

void read_addresses(const json::value& interface, const std::string& device, GuestFacts& facts,
                    Budget& budget) {
  const json::object* object = interface.if_object();
  const json::value* list = object != nullptr ? object->if_contains("ip-addresses") : nullptr;
  if (list == nullptr || !list->is_array()) return;
  int v4 = 0;
  int v6 = 0;
  for (const json::value& entry : list->get_array()) {
    const std::string address = text_in(entry, "ip-address");
    const bool is_v6 = text_in(entry, "ip-address-type") == "ipv6";
    if (address.empty() || v4 + v6 >= addresses_limit) continue;
    if (is_v6) {
      budget.put(facts.networks, device + "/ipv6/" + std::to_string(v6++), address);
      continue;
    }
    if (v4 == 0) budget.put(facts.networks, device + "/ip", address);
    budget.put(facts.networks, device + "/ipv4/" + std::to_string(v4++), address);
  }
}

}  // namespace

GuestFacts read_agent(const AgentReplies& replies,
                      const std::map<std::string, std::string>& device_by_mac) {
  GuestFacts facts;
  facts.agent_alive = true;
  Budget budget;
  facts.agent_version = text_in(answer_of(replies.info), "version");
  read_os(answer_of(replies.os), facts, budget);
  budget.put(facts.other, "hostname", text_in(answer_of(replies.host_name), "host-name"));
  const json::value interfaces = answer_of(replies.interfaces);
  if (!interfaces.is_array()) return facts;
  for (const json::value& interface : interfaces.get_array()) {
    const auto device = device_by_mac.find(lower(text_in(interface, "hardware-address")));
    if (device != device_by_mac.end()) read_addresses(interface, device->second, facts, budget);
  }
  return facts;
}

}  // namespace xcp::hypervisor::libvirt
