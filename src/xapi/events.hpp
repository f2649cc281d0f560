// SPDX-License-Identifier: GPL-2.0-or-later
// Events for clients. event.from is a query on generations: what changed after the token, one event
// an object. A call that waits is an entry here and holds no thread; one hub thread answers those
// for which something happened or whose time is up. Changes are gathered for a few milliseconds so
// that a burst becomes one batch. Any thread may call.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "xapi/call.hpp"
#include "xapi/db/store.hpp"
#include "xapi/sessions.hpp"

namespace xcp::xapi {

// Which objects a client wants to hear of.
class Subscription {
 public:
  // Entries: "*", "<class>" (without case), "<class>/<ref>". EVENT_SUBSCRIPTION_PARSE_FAILURE
  // [entry] for anything else.
  explicit Subscription(const std::vector<std::string>& entries);
  Subscription() = default;

  bool wants(std::uint16_t class_index, const std::string& ref) const;
  bool wants_class(std::uint16_t class_index) const;
  void merge(const Subscription& other);
  void remove(const Subscription& other);
  bool empty() const { return classes_.empty() && objects_.empty(); }

 private:
  std::set<std::uint16_t> classes_;
  std::map<std::uint16_t, std::set<std::string>> objects_;
};

struct Token {
  std::uint64_t generation = 0;
  std::uint64_t messages = 0;
  std::string text() const;
  // Empty text is the start; EVENT_FROM_TOKEN_PARSE_FAILURE [token] for malformed ones.
  static Token parse(const std::string& text);
};

class EventHub {
 public:
  EventHub(db::Store& store, Sessions& sessions);
  ~EventHub();
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  void from(const Ref<model::session>& session, Subscription subscription, Token token,
            std::chrono::milliseconds timeout, std::function<bool()> gone, Done done);

  // The older way: a cursor kept for the session.
  void register_classes(const Ref<model::session>& session, const Subscription& subscription);
  void unregister_classes(const Ref<model::session>& session, const Subscription& subscription);
  void next(const Ref<model::session>& session, std::function<bool()> gone, Done done);

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiter {
    Ref<model::session> session;
    Subscription subscription;
    Token token;
    Clock::time_point deadline;
    Clock::time_point due = Clock::time_point::max();  // when to answer, once something happened
    bool classic = false;                              // event.next
    std::function<bool()> gone;
    Done done;
  };
  struct Registered {
    Subscription subscription;
    std::uint64_t generation;
  };

  void run();
  void changed(std::span<const db::Change> changes);
  bool answer(Waiter& waiter, bool timed_out);
  void wait(Waiter waiter);

  db::Store& store_;
  Sessions& sessions_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  Clock::time_point next_sweep_;
  Clock::time_point first_due_ = Clock::time_point::max();
  std::list<Waiter> waiters_;
  std::map<std::string, Registered> registered_;  // by session
  std::thread thread_;
};

}  // namespace xcp::xapi
