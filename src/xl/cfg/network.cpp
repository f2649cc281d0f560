// SPDX-License-Identifier: GPL-2.0-or-later
// See network.hpp.
#include "xl/cfg/network.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "xl/cfg/components.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

constexpr const char* colo_table[] = {"colo_sock_mirror_id",
                                      "colo_sock_mirror_ip",
                                      "colo_sock_mirror_port",
                                      "colo_sock_compare_pri_in_id",
                                      "colo_sock_compare_pri_in_ip",
                                      "colo_sock_compare_pri_in_port",
                                      "colo_sock_compare_sec_in_id",
                                      "colo_sock_compare_sec_in_ip",
                                      "colo_sock_compare_sec_in_port",
                                      "colo_sock_compare_notify_id",
                                      "colo_sock_compare_notify_ip",
                                      "colo_sock_compare_notify_port",
                                      "colo_sock_redirector0_id",
                                      "colo_sock_redirector0_ip",
                                      "colo_sock_redirector0_port",
                                      "colo_sock_redirector1_id",
                                      "colo_sock_redirector1_ip",
                                      "colo_sock_redirector1_port",
                                      "colo_sock_redirector2_id",
                                      "colo_sock_redirector2_ip",
                                      "colo_sock_redirector2_port",
                                      "colo_filter_mirror_queue",
                                      "colo_filter_mirror_outdev",
                                      "colo_filter_redirector0_queue",
                                      "colo_filter_redirector0_indev",
                                      "colo_filter_redirector0_outdev",
                                      "colo_filter_redirector1_queue",
                                      "colo_filter_redirector1_indev",
                                      "colo_filter_redirector1_outdev",
                                      "colo_compare_pri_in",
                                      "colo_compare_sec_in",
                                      "colo_compare_out",
                                      "colo_compare_notify_dev",
                                      "colo_sock_sec_redirector0_id",
                                      "colo_sock_sec_redirector0_ip",
                                      "colo_sock_sec_redirector0_port",
                                      "colo_sock_sec_redirector1_id",
                                      "colo_sock_sec_redirector1_ip",
                                      "colo_sock_sec_redirector1_port",
                                      "colo_filter_sec_redirector0_queue",
                                      "colo_filter_sec_redirector0_indev",
                                      "colo_filter_sec_redirector0_outdev",
                                      "colo_filter_sec_redirector1_queue",
                                      "colo_filter_sec_redirector1_indev",
                                      "colo_filter_sec_redirector1_outdev",
                                      "colo_filter_sec_rewriter0_queue",
                                      "colo_checkpoint_host",
                                      "colo_checkpoint_port"};

constexpr std::int64_t usual_interval_usecs = 50'000;

// Six groups of one or two hexadecimal digits between : or -, in lower case.
Text mac_of(const std::string& text) {
  std::string mac;
  std::size_t at = 0;
  for (int group = 0; group < 6; ++group) {
    if (group > 0) {
      if (at == text.size() || (text[at] != ':' && text[at] != '-')) return std::nullopt;
      ++at;
      mac += ':';
    }
    std::string digits;
    while (at < text.size() && digits.size() < 2 && std::isxdigit((unsigned char)text[at]))
      digits += static_cast<char>(std::tolower((unsigned char)text[at++]));
    if (digits.empty()) return std::nullopt;
    mac += digits.size() == 1 ? "0" + digits : digits;
  }
  return at == text.size() ? Text(mac) : std::nullopt;
}

std::int64_t count_of(const std::string& key, const std::string& text) {
  if (const auto number = number_of(text); number && *number >= 0) return *number;
  throw refusal(fmt::format("vif: {} is a number, not `{}'", key, text));
}

bool starts_with_colo(const std::string& key) {
  return std::find_if(std::begin(colo_table), std::end(colo_table),
                      [&](const char* name) { return key == name; }) != std::end(colo_table);
}

bool set_flag(Nic& nic, const std::string& flag) {
  if (flag != "trusted" && flag != "untrusted") return false;
  nic.trusted = flag == "trusted";
  return true;
}

Text* plain_text(Nic& nic, const std::string& key) {
  if (key == "model") return &nic.model;
  if (key == "bridge") return &nic.bridge;
  if (key == "ip") return &nic.ip;
  if (key == "script") return &nic.script;
  if (key == "backend") return &nic.backend_domname;
  if (key == "vifname") return &nic.ifname;
  if (key == "gatewaydev" || key == "netdev") return &nic.gatewaydev;
  if (key == "forwarddev") return &nic.coloft_forwarddev;
  if (key == "vlan") return &nic.vlan;
  return nullptr;
}

