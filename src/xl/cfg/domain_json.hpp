// SPDX-License-Identifier: GPL-2.0-or-later
// A Domain, or one device, as the JSON text that xl prints: four spaces a level, what was not set
// left out. Pure. Without a newline at the end.
#pragma once

#include <string>

#include "xl/cfg/domain.hpp"

namespace xcp::xl::cfg {

std::string json_of(const Domain& domain);
std::string json_of(const Disk& disk);
std::string json_of(const Nic& nic);
std::string json_of(const Vtpm& vtpm);
std::string json_of(const Vkb& vkb);
std::string json_of(const Vsnd& card);
std::string json_of(const Vdispl& display);
std::string json_of(const UsbController& controller);

// `xl list -l` and `xl -N config-update`: {"domid": ..., "config": ...} a domain, in an array.
struct Listed {
  std::int64_t domid = 0;
  const Domain* domain = nullptr;
};
std::string json_of(const std::vector<Listed>& domains);

}  // namespace xcp::xl::cfg
