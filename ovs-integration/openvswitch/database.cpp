// SPDX-License-Identifier: GPL-2.0-or-later
// See database.hpp.
#include "ovs-integration/openvswitch/database.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <cerrno>

#include "base/failure.hpp"

namespace xcp::network::ovsdb {

namespace {

constexpr std::chrono::milliseconds between_attempts(100);
// Ids of requests: this one, and numbers for transactions.
constexpr const char* monitor_id = "monitor";

timeval timeval_of(std::chrono::milliseconds time) {
  return {time.count() / 1000, (time.count() % 1000) * 1000};
}

std::string text_of(const json::value* value) {
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// The first thing that went wrong, as an object with "error" and perhaps "details"; an operation
// that was not reached answers null.
const json::object* error_in(const json::object& answer) {
  const json::value* result = answer.if_contains("result");
  if (result == nullptr || !result->is_array()) return nullptr;
  for (const json::value& each : result->get_array())
    if (const auto* object = each.if_object(); object != nullptr && object->contains("error"))
      return object;
  return nullptr;
}

// A wait that does not hold, or a name that somebody else took between our look and our write.
bool is_conflict(const std::string& error) {
  return error == "timed out" || error == "constraint violation" ||
         error == "referential integrity violation";
}

}  // namespace

Database::Database(std::string socket, std::string database, Columns columns,
                   std::chrono::milliseconds patience)
    : socket_(std::move(socket)),
      database_(std::move(database)),
      columns_(std::move(columns)),
      patience_(patience),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw system_failure("eventfd", errno);
  thread_ = std::thread([this] { run(); });
}

Database::~Database() {
  const std::uint64_t one = 1;
  write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof(one)});
  thread_.join();
}

std::string Database::away() const {
  return "Open vSwitch is not running: no ovsdb-server answers at " + socket_ +
         (trouble_.empty() ? "" : " (" + trouble_ + ")") +
         "; start it (openvswitch-switch.service), or say where its socket is";
}

// ---- calls --------------------------------------------------------------------------------------

std::shared_ptr<const Tables> Database::tables() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, patience_, [&] { return tables_ != nullptr; }))
    throw internal_error(away());
  return tables_;
}

bool Database::wait_until(const std::function<bool(const Tables&)>& so,
                          std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return tables_ != nullptr && so(*tables_); });
}

void Database::on_change(std::function<void()> changed) {
  std::lock_guard lock(telling_);
  on_change_ = std::move(changed);
}

Answer Database::transact(const json::array& operations) {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  const auto call = std::make_shared<Call>();
  std::uint64_t id = 0;
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, deadline, [&] { return ready_; })) throw internal_error(away());
    id = ++last_call_;
    calls_[id] = call;
  }
  json::array params{json::string(database_)};
  params.insert(params.end(), operations.begin(), operations.end());
  {
    std::lock_guard writing(writing_);
    int fd = -1;
    {
      std::lock_guard lock(mutex_);
      if (!call->ended) fd = connection_.get();
    }
    // The connection's thread closes it only with writing_ held.
    if (fd >= 0) send(fd, {{"method", "transact"}, {"params", std::move(params)}, {"id", id}});
  }
  std::unique_lock lock(mutex_);
  const bool ended = changed_.wait_until(lock, deadline, [&] { return call->ended; });
  calls_.erase(id);
  if (!ended)
    throw internal_error("ovsdb-server at " + socket_ +
                         " did not answer in time; whether it did what was asked is unknown");
  if (!call->answer) return {Outcome::lost, {}};
  if (const json::object* error = error_in(*call->answer)) {
    const std::string name = text_of(error->if_contains("error"));
    if (is_conflict(name)) return {Outcome::conflict, {}};
    throw internal_error("Open vSwitch refuses: " + name + " " +
                         text_of(error->if_contains("details")));
  }
  const json::value* result = call->answer->if_contains("result");
  if (result == nullptr || !result->is_array())
    throw internal_error("Open vSwitch refuses: " + json::serialize(*call->answer));
  return {Outcome::done, result->get_array()};
}

// ---- the connection -----------------------------------------------------------------------------