std::size_t digits_at(const std::string& text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return end - at;
}

// Bytes a second from "10Mb" and the like; nullopt when that is not one.
std::optional<std::int64_t> speed_of(const std::string& text) {
  const std::size_t digits = digits_at(text, 0);
  if (digits == 0 || digits > 15) return std::nullopt;
  std::int64_t speed = std::stoll(text.substr(0, digits));
  std::string unit = text.substr(digits);
  if (unit.empty() || (unit.back() != 'B' && unit.back() != 'b')) return std::nullopt;
  const bool bits = unit.back() == 'b';
  unit.pop_back();
  std::int64_t factor = 1;
  if (unit == "K")
    factor = 1'000;
  else if (unit == "M")
    factor = 1'000'000;
  else if (unit == "G")
    factor = 1'000'000'000;
  else if (!unit.empty())
    return std::nullopt;
  if (__builtin_mul_overflow(speed, factor, &speed)) return std::nullopt;
  return bits ? speed / 8 : speed;
}

std::optional<std::int64_t> microseconds_of(const std::string& text) {
  const std::size_t digits = digits_at(text, 0);
  if (digits == 0 || digits > 9) return std::nullopt;
  const std::int64_t number = std::stoll(text.substr(0, digits));
  const std::string unit = text.substr(digits);
  if (unit == "us") return number;
  if (unit == "ms") return number * 1'000;
  if (unit == "s") return number * 1'000'000;
  return std::nullopt;
}

}  // namespace

std::span<const char* const> colo_keys() {
  return colo_table;
}

void parse_rate(const std::string& text, std::int64_t& bytes, std::int64_t& interval_usecs) {
  constexpr std::int64_t most_usecs = 0xffffffff;
  const auto at = text.find('@');
  const std::string rate = text.substr(0, at);
  const auto interval =
      at == text.npos ? std::optional(usual_interval_usecs) : microseconds_of(text.substr(at + 1));
  const auto speed =
      rate.ends_with("/s") ? speed_of(rate.substr(0, rate.size() - 2)) : std::nullopt;
  std::int64_t product = 0;
  if (!speed || !interval || *interval == 0 || *interval > most_usecs ||
      __builtin_mul_overflow(*speed, *interval, &product))
    throw refusal(
        fmt::format("vif: the rate `{}' cannot be read; expected NUMBER[GMK](B|b)/s, and "
                    "@INTERVAL in ms, us or s if wanted",
                    text));
  bytes = product / 1'000'000;
  interval_usecs = *interval;
}

bool set_nic(Nic& nic, const std::string& component, Warnings& warnings) {
  const auto equals = component.find('=');
  if (equals == component.npos) return set_flag(nic, component);
  const std::string key = component.substr(0, equals);
  const std::string value = component.substr(equals + 1);
  if (key == "netdev") warnings.push_back("vif: netdev is deprecated; write gatewaydev");
  if (key == "vlan") warnings.push_back("vif: vlan needs Xen 4.18 or later");
  if (key == "accel") {
    warnings.push_back("vif: accel is not supported; ignored");
    return true;
  }
  if (Text* text = plain_text(nic, key)) {
    *text = value;
    return true;
  }
  if (starts_with_colo(key)) {
    nic.colo[key] = value;
    return true;
  }
  if (key == "type") {
    if (value != "ioemu" && value != "vif") return false;
    nic.nictype = value == "vif" ? "vif" : "vif_ioemu";
    return true;
  }
  if (key == "mac") {
    const Text mac = mac_of(value);
    if (mac) nic.mac = mac;
    return mac.has_value();
  }
  if (key == "rate") {
    parse_rate(value, nic.rate_bytes_per_interval, nic.rate_interval_usecs);
    return true;
  }
  if (key == "devid" || key == "mtu") {
    (key == "mtu" ? nic.mtu : nic.devid) = count_of(key, value);
    return true;
  }
  return false;
}

Nic parse_nic(const std::string& text, std::int64_t place, Warnings& warnings) {
  Nic nic;
  nic.devid = place;
  for (const std::string& component : split(text, ','))
    if (!component.empty() && !set_nic(nic, component, warnings))
      warnings.push_back(fmt::format("vif: `{}' is not understood; ignored", component));
  return nic;
}

}  // namespace xcp::xl::cfg
