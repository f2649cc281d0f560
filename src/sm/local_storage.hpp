// SPDX-License-Identifier: GPL-2.0-or-later
// The storage contract carried out in this process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sm/driver.hpp"
#include "sm/storage.hpp"

namespace xcp::sm {

struct Settings {
  std::string state_dir;  // everything that is remembered is below <state_dir>/storage
  std::string image_dir;  // ready-made images; empty: none
  // Told about trouble that no caller hears of (an SR that could not be plugged again); any thread.
  std::function<void(const std::string&)> report;
};

class LocalStorage : public Storage {
 public:
  // The running copies and fills end with TASK_CANCELLED, new ones are refused; for a daemon's end.
  virtual void stop() = 0;
};

// Throws INTERNAL_ERROR when another process uses the same state directory. `drivers` are for
// tests; empty: all there are. The destructor waits for what runs in the background.
std::unique_ptr<LocalStorage> make_local_storage(Settings settings,
                                                 std::vector<std::unique_ptr<Driver>> drivers = {});

}  // namespace xcp::sm
