// SPDX-License-Identifier: GPL-2.0-or-later
// A conversation in QMP with the QEMU that serves a domain's disks, over the socket that libxl's
// QEMUs keep for statistics: libxl's own stays free. Used by one thread, for a short while, since
// QEMU listens to one at a time. Everything throws INTERNAL_ERROR: nobody there, no answer in 30 s,
// or what QEMU says is wrong.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace xcp::hypervisor::libxl {

class QemuMonitor {
 public:
  explicit QemuMonitor(std::uint32_t domid);

  // What the command returns.
  boost::json::value execute(std::string_view command, boost::json::object arguments = {});

 private:
  std::string read_line();

  UniqueFd socket_;
  std::string unread_;
};

// A disk as QEMU has it open. One disk of an hvm domain can be open twice: for the emulated
// controller and for the frontend.
struct OpenImage {
  std::string disk;  // "xvda", "hda"
  std::string node;
  std::string path;
};
// From the answer to query-block.
std::vector<OpenImage> open_images(const boost::json::value& blocks);

// "ide0-hd1" is hdb, "ide1-cd0" is hdc; "xvda-raw" is xvda.
std::string disk_of_block(const std::string& name);

}  // namespace xcp::hypervisor::libxl
