// SPDX-License-Identifier: GPL-2.0-or-later
// A client of ovsdb-server (RFC 7047 over its unix socket): a copy of the tables that somebody
// asked for, kept current by the server, and transactions. A server that goes away is looked for
// until it is back; meanwhile the copy is what was seen last. Thread safe.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"

namespace xcp::network::ovsdb {

namespace json = boost::json;

// Table -> uuid of a row -> its columns, as the protocol writes them.
using Tables = std::map<std::string, std::map<std::string, json::object>>;
// Table -> the columns wanted of it.
using Columns = std::map<std::string, std::vector<std::string>>;

enum class Outcome {
  done,
  conflict,  // something else had been changed before: nothing was done
  lost       // the connection broke: it may have been done or not
};
struct Answer {
  Outcome outcome = Outcome::done;
  json::array results;  // done: one for each operation
};

class Database {
 public:
  // `patience`: how long a call waits for a server that is away or does not answer. Returns at
  // once; whether there is a server shows in the first call.
  Database(std::string socket, std::string database, Columns columns,
           std::chrono::milliseconds patience);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // What was seen last; before the first connection it is waited for. INTERNAL_ERROR saying that
  // Open vSwitch is not running.
  std::shared_ptr<const Tables> tables();

  // All of it or nothing. The copy has its changes when this returns. INTERNAL_ERROR when the
  // server is not there, does not answer in time, or refuses for another reason than a conflict.
  Answer transact(const json::array& operations);

  // False when it did not come to be so in time.
  bool wait_until(const std::function<bool(const Tables&)>& so, std::chrono::milliseconds timeout);

  // Called, from the thread of the connection, whenever the copy changed; it must not call back.
  void on_change(std::function<void()> changed);

 private:
  struct Call {
    bool ended = false;
    std::optional<json::object> answer;  // none: the connection broke
  };
  void run();
  void serve(int fd);
  void take(const json::object& message);
  void take_tables(const json::object& updates, bool afresh);
  void send(int fd, const json::object& message);
  void publish(std::shared_ptr<const Tables> tables);
  std::string away() const;  // with mutex_ held

  const std::string socket_, database_;
  const Columns columns_;
  const std::chrono::milliseconds patience_;
  UniqueFd stop_;  // eventfd
  std::mutex writing_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  UniqueFd connection_;
  bool ready_ = false;   // connected, and the copy is current
  std::string trouble_;  // of the last attempt to connect
  std::uint64_t last_call_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Call>> calls_;
  std::shared_ptr<const Tables> tables_;  // null before the first connection
  std::mutex telling_;                    // guards on_change_
  std::function<void()> on_change_;
  std::thread thread_;
};

}  // namespace xcp::network::ovsdb
