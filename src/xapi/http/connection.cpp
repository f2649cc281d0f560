// SPDX-License-Identifier: GPL-2.0-or-later
// States: Handshake -> Header -> [Body] -> Busy -> Writing -> Header ... -> Lingering -> Closed.
// A hijack leaves Busy for Closed, with the stream gone to a Relay. Events only retry what waits,
// so a spurious one does no harm.
#include "xapi/http/connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "xapi/http/exchange.hpp"
#include "xapi/http/relay.hpp"
#include "xapi/http/response.hpp"

namespace xcp::http {

namespace {

constexpr std::string_view continue_head = "HTTP/1.1 100 Continue\r\n\r\n";

// What is read ahead while a request is being answered.
constexpr std::size_t read_ahead_bytes = 64 * 1024;

// One reply's share of a turn, so that a fast reader of a large reply leaves room for others.
constexpr std::size_t output_bytes_per_turn = 2 * 1024 * 1024;
constexpr std::size_t parts_per_write = 256;

}  // namespace

Connection::Connection(std::shared_ptr<Core> core, std::shared_ptr<Loop> loop,
                       std::unique_ptr<Stream> stream, Origin origin, Share share)
    : core_(std::move(core)),
      loop_(std::move(loop)),
      stream_(std::move(stream)),
      origin_(std::move(origin)),
      share_(std::move(share)),
      body_share_(core_->body_bytes) {}

Connection::~Connection() = default;

// ---- life

void Connection::start() {
  if (!watch_descriptor()) return;
  set_deadline(core_->settings.header_timeout);
  shake_hands();
}

void Connection::refuse(const Response& response) {
  if (!watch_descriptor()) return;
  start_answer(response, false);
}

bool Connection::watch_descriptor() {
  loop_->add(shared_from_this());
  try {
    io_.emplace(Io{asio::posix::stream_descriptor(loop_->io(), stream_->fd()),
                   asio::steady_timer(loop_->io())});
  } catch (const std::exception&) {
    close();
    return false;
  }
  return true;
}

void Connection::close() {
  if (state_ == State::Closed) return;
  const bool busy = state_ == State::Busy;
  state_ = State::Closed;
  if (io_) io_->watch.release();  // the stream closes the descriptor
  io_.reset();
  stream_.reset();
  parser_.reset();
  input_ = {};
  output_.clear();
  share_.release();
  body_share_.release();
  const auto self = shared_from_this();
  loop_->remove(this);
  if (!busy) return;
  if (const auto exchange = exchange_.lock()) exchange->notify_gone();
}

// ---- waiting

void Connection::watch_for(IoStatus wanted) {
  const bool reading = wanted == IoStatus::WantRead;
  bool& armed = reading ? read_armed_ : write_armed_;
  if (armed) return;
  armed = true;
  io_->watch.async_wait(
      reading ? asio::posix::descriptor_base::wait_read : asio::posix::descriptor_base::wait_write,
      [self = shared_from_this(), reading](const boost::system::error_code& error) {
        (reading ? self->read_armed_ : self->write_armed_) = false;
        if (!error && self->state_ != State::Closed) self->on_event();
      });
}

void Connection::on_event() {
  if (state_ == State::Handshake) return shake_hands();
  if (write_waits_ && !write_armed_) {
    write_waits_ = false;
    write_output();
    if (state_ == State::Closed) return;
  }
  if (read_waits_for_write_ && !write_armed_) read_waits_for_write_ = false;
  if (!read_armed_ && !read_posted_ && !read_waits_for_write_) read_input();
}

void Connection::set_deadline(std::chrono::milliseconds timeout) {
  deadline_ = Clock::now() + timeout;
  // A timer that fires too early looks at the deadline again; only a later one has to be replaced.
  if (!timer_armed_ || timer_expiry_ > deadline_) arm_timer();
}

void Connection::clear_deadline() {
  deadline_ = Clock::time_point::max();
}

void Connection::arm_timer() {
  timer_armed_ = true;
  timer_expiry_ = deadline_;
  io_->timer.expires_at(deadline_);
  io_->timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->state_ != State::Closed) self->on_timer();
  });
}

