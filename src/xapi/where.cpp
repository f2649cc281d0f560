// SPDX-License-Identifier: GPL-2.0-or-later
// The expression language of get_all_records_where: a recursive descent parser that builds a
// predicate. Nesting is limited, because the text comes from clients.
#include <memory>

#include "datamodel/codec.hpp"
#include "xapi/accessors.hpp"

namespace xcp::xapi {

namespace {

using Predicate = std::function<bool(const db::Row&)>;
using Text = std::function<std::string(const db::Row&)>;

constexpr int depth_limit = 64;

// A field's value as the text that a literal is compared with.
std::string field_text(const db::Row& row, std::uint16_t index) {
  const model::Type& type = *row.desc().fields[index].type;
  const std::string json = model::value_to_json_text(row.fields[index], type);
  if (json.size() >= 2 && json.front() == '"')
    return model::value_from_json_text(json, model::Type{model::Kind::String}).as_string();
  return json;
}

std::string joined(std::string column) {
  for (auto at = column.find("__"); at != std::string::npos; at = column.find("__", at + 1))
    column.erase(at, 1);
  return column;
}

class Parser {
 public:
  Parser(const model::ClassDesc& desc, const std::string& text) : desc_(desc), text_(text) {}

  Predicate parse() {
    Predicate result = disjunction(0);
    skip_space();
    if (at_ != text_.size()) fail("unexpected text at the end");
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Failure("INVALID_VALUE",
                  {text_, reason + " (at character " + std::to_string(at_ + 1) + ")"});
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
      ++at_;
  }

  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }

  bool take(std::string_view word) {
    skip_space();
    if (text_.compare(at_, word.size(), word) != 0) return false;
    const std::size_t end = at_ + word.size();
    if (is_word(word.back()) && end < text_.size() && is_word(text_[end])) return false;
    at_ = end;
    return true;
  }

  std::string quoted() {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != '"') fail("expected a quoted text");
    std::string value;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return value;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_];
    }
    fail("a quoted text does not end");
  }

  Predicate disjunction(int depth) {
    Predicate left = conjunction(depth);
    while (take("or")) {
      Predicate right = conjunction(depth);
      left = [left, right](const db::Row& row) { return left(row) || right(row); };
    }
    return left;
  }

  Predicate conjunction(int depth) {
    Predicate left = factor(depth);
    while (take("and")) {
      Predicate right = factor(depth);
      left = [left, right](const db::Row& row) { return left(row) && right(row); };
    }
    return left;
  }

  Predicate factor(int depth) {
    if (depth > depth_limit) fail("nested too deeply");
    if (take("not")) {
      Predicate inner = factor(depth + 1);
      return [inner](const db::Row& row) { return !inner(row); };
    }
    if (take("(")) {
      Predicate inner = disjunction(depth + 1);
      if (!take(")")) fail("expected )");
      return inner;
    }
    if (take("true")) return [](const db::Row&) { return true; };
    if (take("false")) return [](const db::Row&) { return false; };
    Text left = operand();
    if (!take("=")) fail("expected =");
    Text right = operand();
    return [left, right](const db::Row& row) { return left(row) == right(row); };
  }

  Text operand() {
    if (!take("field")) {
      const std::string literal = quoted();
      return [literal](const db::Row&) { return literal; };
    }
    const std::string column = quoted();
    if (column == "_ref") return [](const db::Row& row) { return row.ref; };
    auto index = model::field_index(desc_, column);
    if (!index) index = model::field_index(desc_, joined(column));
    if (!index || desc_.fields[*index].internal) fail("no field " + column);
    return [index](const db::Row& row) { return field_text(row, *index); };
  }

  const model::ClassDesc& desc_;
  const std::string& text_;
  std::size_t at_ = 0;
};

}  // namespace

Where::Where(const model::ClassDesc& desc, const std::string& expression)
    : matches_(Parser(desc, expression).parse()) {}

}  // namespace xcp::xapi
