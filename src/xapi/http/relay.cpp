// SPDX-License-Identifier: GPL-2.0-or-later
// The two directions are handled alike; only their ends differ: the owner's closing of its socket
// ends the connection, while a client that closes its sending side may still be written to.
#include "xapi/http/relay.hpp"

#include <poll.h>

#include <algorithm>

namespace xcp::http {

namespace {

// Reads per event and direction, so that one busy relay leaves room for others.
constexpr int reads_per_turn = 8;

}  // namespace

Relay::Relay(std::shared_ptr<Loop> loop, std::unique_ptr<Stream> client,
             std::unique_ptr<Stream> local, std::string early, std::string head,
             std::chrono::milliseconds linger, Share share)
    : loop_(std::move(loop)), timer_(loop_->io()), linger_(linger), share_(std::move(share)) {
  ends_[Client].stream = std::move(client);
  ends_[Client].pending = std::move(early);
  ends_[Local].stream = std::move(local);
  ends_[Local].pending = std::move(head);
}

void Relay::start() {
  loop_->add(shared_from_this());
  try {
    for (End& end : ends_) end.watch.emplace(loop_->io(), end.stream->fd());
  } catch (const std::exception&) {
    close();
    return;
  }
  pump_both();
}

void Relay::close() {
  if (closed_) return;
  closed_ = true;
  timer_.cancel();
  for (End& end : ends_) {
    if (end.watch) end.watch->release();  // the stream closes the descriptor
    end.watch.reset();
    end.stream.reset();
    end.pending = {};
  }
  share_.release();
  loop_->remove(this);
}

void Relay::pump_both() {
  bool again = false;
  for (const Side from : {Client, Local}) again |= pump_some(from);
  settle();
  if (again && !closed_)
    asio::post(loop_->io(), [self = shared_from_this()] {
      if (!self->closed_) self->pump_both();
    });
}

// Moves bytes one way until something has to be waited for; true when only the turn is over.
bool Relay::pump_some(Side from) {
  End& source = ends_[from];
  End& target = ends_[other(from)];
  for (int turn = 0; turn < reads_per_turn; ++turn) {
    if (!source.pending.empty()) {
      if (target.write_waits) return false;
      write_to(other(from), {});
      if (!source.pending.empty()) return false;
    }
    if (source.input_over) {
      stop_output(other(from));
      return false;
    }
    if (source.read_waits) return false;
    read_from(from);
    if (source.read_waits) return false;
  }
  return true;
}

void Relay::read_from(Side from) {
  End& source = ends_[from];
  auto& scratch = loop_->scratch();
  const IoResult result = source.stream->read(scratch.data(), scratch.size());
  switch (result.status) {
    case IoStatus::Ok:
      write_to(other(from), {scratch.data(), result.bytes});
      return;
    case IoStatus::WantRead:
    case IoStatus::WantWrite:
      source.read_waits = true;
      watch_for(from, result.status);
      return;
    case IoStatus::End:
      source.input_over = true;
      return;
    case IoStatus::Broken:
      source.input_over = true;
      source.output_over = true;
      return;
  }
}

// Writes what was left over before, else `bytes`, and keeps what does not go out.
void Relay::write_to(Side to, std::string_view bytes) {
  End& target = ends_[to];
  std::string& pending = ends_[other(to)].pending;
  if (!pending.empty()) bytes = pending;
  std::size_t sent = 0;
  while (!target.output_over && sent < bytes.size()) {
    const iovec part{const_cast<char*>(bytes.data()) + sent, bytes.size() - sent};
    const IoResult result = target.stream->write(&part, 1);
    if (result.status == IoStatus::Ok) {
      sent += result.bytes;
    } else if (result.status == IoStatus::WantRead || result.status == IoStatus::WantWrite) {
      target.write_waits = true;
      watch_for(to, result.status);
      break;
    } else {
      target.output_over = true;
    }
  }
  if (target.output_over || sent == bytes.size()) {
    pending = {};
  } else if (pending.empty()) {
    pending = bytes.substr(sent);
  } else {
    pending.erase(0, sent);
  }
}

void Relay::stop_output(Side to) {
  if (ends_[to].output_over) return;
  ends_[to].output_over = true;
  ends_[to].stream->close_writing();
}

// Decides whether the relay is over once both directions moved what they could.
void Relay::settle() {
  const End& client = ends_[Client];
  const End& local = ends_[Local];
  const bool to_client_done = client.output_over;
  const bool to_local_done = local.output_over;
  if (client.input_over && client.output_over && to_local_done) return close();
  if (client.input_over && to_client_done && client.pending.empty()) return close();
  if (local.input_over && to_client_done && !lingering_) {
    if (local_hung_up() || to_local_done) return start_lingering();
    watch_hangup();
  }
}

// The owner closed its socket altogether rather than only its sending side.
bool Relay::local_hung_up() {
  pollfd item{ends_[Local].stream->fd(), 0, 0};
  return poll(&item, 1, 0) == 1 && (item.revents & (POLLHUP | POLLERR)) != 0;
}

// Nobody is left to talk to the client. Reading on for a while lets it receive the last bytes; a
// socket closed with unread input would throw them away.
void Relay::start_lingering() {
  lingering_ = true;
  ends_[Local].output_over = true;
  timer_.expires_after(linger_);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->close();
  });
  pump_both();
}

void Relay::watch_for(Side side, IoStatus wanted) {
  End& end = ends_[side];
  const bool reading = wanted == IoStatus::WantRead;
  bool& armed = reading ? end.read_armed : end.write_armed;
  if (armed) return;
  armed = true;
  end.watch->async_wait(
      reading ? asio::posix::descriptor_base::wait_read : asio::posix::descriptor_base::wait_write,
      [self = shared_from_this(), side, reading](const boost::system::error_code& error) {
        End& woken = self->ends_[side];
        (reading ? woken.read_armed : woken.write_armed) = false;
        if (!error) self->on_event(side);
      });
}

void Relay::watch_hangup() {
  End& local = ends_[Local];
  if (local.hangup_armed) return;
  local.hangup_armed = true;
  local.watch->async_wait(asio::posix::descriptor_base::wait_error,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            self->ends_[Local].hangup_armed = false;
                            if (!error) self->on_event(Local);
                          });
}

void Relay::on_event(Side side) {
  if (closed_) return;
  ends_[side].read_waits = false;
  ends_[side].write_waits = false;
  pump_both();
}

}  // namespace xcp::http
