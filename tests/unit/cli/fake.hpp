// SPDX-License-Identifier: GPL-2.0-or-later
// A host in memory for the tests of the command line: every class of the data model with its
// accessors, explicit messages as the test defines them, and a terminal that records what the user
// would see and answers as told.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "datamodel/model.gen.hpp"
#include "xapi/cli/api.hpp"

namespace xcp::cli::testing {

class FakeHost {
 public:
  using Message = std::function<model::Value(FakeHost&, const std::vector<model::Value>&)>;

  // A record of class C with defaults; its reference is "OpaqueRef:<name>", its uuid made of the
  // name as well, so that outputs are the same in every run.
  template <class C>
  Ref<C> add(const std::string& name, const std::function<void(model::RecordValue&)>& fill) {
    model::RecordValue record = empty(C::index);
    fill(record);
    return Ref<C>(insert(C::index, name, std::move(record)));
  }
  template <class C, class T>
  void set(const Ref<C>& ref, model::Field<C, T> field, const std::type_identity_t<T>& value) {
    const std::lock_guard lock(mutex_);
    records_[C::index].at(ref.str()).set(field, value);
    changed_.notify_all();
  }
  template <class C, class T>
  T get(const Ref<C>& ref, model::Field<C, T> field) {
    const std::lock_guard lock(mutex_);
    return records_[C::index].at(ref.str()).get(field);
  }
  bool exists(std::uint16_t class_index, const std::string& ref) {
    const std::lock_guard lock(mutex_);
    return records_[class_index].contains(ref);
  }

  // What an explicit message does; without, it answers NOT_IMPLEMENTED.
  void on(const std::string& method, Message message) { messages_[method] = std::move(message); }

  model::Value call(const std::string& method, const std::vector<model::Value>& arguments);
  std::optional<std::uint16_t> class_of(const std::string& ref);

  // Calls that change something, as text, in their order.
  std::vector<std::string> changes;
  std::vector<std::string> logins;
  std::string wrong_password;

  // A task that the test may finish later.
  void finish_task(const std::string& ref, const std::string& result_xml);
  void fail_task(const std::string& ref, const std::vector<std::string>& error);
  void progress_task(const std::string& ref, double progress);

  void wait_for_change(std::string& token, std::chrono::milliseconds timeout);

 private:
  static model::RecordValue empty(std::uint16_t class_index);
  std::string insert(std::uint16_t class_index, const std::string& name, model::RecordValue record);
  model::Value accessor(const model::MessageDesc& message, const std::vector<model::Value>& args);
  model::Value asynchronous(const std::string& method, const std::vector<model::Value>& args);
  void run_task(const std::string& task, const std::string& method,
                const std::vector<model::Value>& args);
  model::RecordValue& record(std::uint16_t class_index, const std::string& ref);
  model::Value all_records(std::uint16_t class_index);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t generation_ = 0;
  int created_ = 0;
  std::function<void()> pending_;  // what a task has still to do
  std::map<std::uint16_t, std::map<std::string, model::RecordValue>> records_;
  std::map<std::string, Message> messages_;
};

class FakeDoor : public Door {
 public:
  explicit FakeDoor(FakeHost& host) : host_(host) {}
  std::unique_ptr<Api> log_in(const Login& login) override;
  std::unique_ptr<Api> use_session(const std::string& ref) override;

 private:
  FakeHost& host_;
};

// Everything the user would see, in its order, with the exit status at the end.
class FakeTerminal : public Terminal {
 public:
  void print(std::string_view text) override { shown += "out: " + std::string(text) + "\n"; }
  void print_stderr(std::string_view text) override;
  void error(const std::string& code, const std::vector<std::string>& params) override;
  void exit(int status) override { shown += "exit " + std::to_string(status) + "\n"; }
  std::optional<std::string> load(const std::string& filename) override;
  std::string prompt() override;
  bool http_get(const std::string& filename, const std::string& url) override;
  bool http_put(const std::string& filename, const std::string& url) override;
  bool http_connect(const std::string& url) override;
  bool connected() override { return !gone; }
  bool draws_progress() const override { return progress; }

  std::string shown;
  std::map<std::string, std::string> files;
  std::string answer = "no";
  bool progress = false;
  bool gone = false;
  // What the transfer does; its result is the client's answer.
  std::function<bool(const std::string& url)> transfer;

 private:
  bool moved(const char* verb, const std::string& filename, const std::string& url);
};

// A host with a pool, two SRs, a network, a running and a halted VM, a template and a snapshot.
void furnish(FakeHost& host);

}  // namespace xcp::cli::testing
