// SPDX-License-Identifier: GPL-2.0-or-later
// SQLite statements behind Disk; see disk.hpp for the contract.
#include "xapi/db/disk.hpp"

#include <sqlite3.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/failure.hpp"
#include "datamodel/codec.hpp"
#include "xapi/db/store.hpp"

namespace xcp::db {

namespace {

bool is_stored(const model::FieldDesc& field) {
  return field.persistent && !field.derived;
}

class Statement {
 public:
  Statement(sqlite3* handle, const char* sql) {
    if (sqlite3_prepare_v2(handle, sql, -1, &statement_, nullptr) != SQLITE_OK)
      throw internal_error(std::string("database: ") + sqlite3_errmsg(handle));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  sqlite3_stmt* get() { return statement_; }
  sqlite3_stmt* release() { return std::exchange(statement_, nullptr); }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

std::string_view column_text(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return {text == nullptr ? "" : text,
          static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

void read_fields(Row& row, std::string_view text) {
  const boost::json::value stored = boost::json::parse(text);
  boost::json::object unknown;
  row.fields.resize(row.desc().fields.size());
  for (const auto& [name, value] : stored.as_object()) {
    const auto index = model::field_index(row.desc(), name);
    if (!index || !is_stored(row.desc().fields[*index])) {
      unknown.emplace(name, value);
      continue;
    }
    row.fields[*index] = model::read_json(value, *row.desc().fields[*index].type);
  }
  for (std::size_t i = 0; i < row.fields.size(); ++i)
    if (row.fields[i].is_void()) row.fields[i] = model::default_value(row.desc().fields[i]);
  if (!unknown.empty())
    row.unknown_json = std::make_shared<const std::string>(boost::json::serialize(unknown));
}

}  // namespace

std::string stored_fields(const Row& row) {
  std::string text = "{";
  const auto fields = row.desc().fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!is_stored(fields[i])) continue;
    if (text.size() > 1) text += ',';
    model::write_json_string(text, fields[i].name);
    text += ':';
    model::write_json(text, row.fields[i], *fields[i].type);
  }
  if (row.unknown_json) {
    if (text.size() > 1) text += ',';
    text.append(*row.unknown_json, 1, row.unknown_json->size() - 2);
  }
  text += '}';
  return text;
}

Disk::Disk(const std::string& path, const std::vector<Migration>& migrations) : path_(path) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string reason = handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close(handle_);
    throw internal_error("cannot open the database " + path + ": " + reason);
  }
  try {
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA cache_size=-2048");
    migrate(migrations);
    save_ = Statement(handle_,
                      "INSERT INTO object(ref, class, created, modified, fields) "
                      "VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(ref) DO UPDATE SET "
                      "modified = excluded.modified, fields = excluded.fields")
                .release();
    erase_ = Statement(handle_, "DELETE FROM object WHERE ref = ?1").release();
    mark_ = Statement(handle_, "UPDATE meta SET value = ?1 WHERE key = 'generation'").release();
    Statement read(handle_, "SELECT value FROM meta WHERE key = 'generation'");
    if (sqlite3_step(read.get()) != SQLITE_ROW) fail("read the generation");
    generation_ = static_cast<std::uint64_t>(sqlite3_column_int64(read.get(), 0));
  } catch (...) {
    sqlite3_finalize(save_);
    sqlite3_finalize(erase_);
    sqlite3_finalize(mark_);
    sqlite3_close(handle_);
    throw;
  }
}

Disk::~Disk() {
  sqlite3_finalize(save_);
  sqlite3_finalize(erase_);
  sqlite3_finalize(mark_);
  sqlite3_close(handle_);
}

void Disk::fail(const char* what) {
  const int code = sqlite3_errcode(handle_);
  if (code == SQLITE_FULL) throw Failure("OUT_OF_SPACE", {path_});
  throw internal_error(std::string("database: cannot ") + what + ": " + sqlite3_errmsg(handle_));
}

void Disk::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

int Disk::stored_version() {
  Statement read(handle_, "SELECT value FROM meta WHERE key = 'schema'");
  if (sqlite3_step(read.get()) != SQLITE_ROW) fail("read the schema version");
  return sqlite3_column_int(read.get(), 0);
}

void Disk::migrate(const std::vector<Migration>& migrations) {
  run("BEGIN IMMEDIATE");
  run("CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL)");
  run("INSERT OR IGNORE INTO meta VALUES('schema', 0), ('generation', 0)");
  run("CREATE TABLE IF NOT EXISTS migration(version INTEGER PRIMARY KEY, down_sql TEXT NOT NULL)");
  int version = stored_version();
  const int wanted = migrations.empty() ? 0 : migrations.back().version;
  while (version > wanted) {
    Statement down(handle_, "SELECT down_sql FROM migration WHERE version = ?1");
    sqlite3_bind_int(down.get(), 1, version);
    if (sqlite3_step(down.get()) != SQLITE_ROW) fail("find the way back to an older schema");
    const std::string sql(column_text(down.get(), 0));
    run(sql.c_str());
    run(("DELETE FROM migration WHERE version = " + std::to_string(version)).c_str());
    --version;
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= version) continue;
    run(migration.up_sql.c_str());
    Statement keep(handle_, "INSERT OR REPLACE INTO migration VALUES(?1, ?2)");
    sqlite3_bind_int(keep.get(), 1, migration.version);
    bind_text(keep.get(), 2, migration.down_sql);
    if (sqlite3_step(keep.get()) != SQLITE_DONE) fail("store a migration");
    version = migration.version;
  }
  run(("UPDATE meta SET value = " + std::to_string(version) + " WHERE key = 'schema'").c_str());
  run("COMMIT");
}

