// SPDX-License-Identifier: GPL-2.0-or-later
// The kinds of SR there are. A new kind is a folder, a line here and one in make_drivers().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sm/driver.hpp"
#include "sm/ready_images.hpp"

namespace xcp::sm {

// `ready_images` outlives the driver and everything it plugs.
std::unique_ptr<Driver> make_file_driver(const ReadyImages& ready_images);
// `directory`: where it mounts devices.
std::unique_ptr<Driver> make_ext_driver(const ReadyImages& ready_images,
                                        const std::string& directory);
std::unique_ptr<Driver> make_iso_driver();
// `directory`: where it keeps its SRs.
std::unique_ptr<Driver> make_dummy_driver(const ReadyImages& ready_images,
                                          const std::string& directory);

std::vector<std::unique_ptr<Driver>> make_drivers(const ReadyImages& ready_images,
                                                  const std::string& state_directory);

}  // namespace xcp::sm
