// SPDX-License-Identifier: GPL-2.0-or-later
// What the two ends of a migration say to each other around the guest's memory, over one connected
// stream socket:
//
//   sender -> receiver   who it is: a header of the driver, see stream_header.hpp
//   receiver -> sender   "ready"   there is room for it; nothing has been made yet
//   sender -> receiver   memory and devices, in the driver's own form
//   receiver -> sender   "built"   it is whole and paused. From here on the receiver keeps it until
//                                  it is told that it must not, or knows by itself
//   sender -> receiver   "go"      the guest is no more at the sender
//   receiver -> sender   "done"    it runs
//
// Each word is a line. Either end says "failed <failure as JSON>" instead of its next word when it
// gives up; the other end throws that failure. One thread at a time.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/failure.hpp"
#include "base/fd.hpp"

namespace xcp::hypervisor {

// Nobody is there any more, or nothing was said for longer than the patience.
class PeerLost : public Failure {
 public:
  using Failure::Failure;
};

class MigrationLink {
 public:
  explicit MigrationLink(UniqueFd socket,
                         std::chrono::milliseconds patience = std::chrono::minutes(10));

  int fd() const { return socket_.get(); }

  // Both throw PeerLost.
  void send(std::string_view bytes);
  void say(std::string_view word);
  // Takes the next line, which has to be this word. Throws what the other end failed with; PeerLost
  // as well when it says anything else.
  void expect(std::string_view word);

  // Tells the other end, if it is there still. Never throws.
  void say_failed(const Failure& failure) noexcept;
  // Ends the conversation: the other end reads end of file.
  void hang_up();

 private:
  std::string read_line();

  UniqueFd socket_;
  const std::chrono::milliseconds patience_;
};

}  // namespace xcp::hypervisor
