// SPDX-License-Identifier: GPL-2.0-or-later
// See drivers.hpp.
#include "sm/drivers.hpp"

namespace xcp::sm {

std::vector<std::unique_ptr<Driver>> make_drivers(const ReadyImages& ready_images,
                                                  const std::string&) {
  std::vector<std::unique_ptr<Driver>> drivers;
  drivers.push_back(make_file_driver(ready_images));
  return drivers;
}

}  // namespace xcp::sm
