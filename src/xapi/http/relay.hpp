// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: carries bytes between a hijacked connection and the socket its new owner
// holds. What is read is written before more is read, so a side that does not read stops the other.
#pragma once

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "xapi/http/core.hpp"
#include "xapi/http/loop.hpp"
#include "xapi/http/stream.hpp"

namespace xcp::http {

class Relay final : public Resident, public std::enable_shared_from_this<Relay> {
 public:
  // `early` is what the client sent already, `head` goes to the client first; `share` counts the
  // connection. Throws when the loop can not watch the descriptors.
  Relay(std::shared_ptr<Loop> loop, std::unique_ptr<Stream> client, std::unique_ptr<Stream> local,
        std::string early, std::string head, std::chrono::milliseconds linger, Share share);

  // On the loop's thread.
  void start();
  void close() override;

 private:
  enum Side { Client = 0, Local = 1 };
  static Side other(Side side) { return side == Client ? Local : Client; }

  struct End {
    std::unique_ptr<Stream> stream;
    std::optional<asio::posix::stream_descriptor> watch;
    std::string pending;      // read from here, not yet written to the other end
    bool read_waits = false;  // for an event here
    bool write_waits = false;
    bool read_armed = false;  // asio watches
    bool write_armed = false;
    bool hangup_armed = false;
    bool input_over = false;   // nothing more comes from here
    bool output_over = false;  // nothing more goes to here
  };

  void pump_both();
  bool pump_some(Side from);
  void read_from(Side from);
  void write_to(Side to, std::string_view bytes);
  void stop_output(Side to);
  void settle();
  bool local_hung_up();
  void start_lingering();
  void watch_for(Side side, IoStatus wanted);
  void watch_hangup();
  void on_event(Side side);

  std::shared_ptr<Loop> loop_;
  std::array<End, 2> ends_;
  asio::steady_timer timer_;
  std::chrono::milliseconds linger_;
  bool lingering_ = false;
  bool closed_ = false;
  Share share_;
};

}  // namespace xcp::http
