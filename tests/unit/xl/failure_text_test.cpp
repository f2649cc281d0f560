// SPDX-License-Identifier: GPL-2.0-or-later
// What is told of failures, and the status.
#include "xl/failure_text.hpp"

#include <gtest/gtest.h>

#include "xl/refusal.hpp"

namespace xcp::xl {
namespace {

TEST(FailureText, Sentences) {
  EXPECT_EQ(text_of(refusal("no", 6)), "no");
  EXPECT_EQ(status_of(refusal("no", 6)), 6);
  EXPECT_EQ(text_of(Failure("DEVICE_NOT_ATTACHED", {"u", "3"})),
            "the domain has no such device: u, 3");
  EXPECT_EQ(text_of(internal_error("why")), "why");
  EXPECT_EQ(text_of(Failure("SOMETHING_ELSE", {"a"})), "SOMETHING_ELSE [a]");
  EXPECT_EQ(status_of(Failure("SOMETHING_ELSE")), 1);
}

}  // namespace
}  // namespace xcp::xl
