// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP requests to calls: which path is what, who the caller is, and which threads serve it. Knows
// nothing of what a call means.
#pragma once

#include <memory>

#include "xapi/dispatch.hpp"
#include "xapi/http/server.hpp"
#include "xapi/workers.hpp"

namespace xcp::xapi {

class Front {
 public:
  // `queries` serves quick calls, `operations` long ones; both fair between clients.
  Front(Services& services, Dispatcher& dispatcher, Workers& queries, Workers& operations);

  static http::BodyDecision body_policy(const http::Request& head);
  void handle(std::shared_ptr<http::Exchange> exchange);

  // Connections that left HTTP (command line, consoles) and their threads.
  std::size_t sessions() const { return *sessions_; }

 private:
  using ExchangePtr = std::shared_ptr<http::Exchange>;
  void serve_xmlrpc(const ExchangePtr& exchange);
  void serve_jsonrpc(const ExchangePtr& exchange);
  void serve_cli(const ExchangePtr& exchange);
  void serve_console(const ExchangePtr& exchange);
  void run_call(const ExchangePtr& exchange, Call call,
                std::function<Answer::Parts(const Outcome&)> format, const char* content_type);
  Caller caller_of(const ExchangePtr& exchange) const;
  // Runs on a thread of its own; answers 503 when there are too many.
  void on_thread(const ExchangePtr& exchange, std::function<void()> work);

  Services& services_;
  Dispatcher& dispatcher_;
  Workers& queries_;
  Workers& operations_;
  std::shared_ptr<std::atomic<std::size_t>> sessions_;
};

// Serves one command line connection (protocol of xe) until it ends. Defined by cli/.
void serve_cli_connection(Services& services, Dispatcher& dispatcher, const Caller& caller,
                          UniqueFd connection, const std::string& arguments, bool draws_progress);

}  // namespace xcp::xapi
