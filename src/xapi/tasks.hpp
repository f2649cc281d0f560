// SPDX-License-Identifier: GPL-2.0-or-later
// Tasks: what clients see of a running call. Rows of class task, kept in memory only. Any thread
// may call. At most 200 completed tasks are kept, for at most 65 minutes.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/failure.hpp"
#include "datamodel/model.gen.hpp"
#include "xapi/db/store.hpp"
#include "xapi/sessions.hpp"

namespace xcp::xapi {

class Tasks {
 public:
  Tasks(db::Store& store, Ref<model::host> host) : store_(store), host_(std::move(host)) {}

  Ref<model::task> create(const std::string& label, const std::string& description,
                          const Ref<model::session>& session, const Ref<model::task>& parent = {});
  void progress(const Ref<model::task>& task, double fraction);
  // `result_xml`: one XML-RPC <value>, or empty for void.
  void succeed(const Ref<model::task>& task, const std::string& result_xml);
  void fail(const Ref<model::task>& task, const Failure& failure);
  // The call ends at its next step.
  void cancel(const Ref<model::task>& task);
  bool is_cancelled(const Ref<model::task>& task) const;
  void destroy(const Ref<model::task>& task);
  void expire();

 private:
  struct Live {
    bool cancelled = false;
    double progress = 0;
    std::chrono::steady_clock::time_point reported;
  };
  void finish(const Ref<model::task>& task, const std::function<void(db::Transaction&)>& change);

  db::Store& store_;
  Ref<model::host> host_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Live> live_;
};

}  // namespace xcp::xapi
