// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of describe.hpp that need no template.
#include "base/describe.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace xcp {

namespace describe_detail {

void wrong_type(const char* expected, const json::value& got) {
  throw internal_error(std::string("expected ") + expected + ", got " +
                       json::serialize(got).substr(0, 80));
}

void unknown_member(std::string_view name) {
  throw internal_error("unknown member \"" + std::string(name) + "\"");
}

void unknown_enumerator(std::string_view name) {
  throw internal_error("unknown enumerator \"" + std::string(name) + "\"");
}

json::value put_fd(FdTable* table, UniqueFd& fd) {
  if (!fd) return nullptr;
  if (table == nullptr) throw internal_error("a descriptor cannot be stored");
  table->fds.push_back(std::move(fd));
  return static_cast<std::int64_t>(table->fds.size() - 1);
}

UniqueFd take_fd(FdTable* table, const json::value& value) {
  if (value.is_null()) return UniqueFd();
  const auto index = from_json<std::size_t>(value);
  if (table == nullptr || index >= table->fds.size() || !table->fds[index])
    throw internal_error("a descriptor did not arrive");
  return std::move(table->fds[index]);
}

}  // namespace describe_detail

std::string json_text(const json::value& value) {
  return json::serialize(value);
}

json::value parse_json(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) throw internal_error("malformed JSON: " + error.message());
  return value;
}

}  // namespace xcp
