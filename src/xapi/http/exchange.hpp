// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: the exchange a handler holds. Answers travel to the connection's loop; a
// loop that has stopped takes none, and the answer is dropped.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "xapi/http/connection.hpp"
#include "xapi/http/server.hpp"

namespace xcp::http {

class ConnectionExchange final : public Exchange {
 public:
  ConnectionExchange(std::shared_ptr<Connection> connection, std::shared_ptr<Loop> loop,
                     std::uint64_t number, Request request, Share body_share);
  ~ConnectionExchange() override;

  const Request& request() const override { return request_; }
  std::string take_body() override { return std::exchange(request_.body, {}); }
  void reply(Response response) override;
  UniqueFd hijack(std::string_view head) override;
  bool client_gone() const override { return gone_; }
  void on_gone(std::function<void()> callback) override;

  // From the connection.
  void notify_gone();

 private:
  // True for the first caller only.
  bool begin_answer();

  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Loop> loop_;
  std::uint64_t number_;
  Request request_;
  Share body_share_;
  std::mutex mutex_;
  bool answered_ = false;           // guarded by mutex_
  std::function<void()> callback_;  // guarded by mutex_
  std::atomic<bool> gone_ = false;
};

}  // namespace xcp::http
