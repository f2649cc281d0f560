// SPDX-License-Identifier: GPL-2.0-or-later
// Faults a test has ordered: what goes wrong at the n-th call of a method. Thread safe. Costs one
// atomic read while there are none.
#pragma once

#include <atomic>
#include <boost/describe.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace xcp::hypervisor::sim {

// before: nothing has been done; middle: the time is spent and nothing is visible yet; after: all
// is done and only the answer is missing.
BOOST_DEFINE_ENUM_CLASS(Point, before, middle, after)
BOOST_DEFINE_ENUM_CLASS(FaultKind, fail, delay, hang, kill)

struct Fault {
  std::string id;      // given by `add`
  std::string method;  // of the contract
  std::string uuid;    // empty: any domain
  FaultKind kind = FaultKind::fail;
  Point point = Point::before;
  std::int64_t nth = 1;    // the first call it hits, counted from when it was ordered
  std::int64_t count = 1;  // how many calls it hits; 0: all that follow
  std::string code;        // for fail
  std::vector<std::string> params;
  std::int64_t delay_ms = 0;  // for delay, in real time
  std::int64_t seen = 0;      // calls that came by
  std::int64_t hit = 0;
};
BOOST_DESCRIBE_STRUCT(Fault, (),
                      (id, method, uuid, kind, point, nth, count, code, params, delay_ms, seen,
                       hit))

class Faults {
 public:
  std::string add(Fault fault);
  std::vector<Fault> list() const;
  // Removes one (all when empty) and lets go the calls that hang in it. False: there is no such.
  bool clear(const std::string& id);
  // Waits until `hits` calls have run into the fault; false when the timeout passed or it is gone.
  bool wait_for_hits(const std::string& id, std::int64_t hits, std::chrono::milliseconds timeout);

  // Where a call passes a point: returns, throws the ordered Failure, waits, or ends the process.
  void pass(const char* method, const std::string& uuid, Point point);

 private:
  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Fault> faults_;
  std::uint64_t last_id_ = 0;
};

}  // namespace xcp::hypervisor::sim
