// SPDX-License-Identifier: GPL-2.0-or-later
// A waiting call is broken off from another thread.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "base/rpc.hpp"

namespace xcp {
namespace {

struct Waiter {
  virtual ~Waiter() = default;
  virtual void wait() = 0;
};

TEST(RpcLink, WhatWaitsIsBrokenOffAndNothingIsCalledAfterwards) {
  const auto directory = std::filesystem::temp_directory_path() / std::to_string(getpid());
  std::filesystem::create_directory(directory);
  const std::string path = directory / "socket";
  {
    std::promise<void> entered, leave;
    std::atomic<int> calls = 0;
    rpc::Server server(listen_unix(path, 0600),
                       {{"wait",
                         [&](const json::array&, FdTable&) -> json::value {
                           if (++calls == 1) entered.set_value();
                           leave.get_future().wait();
                           return nullptr;
                         }}},
                       "");
    rpc::Link link(path);
    auto waiting = std::async(std::launch::async, [&] { link.call<&Waiter::wait>("wait"); });
    entered.get_future().wait();
    EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
    link.break_off();
    EXPECT_THROW(waiting.get(), Failure);
    EXPECT_THROW(link.call<&Waiter::wait>("wait"), Failure);
    EXPECT_EQ(calls, 1);
    leave.set_value();
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace xcp
