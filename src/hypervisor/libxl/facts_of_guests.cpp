// SPDX-License-Identifier: GPL-2.0-or-later
// See facts_of_guests.hpp.
#include "hypervisor/libxl/facts_of_guests.hpp"

#include <algorithm>
#include <charconv>

namespace xcp::hypervisor::libxl {

namespace {

constexpr std::size_t longest_text = 1024;
constexpr std::size_t most_nics = 16;
constexpr std::size_t most_addresses = 16;

bool is_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
    if (size == 0 || i + size > text.size()) return false;
    std::uint32_t code = size == 1 ? lead : lead & (0x7fU >> size);
    for (std::size_t k = 1; k < size; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3f);
    }
    const bool too_long = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    if (code == 0 || too_long || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    i += size;
  }
  return true;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() <= 3 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

class Reader {
 public:
  Reader(const Xenstore& xenstore, std::uint32_t domid)
      : xenstore_(xenstore), base_("/local/domain/" + std::to_string(domid) + "/") {}

  std::optional<std::string> text(const std::string& path) {
    auto value = xenstore_.read(base_ + path, longest_text);
    if (!value || !is_utf8(*value) || value->size() > left_) return std::nullopt;
    left_ -= value->size();
    return value;
  }
  void take(std::map<std::string, std::string>& into, const std::string& key,
            const std::string& path) {
    if (into.contains(key)) return;
    if (auto value = text(path)) put(into, key, std::move(*value), key.size());
  }
  // What was read already, under another name as well.
  void repeat(std::map<std::string, std::string>& into, const std::string& key,
              const std::string& value) {
    put(into, key, value, key.size() + value.size());
  }
  std::vector<std::string> numbers(const std::string& path, std::size_t limit) const {
    std::vector<std::string> names = xenstore_.list(base_ + path);
    std::erase_if(names, [](const std::string& name) { return !is_number(name); });
    if (names.size() > limit) names.resize(limit);
    return names;
  }

 private:
  void put(std::map<std::string, std::string>& into, const std::string& key, std::string value,
           std::size_t size) {
    if (size > left_) return;
    left_ -= size;
    into[key] = std::move(value);
  }

  const Xenstore& xenstore_;
  const std::string base_;
  std::size_t left_ = guest_text_limit;
};

std::string version_of(Reader& reader) {
  std::string version;
  for (const char* part : {"MajorVersion", "MinorVersion", "MicroVersion", "BuildVersion"}) {
    const auto number = reader.text(std::string("attr/PVAddons/") + part);
    if (!number) break;
    version += (version.empty() ? "" : ".") + *number;
  }
  return version;
}

void read_addresses(Reader& reader, GuestFacts& facts) {
  for (const std::string& nic : reader.numbers("attr/vif", most_nics))
    for (const char* family : {"ipv4", "ipv6"})
      for (const std::string& i : reader.numbers("attr/vif/" + nic + "/" + family, most_addresses))
        reader.take(facts.networks, nic + "/" + family + "/" + i,
                    "attr/vif/" + nic + "/" + family + "/" + i);
  // As older agents tell it.
  for (std::size_t n = 0; n < most_nics; ++n) {
    const std::string nic = std::to_string(n);
    if (!facts.networks.contains(nic + "/ipv4/0"))
      reader.take(facts.networks, nic + "/ipv4/0", "attr/eth" + nic + "/ip");
    if (const auto address = facts.networks.find(nic + "/ipv4/0"); address != facts.networks.end())
      reader.repeat(facts.networks, nic + "/ip", address->second);
  }
}

}  // namespace

GuestFacts read_guest(const Xenstore& xenstore, std::uint32_t domid) {
  Reader reader(xenstore, domid);
  GuestFacts facts;
  facts.agent_version = version_of(reader);
  facts.agent_alive = !facts.agent_version.empty();
  const std::pair<const char*, const char*> of_system[] = {
      {"name", "data/os_name"},      {"distro", "data/os_distro"}, {"major", "data/os_majorver"},
      {"minor", "data/os_minorver"}, {"uname", "data/os_uname"},   {"spmajor", "data/os_spmajor"},
      {"spminor", "data/os_spminor"}};
  for (const auto& [key, path] : of_system) reader.take(facts.os_version, key, path);
  reader.take(facts.other, "hostname", "data/host_name");
  reader.take(facts.other, "hostname", "data/hostname");
  for (const char* ability : {"feature-poweroff", "feature-reboot", "feature-suspend"})
    reader.take(facts.other, ability, std::string("control/") + ability);
  read_addresses(reader, facts);
  return facts;
}

std::int64_t read_guest_free_memory(const Xenstore& xenstore, std::uint32_t domid) {
  const auto text =
      xenstore.read("/local/domain/" + std::to_string(domid) + "/data/meminfo_free", 32);
  std::int64_t kibibytes = 0;
  if (!text) return -1;
  const auto [at, error] = std::from_chars(text->data(), text->data() + text->size(), kibibytes);
  constexpr std::int64_t most = std::int64_t{1} << 40;
  return error == std::errc() && kibibytes >= 0 && kibibytes < most ? kibibytes << 10 : -1;
}

}  // namespace xcp::hypervisor::libxl
