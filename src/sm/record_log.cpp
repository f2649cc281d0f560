// SPDX-License-Identifier: GPL-2.0-or-later
// Lines are {"k":key,"v":value}, without "v" for a removal. One thread syncs for all that wait.
#include "sm/record_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/fault.hpp"

namespace xcp::sm {

namespace {

constexpr std::size_t history_worth_keeping = 1000;

std::string line_of(const std::string& key, const std::string* value) {
  std::string line = "{\"k\":" + json_text(json::value(key));
  if (value != nullptr) line += ",\"v\":" + *value;
  return line + "}\n";
}

}  // namespace

RecordLog::RecordLog(std::string path, std::string header, Keep keep, Stranger stranger)
    : path_(std::move(path)), header_(std::move(header)), keep_(keep) {
  load(stranger);
  rewrite();
}

void RecordLog::load(Stranger stranger) {
  const auto content = read_file(path_);
  if (!content) return;
  std::string_view rest = *content;
  bool first = true;
  for (;;) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) break;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (!first) {
      take_line(line);
      continue;
    }
    first = false;
    if (line == header_) continue;
    if (stranger == Stranger::drop) return;
    throw internal_error(path_ + " is not the file that belongs there");
  }
}

void RecordLog::take_line(std::string_view line) {
  const json::value value = parse_json(line);
  const json::object* members = value.if_object();
  const json::value* key = members == nullptr ? nullptr : members->if_contains("k");
  if (key == nullptr || !key->is_string()) throw internal_error(path_ + " is damaged");
  const std::string name(key->get_string());
  if (const json::value* content = members->if_contains("v"))
    live_[name] = json_text(*content);
  else
    live_.erase(name);
}

std::map<std::string, json::value> RecordLog::records() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, json::value> all;
  for (const auto& [key, text] : live_) all.emplace(key, parse_json(text));
  return all;
}

void RecordLog::rewrite() {
  std::string text = header_ + '\n';
  for (const auto& [key, value] : live_) text += line_of(key, &value);
  write_file_durably(path_, text, 0600);
  fd_.reset(open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!fd_) {
    broken_ = true;
    throw system_failure("open " + path_, errno);
  }
  size_ = static_cast<std::int64_t>(text.size());
  lines_ = live_.size();
  synced_ = written_;
}

// Only saves room: a full disk is no reason to fail the change that is written already.
void RecordLog::rewrite_if_long() {
  if (syncing_ || lines_ <= 2 * live_.size() + history_worth_keeping) return;
  try {
    rewrite();
  } catch (const Failure&) {
  }
}

std::uint64_t RecordLog::append(const std::string& line) {
  if (broken_) throw internal_error(path_ + " could not be written to; restart to read it again");
  try {
    write_all(fd_.get(), line);
  } catch (...) {
    // Half a line must not stand before the next one.
    if (ftruncate(fd_.get(), size_) != 0) broken_ = true;
    throw;
  }
  size_ += static_cast<std::int64_t>(line.size());
  ++lines_;
  return ++written_;
}

std::uint64_t RecordLog::put(const std::string& key, const json::value& value) {
  const std::string text = json_text(value);
  const std::string line = line_of(key, &text);
  // A text that is no UTF-8 would make the log unreadable.
  parse_json(line);
  std::lock_guard lock(mutex_);
  const std::uint64_t ticket = append(line);
  live_[key] = text;
  fault_point("log.written");
  rewrite_if_long();
  return ticket;
}

std::uint64_t RecordLog::erase(const std::string& key) {
  std::lock_guard lock(mutex_);
  const std::uint64_t ticket = append(line_of(key, nullptr));
  live_.erase(key);
  fault_point("log.written");
  rewrite_if_long();
  return ticket;
}

void RecordLog::flush(std::uint64_t ticket) {
  if (keep_ == Keep::over_restart) return;
  std::unique_lock lock(mutex_);
  while (synced_ < ticket) {
    if (broken_) throw internal_error(path_ + " could not be stored");
    if (syncing_) {
      synced_changed_.wait(lock);
      continue;
    }
    syncing_ = true;
    const std::uint64_t target = written_;
    const int fd = fd_.get();
    lock.unlock();
    const bool stored = fdatasync(fd) == 0;
    lock.lock();
    syncing_ = false;
    if (stored)
      synced_ = target;
    else
      broken_ = true;
    synced_changed_.notify_all();
  }
}

}  // namespace xcp::sm
