// SPDX-License-Identifier: GPL-2.0-or-later
// See json_text.hpp.
#include "xl/cfg/json_text.hpp"

#include <fmt/format.h>

#include <utility>

namespace xcp::xl::cfg {

void JsonText::before() {
  if (std::exchange(after_key_, false)) return;
  if (open_.empty()) return;
  text_ += first_ ? "" : ",\n";
  first_ = false;
  indent();
}

void JsonText::open(char bracket) {
  before();
  text_ += bracket;
  text_ += '\n';
  open_.push_back(bracket);
  first_ = true;
}

void JsonText::close() {
  const char bracket = open_.back();
  open_.pop_back();
  text_ += '\n';
  indent();
  text_ += bracket == '{' ? '}' : ']';
  first_ = false;
}

void JsonText::key(std::string_view name) {
  before();
  quoted(name);
  text_ += ": ";
  after_key_ = true;
}

void JsonText::value(std::string_view text) {
  before();
  quoted(text);
}

void JsonText::value(std::int64_t number) {
  before();
  text_ += std::to_string(number);
}

void JsonText::value(bool truth) {
  before();
  text_ += truth ? "true" : "false";
}

void JsonText::member(std::string_view name, const std::vector<std::int64_t>& numbers) {
  if (numbers.empty()) return;
  key(name);
  open('[');
  for (const std::int64_t number : numbers) value(number);
  close();
}

void JsonText::member(std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  key(name);
  open('[');
  for (const std::string& text : texts) value(std::string_view(text));
  close();
}

void JsonText::quoted(std::string_view text) {
  text_ += '"';
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    static constexpr std::string_view codes = "\b\f\n\r\t\"\\", letters = "bfnrt\"\\";
    if (const auto found = codes.find(c); found != codes.npos)
      (text_ += '\\') += letters[found];
    else if (code < 0x20)
      text_ += fmt::format("\\u{:04X}", code);
    else
      text_ += c;
  }
  text_ += '"';
}

}  // namespace xcp::xl::cfg
