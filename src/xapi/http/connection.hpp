// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: one client connection from its first byte to its last. Requests are read
// and answered one after the other; while one is being answered the connection reads on, within
// limits, to notice a client that goes away.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xapi/http/core.hpp"
#include "xapi/http/loop.hpp"
#include "xapi/http/parser.hpp"
#include "xapi/http/stream.hpp"

namespace xcp::http {

class ConnectionExchange;

// Where a connection comes from; copied into each of its requests.
struct Origin {
  bool tls = false;
  bool unix_socket = false;
  PeerCredentials peer;
  std::string remote_address;
  std::uint64_t connection = 0;
};

// Everything runs on the loop's thread but the constructor.
class Connection final : public Resident, public std::enable_shared_from_this<Connection> {
 public:
  // `share` counts the connection until it is closed.
  Connection(std::shared_ptr<Core> core, std::shared_ptr<Loop> loop, std::unique_ptr<Stream> stream,
             Origin origin, Share share);
  ~Connection() override;

  void start();
  // Instead of start(): sends this and ends.
  void refuse(const Response& response);
  void close() override;

  // Answers of the exchange with this number; ignored when it is not the current one.
  void send(std::uint64_t exchange, const Response& response);
  void hand_over(std::uint64_t exchange, std::string head, UniqueFd local);

 private:
  enum class State { Handshake, Header, Body, Busy, Writing, Lingering, Closed };
  using Clock = std::chrono::steady_clock;
  struct Io {
    asio::posix::stream_descriptor watch;
    asio::steady_timer timer;
  };

  bool watch_descriptor();
  void watch_for(IoStatus wanted);
  void on_event();
  void set_deadline(std::chrono::milliseconds timeout);
  void clear_deadline();
  void arm_timer();
  void on_timer();
  void on_deadline();

  void shake_hands();
  void refuse_plain_http();
  void read_input();
  void read_on();
  bool wants_input() const;
  void take_input(std::string_view bytes);
  void on_input_end();
  std::size_t parse(std::string_view input);
  void parse_kept_input();
  void on_header();
  void begin_body();
  void count_body();
  void dispatch();
  void next_request();
  void fail(unsigned status, std::string_view text);

  void start_answer(const Response& response, bool keep_alive);
  void write_output();
  void after_output();
  void linger();

  std::shared_ptr<Core> core_;
  std::shared_ptr<Loop> loop_;
  std::unique_ptr<Stream> stream_;
  Origin origin_;
  Share share_;
  State state_ = State::Handshake;

  std::optional<Io> io_;
  bool read_armed_ = false;
  bool read_posted_ = false;
  bool write_armed_ = false;
  bool read_waits_for_write_ = false;
  bool write_waits_ = false;
  bool timer_armed_ = false;
  Clock::time_point timer_expiry_;
  Clock::time_point deadline_ = Clock::time_point::max();

  std::string input_;  // read, not yet parsed
  bool input_over_ = false;
  bool header_begun_ = false;
  std::unique_ptr<RequestParser> parser_;
  Share body_share_;
  std::uint64_t body_counted_ = 0;
  std::uint64_t body_progress_ = 0;  // bytes when the deadline was last moved

  std::uint64_t exchange_number_ = 0;
  std::weak_ptr<ConnectionExchange> exchange_;
  bool head_only_ = false;
  bool keep_alive_ = false;
  bool body_left_ = false;      // the request's body is still to come and will not be read
  bool owes_continue_ = false;  // the client waits for it before it sends its body

  std::string output_head_;
  std::vector<std::shared_ptr<const std::string>> output_;
  std::size_t output_index_ = 0;   // head counts as fragment 0
  std::size_t output_offset_ = 0;  // into that fragment
};

}  // namespace xcp::http