void Database::run() {
  pollfd stop{stop_.get(), POLLIN, 0};
  do {
    try {
      auto found = connect_unix(socket_);
      if (!found) continue;
      // A server that stopped reading must not hold a caller for ever.
      const timeval limit = timeval_of(patience_);
      setsockopt(found->get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
      const int fd = found->get();
      {
        std::lock_guard lock(mutex_);
        connection_ = std::move(*found);
        trouble_.clear();
      }
      serve(fd);
    } catch (const std::exception& error) {
      // Gone, or not ours to use, or it says what is no OVSDB: the next attempt shows.
      std::lock_guard lock(mutex_);
      trouble_ = error.what();
    }
    std::scoped_lock lock(writing_, mutex_);
    ready_ = false;
    connection_.reset();
    for (auto& [id, call] : calls_) call->ended = true;
    changed_.notify_all();
  } while (poll(&stop, 1, static_cast<int>(between_attempts.count())) == 0);
}

void Database::serve(int fd) {
  json::object wanted;
  for (const auto& [table, columns] : columns_)
    wanted[table] =
        json::array{json::object{{"columns", json::array(columns.begin(), columns.end())}}};
  send(fd, {{"method", "monitor"},
            {"params", {database_, nullptr, std::move(wanted)}},
            {"id", monitor_id}});
  json::stream_parser parser;
  bool begun = false;
  for (;;) {
    pollfd items[2] = {{stop_.get(), POLLIN, 0}, {fd, POLLIN, 0}};
    if (poll(items, 2, -1) < 0) continue;
    if (items[0].revents != 0) return;
    std::array<char, 65536> buffer;
    const std::size_t size = read_some(fd, buffer.data(), buffer.size());
    if (size == 0) return;
    for (std::size_t at = 0; at < size;) {
      // Between messages there may be blanks, which begin no message.
      if (!begun && buffer[at] != '{') {
        ++at;
        continue;
      }
      begun = true;
      at += parser.write_some(buffer.data() + at, size - at);
      if (!parser.done()) continue;
      const json::value message = parser.release();
      parser.reset();
      begun = false;
      if (text_of(message.as_object().if_contains("method")) == "echo") {
        std::lock_guard writing(writing_);
        send(fd, {{"result", message.at("params")}, {"error", nullptr}, {"id", message.at("id")}});
      } else {
        take(message.as_object());
      }
    }
  }
}

void Database::send(int fd, const json::object& message) {
  try {
    write_all(fd, json::serialize(message));
  } catch (const Failure&) {
    // Perhaps half of it went out: nothing more can follow. The connection's thread sees the end.
    shutdown(fd, SHUT_RDWR);
  }
}

void Database::take(const json::object& message) {
  const json::value& id = message.at("id");
  if (text_of(message.if_contains("method")) == "update") {
    take_tables(message.at("params").as_array().at(1).as_object(), false);
  } else if (id.is_string() && id.get_string() == monitor_id) {
    take_tables(message.at("result").as_object(), true);
  } else if (id.is_int64() || id.is_uint64()) {
    std::lock_guard lock(mutex_);
    const auto call = calls_.find(id.to_number<std::uint64_t>());
    if (call == calls_.end()) return;  // nobody waits for it any more
    call->second->answer = message;
    call->second->ended = true;
    changed_.notify_all();
  }
}

// "new" is the whole row after a change; a row without it is gone.
void Database::take_tables(const json::object& updates, bool afresh) {
  std::shared_ptr<Tables> tables;
  {
    std::lock_guard lock(mutex_);
    tables = afresh || tables_ == nullptr ? std::make_shared<Tables>()
                                          : std::make_shared<Tables>(*tables_);
  }
  for (const auto& [table, rows] : updates)
    for (const auto& [uuid, change] : rows.as_object()) {
      auto& kept = (*tables)[std::string(table)];
      if (const json::value* row = change.as_object().if_contains("new"))
        kept[std::string(uuid)] = row->as_object();
      else
        kept.erase(std::string(uuid));
    }
  publish(std::move(tables));
}

void Database::publish(std::shared_ptr<const Tables> tables) {
  {
    std::lock_guard lock(mutex_);
    tables_ = std::move(tables);
    ready_ = true;
    changed_.notify_all();
  }
  std::lock_guard lock(telling_);
  if (on_change_) on_change_();
}

}  // namespace xcp::network::ovsdb
