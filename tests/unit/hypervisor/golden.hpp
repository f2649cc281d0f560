// SPDX-License-Identifier: GPL-2.0-or-later
// Golden files of the libvirt driver's translators, in tests/golden/libvirt/. With
// XCP_REWRITE_GOLDEN=1 in the environment they are written instead of compared; the review reads
// the difference.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/fd.hpp"

namespace xcp::test {

inline std::string golden_path(const std::string& name) {
  return std::string(XCP_SOURCE_DIR) + "/tests/golden/libvirt/" + name;
}

inline std::string golden_text(const std::string& name) {
  return read_file(golden_path(name)).value_or("");
}

inline void expect_golden(const std::string& name, const std::string& actual) {
  if (std::getenv("XCP_REWRITE_GOLDEN") != nullptr) {
    write_file_durably(golden_path(name), actual);
    return;
  }
  EXPECT_EQ(actual, golden_text(name)) << golden_path(name);
}

}  // namespace xcp::test
