// SPDX-License-Identifier: GPL-2.0-or-later
// See machine.hpp.
#include "hypervisor/machine.hpp"

#include <set>
#include <sstream>

namespace xcp::hypervisor {

namespace {

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::map<std::string, std::string> read_cpu(const std::string& cpuinfo) {
  std::map<std::string, std::string> first;
  std::set<std::string> sockets;
  int count = 0;
  std::istringstream lines(cpuinfo);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = trimmed(line.substr(0, colon));
    const std::string value = trimmed(line.substr(colon + 1));
    if (key == "processor") ++count;
    if (key == "physical id") sockets.insert(value);
    first.emplace(key, value);
  }
  std::map<std::string, std::string> cpu{
      {"cpu_count", std::to_string(count)},
      {"socket_count", std::to_string(sockets.empty() ? 1 : sockets.size())}};
  const std::pair<const char*, const char*> names[] = {
      {"vendor", "vendor_id"},  {"speed", "cpu MHz"}, {"modelname", "model name"},
      {"family", "cpu family"}, {"model", "model"},   {"stepping", "stepping"},
      {"flags", "flags"}};
  for (const auto& [ours, theirs] : names) {
    const auto value = first.find(theirs);
    cpu[ours] = value == first.end() ? "" : value->second;
  }
  return cpu;
}

HostMemory read_memory(const std::string& meminfo) {
  HostMemory memory;
  std::istringstream words(meminfo);
  std::string key;
  while (words >> key) {
    std::int64_t kibibytes = 0;
    std::string rest;
    words >> kibibytes;
    std::getline(words, rest);
    if (key == "MemTotal:") memory.total_bytes = kibibytes << 10;
    if (key == "MemAvailable:") memory.free_bytes = kibibytes << 10;
  }
  return memory;
}

}  // namespace xcp::hypervisor
