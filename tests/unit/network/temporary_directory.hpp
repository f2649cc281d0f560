// SPDX-License-Identifier: GPL-2.0-or-later
// A directory of a test's own, removed with everything in it; and the codes of failures.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/failure.hpp"

namespace xcp::network {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "net-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw system_failure("mkdtemp", errno);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string path(const std::string& name = {}) const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

// "CODE p1 p2" of the Failure `action` throws; "" when it throws none.
inline std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    std::string text = failure.code();
    for (const std::string& param : failure.params()) text += " " + param;
    return text;
  }
  return {};
}
inline std::string code_of(const std::function<void()>& action) {
  const std::string text = failure_of(action);
  return text.substr(0, text.find(' '));
}

}  // namespace xcp::network
