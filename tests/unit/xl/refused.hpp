// SPDX-License-Identifier: GPL-2.0-or-later
// What a refusal says; the test fails when nothing is refused.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/failure.hpp"

namespace xcp::xl {

template <class Call>
std::string refused(Call call, int status = 1) {
  try {
    call();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), "CLIENT_ERROR") << failure.what();
    EXPECT_EQ(failure.params().at(1), std::to_string(status));
    return failure.params().at(0);
  }
  ADD_FAILURE() << "not refused";
  return {};
}

}  // namespace xcp::xl
