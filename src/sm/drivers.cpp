// SPDX-License-Identifier: GPL-2.0-or-later
// See drivers.hpp.
#include "sm/drivers.hpp"

namespace xcp::sm {

std::vector<std::unique_ptr<Driver>> make_drivers(const ReadyImages& ready_images,
                                                  const std::string& state_directory) {
  std::vector<std::unique_ptr<Driver>> drivers;
  drivers.push_back(make_file_driver(ready_images));
  drivers.push_back(make_ext_driver(ready_images, state_directory + "/mnt"));
  drivers.push_back(make_iso_driver());
  drivers.push_back(make_dummy_driver(ready_images, state_directory + "/dummy"));
  return drivers;
}

}  // namespace xcp::sm