void Connection::on_timer() {
  timer_armed_ = false;
  if (Clock::now() >= deadline_) return on_deadline();
  if (deadline_ != Clock::time_point::max()) arm_timer();
}

void Connection::on_deadline() {
  clear_deadline();
  switch (state_) {
    case State::Header:
      if (header_begun_) return fail(408, "The request's header did not arrive in time.");
      return linger();
    case State::Body:
      return fail(408, "The request's body did not arrive in time.");
    case State::Handshake:
    case State::Writing:
    case State::Lingering:
      return close();
    case State::Busy:
    case State::Closed:
      return;
  }
}

// ---- reading

void Connection::shake_hands() {
  const IoResult result = stream_->handshake();
  switch (result.status) {
    case IoStatus::Ok:
      return next_request();
    case IoStatus::WantRead:
    case IoStatus::WantWrite:
      return watch_for(result.status);
    case IoStatus::End:
    case IoStatus::Broken:
      break;
  }
  if (stream_->client_speaks_plain_http()) refuse_plain_http();
  close();
}

// As far as it goes without waiting: somebody typed http:// for https://.
void Connection::refuse_plain_http() {
  const Response page = error_page(400, "This port speaks HTTPS.");
  const std::string text = framed_head(page, false) + *page.body.front();
  (void)!::send(stream_->fd(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  shutdown(stream_->fd(), SHUT_WR);
}

bool Connection::wants_input() const {
  if (input_over_) return false;
  switch (state_) {
    case State::Header:
    case State::Body:
    case State::Lingering:
      return true;
    case State::Busy:
    case State::Writing:
      return input_.size() < read_ahead_bytes;
    case State::Handshake:
    case State::Closed:
      return false;
  }
  return false;
}

void Connection::read_input() {
  if (!wants_input()) return;
  auto& scratch = loop_->scratch();
  const IoResult result = stream_->read(scratch.data(), scratch.size());
  switch (result.status) {
    case IoStatus::Ok:
      take_input({scratch.data(), result.bytes});
      break;
    case IoStatus::WantRead:
      break;
    case IoStatus::WantWrite:
      read_waits_for_write_ = true;
      return watch_for(IoStatus::WantWrite);
    case IoStatus::End:
      return on_input_end();
    case IoStatus::Broken:
      return close();
  }
  read_on();
}

// Never reads at once: the caller may still be looking at what the last read left in the scratch
// buffer.
void Connection::read_on() {
  if (!wants_input() || read_armed_ || read_posted_ || read_waits_for_write_) return;
  if (!stream_->has_buffered_input()) return watch_for(IoStatus::WantRead);
  read_posted_ = true;
  asio::post(loop_->io(), [self = shared_from_this()] {
    self->read_posted_ = false;
    self->read_input();
  });
}

void Connection::take_input(std::string_view bytes) {
  switch (state_) {
    case State::Header:
    case State::Body:
      if (input_.empty()) {
        const std::size_t taken = parse(bytes);
        if (state_ != State::Lingering && state_ != State::Closed) input_ = bytes.substr(taken);
      } else {
        input_ += bytes;
        parse_kept_input();
      }
      return;
    case State::Busy:
    case State::Writing:
      input_ += bytes;
      return;
    case State::Handshake:
    case State::Lingering:
    case State::Closed:
      return;
  }
}

void Connection::parse_kept_input() {
  const std::size_t taken = parse(input_);
  if (taken == input_.size()) {
    input_ = {};
  } else {
    input_.erase(0, taken);
  }
}

void Connection::on_input_end() {
  input_over_ = true;
  switch (state_) {
    case State::Header:
    case State::Body:
      return linger();
    case State::Lingering:
      return close();
    case State::Busy:
      if (const auto exchange = exchange_.lock()) exchange->notify_gone();
      return;
    case State::Handshake:
    case State::Writing:
    case State::Closed:
      return;
  }
}

// Up to the end of one request; the rest waits until it is answered.
std::size_t Connection::parse(std::string_view input) {
  std::size_t taken = 0;
  if (state_ == State::Header) {
    if (!parser_)
      parser_ = std::make_unique<RequestParser>(core_->settings.header_bytes,
                                                core_->settings.header_fields);
    taken = parser_->feed(input);
    if (parser_->stage() == RequestParser::Stage::HasHeader) {
      on_header();
    } else if (parser_->stage() == RequestParser::Stage::Header && taken < input.size() &&
               !header_begun_) {
      header_begun_ = true;
      set_deadline(core_->settings.header_timeout);
    }
  }
  if (state_ == State::Body) {
    taken += parser_->feed(input.substr(taken));
    count_body();
  }
  if (!parser_) return taken;
  if (parser_->stage() == RequestParser::Stage::Complete) {
    dispatch();
  } else if (parser_->stage() == RequestParser::Stage::Failed) {
    fail(parser_->error_status(), parser_->error_text());
  }
  return taken;
}

void Connection::on_header() {
  Request& request = parser_->request();
  request.tls = origin_.tls;
  request.unix_socket = origin_.unix_socket;
  request.peer = origin_.peer;
  request.remote_address = origin_.remote_address;
  request.connection = origin_.connection;

  BodyDecision decision;
  try {
    decision = core_->policy(request);
  } catch (const std::exception&) {
    return fail(500, "The server could not look at this request.");
  }
  owes_continue_ = parser_->expects_continue() && parser_->announces_body() && !request.http_1_0;
  body_left_ = false;
  if (decision.mode == BodyMode::Leave) {
    body_left_ = parser_->announces_body();
    return dispatch();
  }
  parser_->accept_body(decision.max_body_bytes, decision.too_large_status);
  if (parser_->stage() == RequestParser::Stage::Body) begin_body();
}

void Connection::begin_body() {
  state_ = State::Body;
  body_counted_ = body_progress_ = 0;
  set_deadline(core_->settings.body_timeout);
  if (!std::exchange(owes_continue_, false)) return;
  output_head_ += continue_head;
  write_output();
}

// Keeps the deadline moving and the memory of all bodies together within its limit.
void Connection::count_body() {
  const std::uint64_t arrived = parser_->request().body.size();
  if (!body_share_.raise(arrived - body_counted_, core_->settings.buffered_bodies_bytes))
    return fail(503, "The server is reading too many requests at once.");
  body_counted_ = arrived;
  if (arrived - body_progress_ < core_->settings.body_progress_bytes) return;
  body_progress_ = arrived;
  set_deadline(core_->settings.body_timeout);
}

// ---- handling

void Connection::dispatch() {
  state_ = State::Busy;
  clear_deadline();
  ++exchange_number_;
  head_only_ = parser_->request().method == "HEAD";
  keep_alive_ = !parser_->wants_close();
  auto exchange = std::make_shared<ConnectionExchange>(
      shared_from_this(), loop_, exchange_number_, std::move(parser_->request()),
      std::exchange(body_share_, Share(core_->body_bytes)));
  parser_.reset();
  header_begun_ = false;
  exchange_ = exchange;
  if (input_over_) exchange->notify_gone();
  try {
    core_->handler(std::move(exchange));
  } catch (const std::exception&) {
    // The exchange answers for itself when its last owner lets go of it.
  }
}

void Connection::next_request() {
  state_ = State::Header;
  if (!input_.empty()) parse_kept_input();
  if (state_ == State::Header) {
    // What is kept of an unfinished header counts as its beginning.
    if (input_over_) return linger();
    if (!header_begun_) set_deadline(core_->settings.idle_timeout);
  }
  read_on();
}

void Connection::send(std::uint64_t exchange, const Response& response) {
  if (state_ != State::Busy || exchange != exchange_number_) return;
  const bool no_more = input_over_ && input_.empty();
  start_answer(response, keep_alive_ && !response.close && !body_left_ && !no_more);
}

void Connection::hand_over(std::uint64_t exchange, std::string head, UniqueFd local) {
  if (state_ != State::Busy || exchange != exchange_number_) return;
  if (owes_continue_) head.insert(0, continue_head);
  // A "100 Continue" of an earlier step may still be on its way.
  head.insert(0, output_head_, output_offset_);
  io_->watch.release();
  io_.reset();
  state_ = State::Closed;

  auto& loops = core_->relay_loops;
  const auto& loop = loops[core_->next_relay_loop++ % loops.size()];
  try {
    auto relay = std::make_shared<Relay>(
        loop, std::move(stream_), make_plain_stream(std::move(local)), std::move(input_),
        std::move(head), core_->settings.linger_timeout, std::move(share_));
    loop->post([relay] { relay->start(); });
  } catch (const std::exception&) {
    // Both ends are closed, which is all that can be said to either.
  }
  const auto self = shared_from_this();
  loop_->remove(this);
}

void Connection::fail(unsigned status, std::string_view text) {
  const Response page = error_page(status, text);
  body_left_ = true;
  head_only_ = false;
  start_answer(page, false);
}

// ---- writing

void Connection::start_answer(const Response& response, bool keep_alive) {
  state_ = State::Writing;
  keep_alive_ = keep_alive;
  parser_.reset();
  body_share_.release();
  output_head_ += framed_head(response, keep_alive);
  if (!head_only_ && may_have_body(response.status)) output_ = response.body;
  set_deadline(core_->settings.write_timeout);
  write_output();
}

void Connection::write_output() {
  if (write_waits_) return;
  std::size_t budget = output_bytes_per_turn;
  while (output_index_ <= output_.size()) {
    std::array<iovec, parts_per_write> parts;
    std::size_t count = 0;
    std::size_t offset = output_offset_;
    for (std::size_t i = output_index_; i <= output_.size() && count < parts.size(); ++i) {
      const std::string& fragment = i == 0 ? output_head_ : *output_[i - 1];
      if (fragment.size() > offset)
        parts[count++] = {const_cast<char*>(fragment.data()) + offset, fragment.size() - offset};
      offset = 0;
    }
    if (count == 0) break;

    const IoResult result = stream_->write(parts.data(), count);
    switch (result.status) {
      case IoStatus::Ok:
        break;
      case IoStatus::WantRead:
      case IoStatus::WantWrite:
        write_waits_ = true;
        return watch_for(result.status);
      case IoStatus::End:
      case IoStatus::Broken:
        return close();
    }
    if (state_ == State::Writing) set_deadline(core_->settings.write_timeout);
    output_offset_ += result.bytes;
    while (output_index_ <= output_.size()) {
      const std::size_t size =
          output_index_ == 0 ? output_head_.size() : output_[output_index_ - 1]->size();
      if (output_offset_ < size) break;
      output_offset_ -= size;
      ++output_index_;
    }
    if (result.bytes >= budget) {
      asio::post(loop_->io(), [self = shared_from_this()] {
        if (self->state_ != State::Closed) self->write_output();
      });
      return;
    }
    budget -= result.bytes;
  }
  output_head_ = {};
  output_.clear();
  output_index_ = output_offset_ = 0;
  if (state_ == State::Writing) after_output();
}

void Connection::after_output() {
  if (!keep_alive_) return linger();
  next_request();
}

// Says goodbye and waits a while for the client to do the same: a socket closed with unread input
// would take the last reply down with it.
void Connection::linger() {
  state_ = State::Lingering;
  stream_->close_writing();
  if (input_over_) return close();
  input_ = {};
  // A client in the middle of sending a body it should not send reads no reply before it is done.
  set_deadline(body_left_ ? std::max(core_->settings.body_timeout, core_->settings.linger_timeout)
                          : core_->settings.linger_timeout);
  read_on();
}

}  // namespace xcp::http