void Disk::load(const std::function<void(std::shared_ptr<Row>)>& visit) {
  Statement read(handle_, "SELECT ref, class, created, modified, fields FROM object");
  for (;;) {
    const int step = sqlite3_step(read.get());
    if (step == SQLITE_DONE) return;
    if (step != SQLITE_ROW) fail("read the objects");
    const model::ClassDesc* desc = model::find_class(column_text(read.get(), 1));
    // An object of a class this program does not know stays in the file, untouched.
    if (desc == nullptr) continue;
    auto row = std::make_shared<Row>();
    row->ref = column_text(read.get(), 0);
    row->class_index = model::class_index(*desc);
    row->created = static_cast<std::uint64_t>(sqlite3_column_int64(read.get(), 2));
    row->modified = static_cast<std::uint64_t>(sqlite3_column_int64(read.get(), 3));
    read_fields(*row, column_text(read.get(), 4));
    visit(std::move(row));
  }
}

void Disk::write(std::uint64_t generation, const std::vector<RowPtr>& save,
                 const std::vector<std::string>& erase) {
  run("BEGIN IMMEDIATE");
  try {
    const auto step = [&](sqlite3_stmt* statement) {
      const int result = sqlite3_step(statement);
      sqlite3_reset(statement);
      if (result != SQLITE_DONE) fail("write");
    };
    for (const std::string& ref : erase) {
      bind_text(erase_, 1, ref);
      step(erase_);
    }
    for (const RowPtr& row : save) {
      const std::string fields = stored_fields(*row);
      bind_text(save_, 1, row->ref);
      bind_text(save_, 2, row->desc().name);
      sqlite3_bind_int64(save_, 3, static_cast<sqlite3_int64>(row->created));
      sqlite3_bind_int64(save_, 4, static_cast<sqlite3_int64>(row->modified));
      bind_text(save_, 5, fields);
      step(save_);
    }
    sqlite3_bind_int64(mark_, 1, static_cast<sqlite3_int64>(generation));
    step(mark_);
    run("COMMIT");
  } catch (...) {
    // A failed COMMIT may have rolled back by itself; a second ROLLBACK is harmless.
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
  generation_ = generation;
}

const std::vector<Migration>& migrations() {
  static const std::vector<Migration> list = {
      {1,
       "CREATE TABLE object(ref TEXT PRIMARY KEY, class TEXT NOT NULL, created INTEGER NOT NULL, "
       "modified INTEGER NOT NULL, fields TEXT NOT NULL) WITHOUT ROWID",
       "DROP TABLE object"},
  };
  return list;
}

}  // namespace xcp::db
