// SPDX-License-Identifier: GPL-2.0-or-later
// See qemu_traffic.hpp.
#include "hypervisor/libxl/qemu_traffic.hpp"

#include <charconv>
#include <sstream>
#include <vector>

#include "hypervisor/libxl/qemu_monitor.hpp"

namespace xcp::hypervisor::libxl {

namespace {

std::int64_t number_after(const std::string& line, const std::string& word) {
  const auto at = line.find(" " + word + "=");
  std::int64_t number = 0;
  if (at != std::string::npos)
    std::from_chars(line.data() + at + word.size() + 2, line.data() + line.size(), number);
  return number;
}

// "xvda-raw: /disk.img (raw)" begins what it tells of a disk, further lines are indented.
std::vector<std::string> disks_in(const std::string& blocks) {
  std::vector<std::string> names;
  std::istringstream lines(blocks);
  for (std::string line; std::getline(lines, line);) {
    const auto end = line.find_first_of(" :");
    if (end != 0 && end != std::string::npos) names.push_back(disk_of_block(line.substr(0, end)));
  }
  return names;
}

}  // namespace

// The statistics have a line for each disk, ": rd_bytes=512 wr_bytes=0 ...", without the names of
// those that have a frontend, in the order of the blocks.
std::map<std::string, DomainStats::Io> traffic_of_qemu(const std::string& blocks,
                                                       const std::string& statistics) {
  const std::vector<std::string> names = disks_in(blocks);
  std::map<std::string, DomainStats::Io> all;
  std::istringstream lines(statistics);
  std::size_t i = 0;
  for (std::string line; i < names.size() && std::getline(lines, line);) {
    if (line.find(" rd_bytes=") == std::string::npos) continue;
    DomainStats::Io& io = all[names[i++]];
    io.read_bytes = number_after(line, "rd_bytes");
    io.write_bytes = number_after(line, "wr_bytes");
    io.read_ops = number_after(line, "rd_operations");
    io.write_ops = number_after(line, "wr_operations");
  }
  return all;
}

}  // namespace xcp::hypervisor::libxl
