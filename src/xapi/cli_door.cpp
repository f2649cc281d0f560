// SPDX-License-Identifier: GPL-2.0-or-later
// The command line's way to the API, inside the process: the same dispatcher, sessions and roles as
// for any other client.
#include <future>

#include "xapi/cli/server.hpp"
#include "xapi/events.hpp"
#include "xapi/front.hpp"

namespace xcp::xapi {

namespace {

using model::MapValue;
using model::RecordValue;
using model::Value;

Value value_of(const Result& result) {
  switch (result.shape) {
    case Result::Shape::Plain:
    case Result::Shape::Written:
      return result.value;
    case Result::Shape::Record:
      return RecordValue{result.rows.front()->class_index, result.rows.front()->fields};
    case Result::Shape::RecordMap: {
      MapValue records;
      for (const db::RowPtr& row : result.rows)
        records.emplace_back(row->ref, RecordValue{row->class_index, row->fields});
      return records;
    }
  }
  return {};
}

struct Parts {
  Services& services;
  Dispatcher& dispatcher;
  Caller caller;
};

class SessionApi : public cli::Api {
 public:
  SessionApi(const Parts& parts, std::string session, bool owned)
      : parts_(parts), session_(std::move(session)), owned_(owned) {}
  ~SessionApi() override {
    if (!owned_) return;
    try {
      parts_.services.sessions.close(Ref<model::session>(session_));
    } catch (const std::exception&) {
      // The session ends by itself after a day.
    }
  }

  Value call(std::string_view method, std::vector<Value> arguments) override {
    const Session session = parts_.services.sessions.find(session_);
    return value_of(
        parts_.dispatcher.call(session, std::string(method), std::move(arguments), parts_.caller));
  }

  std::string session() const override { return session_; }

  std::optional<std::uint16_t> class_of(const std::string& ref) override {
    const db::Snapshot view = parts_.services.store.snapshot();
    for (std::uint16_t c = 0; c < model::classes().size(); ++c)
      if (view.find(c, ref) != nullptr) return c;
    return std::nullopt;
  }

  void wait_for_change(const std::vector<std::string>& classes, std::string& token,
                       std::chrono::milliseconds timeout) override {
    if (token.empty()) {
      const std::uint64_t now = parts_.services.store.snapshot().generation();
      token = Token{now, now}.text();
      return;
    }
    std::promise<Outcome> promise;
    auto answer = promise.get_future();
    parts_.services.events.from(Ref<model::session>(session_), Subscription(classes),
                                Token::parse(token), timeout, {},
                                [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
    const Outcome outcome = answer.get();
    if (outcome.failure) throw *outcome.failure;
    token = outcome.result.token;
  }

  std::unique_ptr<cli::Api> with_session(const std::string& ref) override {
    parts_.services.sessions.find(ref);
    return std::make_unique<SessionApi>(parts_, ref, false);
  }

 private:
  Parts parts_;
  std::string session_;
  bool owned_;
};

class ServerDoor : public cli::Door {
 public:
  explicit ServerDoor(Parts parts) : parts_(std::move(parts)) {}

  std::unique_ptr<cli::Api> log_in(const cli::Login& login) override {
    std::vector<Value> arguments{login.user, login.password};
    if (!login.local) {
      arguments.emplace_back("1.0");
      arguments.emplace_back("cli");
    }
    const char* method =
        login.local ? "session.slave_local_login_with_password" : "session.login_with_password";
    const Result result = parts_.dispatcher.call({}, method, std::move(arguments), parts_.caller);
    return std::make_unique<SessionApi>(parts_, result.value.as_string(), true);
  }

  std::unique_ptr<cli::Api> use_session(const std::string& ref) override {
    parts_.services.sessions.find(ref);
    return std::make_unique<SessionApi>(parts_, ref, false);
  }

 private:
  Parts parts_;
};

}  // namespace

void serve_cli_connection(Services& services, Dispatcher& dispatcher, const Caller& caller,
                          UniqueFd connection, const std::string& arguments, bool draws_progress) {
  ServerDoor door({services, dispatcher, caller});
  cli::serve(std::move(connection), arguments, draws_progress, door);
}

}  // namespace xcp::xapi
