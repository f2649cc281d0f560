// SPDX-License-Identifier: GPL-2.0-or-later
// The database file: SQLite in WAL mode with synchronous=FULL, one table of rows. The only place
// that knows SQLite. Not thread-safe: the store's flusher is its one user.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "xapi/db/row.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace xcp::db {

struct Migration;

class Disk {
 public:
  // Opens or makes the file and brings its schema to the last of `migrations`: upwards with their
  // up_sql, or downwards with the down_sql a newer program left in the file.
  Disk(const std::string& path, const std::vector<Migration>& migrations);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // The highest generation ever written.
  std::uint64_t generation() const { return generation_; }

  void load(const std::function<void(std::shared_ptr<Row>)>& visit);

  // All or nothing, durable when it returns. Throws OUT_OF_SPACE [path] when the disk is full,
  // INTERNAL_ERROR otherwise.
  void write(std::uint64_t generation, const std::vector<RowPtr>& save,
             const std::vector<std::string>& erase);

 private:
  void run(const char* sql);
  void migrate(const std::vector<Migration>& migrations);
  int stored_version();
  [[noreturn]] void fail(const char* what);

  std::string path_;
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* save_ = nullptr;
  sqlite3_stmt* erase_ = nullptr;
  sqlite3_stmt* mark_ = nullptr;
  std::uint64_t generation_ = 0;
};

// The stored form of a row: a JSON object of its persistent, not derived fields.
std::string stored_fields(const Row& row);

}  // namespace xcp::db
