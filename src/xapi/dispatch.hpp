// SPDX-License-Identifier: GPL-2.0-or-later
// The way of a call: row of the data model, session, role, arguments, task (and Async.), handler.
// The only place that turns a failure into a wire error. Any thread may call.
#pragma once

#include "xapi/call.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

class Dispatcher {
 public:
  // `start`: runs a function on a thread for long operations (asynchronous calls).
  Dispatcher(Services& services, std::function<void(std::function<void()>)> start);

  // Answers through `done`, on this thread before it returns, or later from another one (waiting
  // event calls). Never throws.
  void dispatch(const Call& call, Done done);

  // For callers inside the process: waits for the answer and throws the failure.
  Result call(const Session& session, const std::string& method,
              std::vector<model::Value> arguments, const Caller& caller = {});

  // True when the method runs long and belongs to the threads for operations.
  static bool is_long(const std::string& method);

 private:
  void run(const Call& call, const Done& done);
  void start_async(const model::MessageDesc& message, std::vector<model::Value> values,
                   const Session& session, const Caller& caller, const Done& done);

  Services& services_;
  std::function<void(std::function<void()>)> start_;
};

}  // namespace xcp::xapi
