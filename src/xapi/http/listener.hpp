// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: one listening socket. Accepts as long as there is room and spreads
// connections over the loops; when descriptors run out it rests instead of spinning.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "base/fd.hpp"
#include "xapi/http/core.hpp"
#include "xapi/http/loop.hpp"

namespace xcp::http {

struct Origin;
class Stream;

class Listener final : public Resident, public std::enable_shared_from_this<Listener> {
 public:
  Listener(std::shared_ptr<Core> core, std::shared_ptr<Loop> loop, UniqueFd listening,
           bool unix_socket, bool tls);
  ~Listener() override;

  // On the loop's thread.
  void start();
  void close() override;

 private:
  void wait();
  void rest();
  void accept_some();
  void admit(UniqueFd socket, std::string remote_address);
  void refuse(UniqueFd socket, Origin origin);
  std::unique_ptr<Stream> make_stream(UniqueFd socket) const;

  std::shared_ptr<Core> core_;
  std::shared_ptr<Loop> loop_;
  UniqueFd listening_;
  std::optional<asio::posix::stream_descriptor> watch_;
  asio::steady_timer timer_;
  bool unix_socket_;
  bool tls_;
};

}  // namespace xcp::http
