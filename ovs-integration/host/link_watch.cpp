// SPDX-License-Identifier: GPL-2.0-or-later
// See link_watch.hpp.
#include "ovs-integration/host/link_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>

#include "base/failure.hpp"

namespace xcp::network {

namespace {

constexpr unsigned groups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
// A guest's start makes half a dozen notifications; together they are one change.
constexpr int gathering_ms = 30;

}  // namespace

LinkWatch::LinkWatch(std::function<void(bool lost)> changed)
    : changed_(std::move(changed)), socket_(groups), stop_(eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw system_failure("eventfd", errno);
  thread_ = std::thread([this] { run(); });
}

LinkWatch::~LinkWatch() {
  const std::uint64_t one = 1;
  write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof(one)});
  thread_.join();
}

void LinkWatch::run() {
  for (;;) {
    pollfd items[2] = {{stop_.get(), POLLIN, 0}, {socket_.fd(), POLLIN, 0}};
    if (poll(items, 2, -1) < 0) continue;
    if (items[0].revents != 0) return;
    if (poll(items, 1, gathering_ms) > 0) return;
    const bool complete = socket_.drain();
    changed_(!complete);
  }
}

}  // namespace xcp::network
