// SPDX-License-Identifier: GPL-2.0-or-later
// See syntax.hpp. A lexer of characters and a parser that goes down one level a bracket; the depth
// is bounded, so that no file can exhaust the stack.
#include "xl/cfg/syntax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

constexpr int deepest_list = 16;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Kind { name, number, text, assign, append, open, close, comma, end_of_setting, end };

struct Token {
  Kind kind = Kind::end;
  std::string text;  // of a string: without quotes and escapes; else as written
  Position at;
  bool newline = false;  // an end_of_setting that is a newline, not `;`
};

std::string spelled(const Token& token) {
  switch (token.kind) {
    case Kind::end:
      return "the end of the file";
    case Kind::end_of_setting:
      return token.newline ? "the end of the line" : "`;'";
    case Kind::text:
      return fmt::format("the string \"{}\"", token.text);
    case Kind::name:
    case Kind::number:
    case Kind::assign:
    case Kind::append:
    case Kind::open:
    case Kind::close:
    case Kind::comma:
      return fmt::format("`{}'", token.text);
  }
  return {};
}

class Lexer {
 public:
  Lexer(const std::string& source, std::string_view text) : source_(source), text_(text) {}

  [[noreturn]] void refuse(const Position& at, const std::string& message) const {
    throw refusal(fmt::format("{}: {}", where(source_, at), message));
  }

  Token next() {
    skip_blanks();
    Token token;
    token.at = here();
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (c == '"' || c == '\'') return string_token(token);
    if (is_letter(c))
      return word(token, Kind::name,
                  [](char l) { return is_letter(l) || is_digit(l) || l == '.'; });
    if (is_digit(c))
      return word(token, Kind::number,
                  [](char l) { return hex_value(l) >= 0 || l == 'x' || l == 'X'; });
    return punctuation(token);
  }

 private:
  Position here() const { return {line_, static_cast<int>(at_ - line_start_) + 1}; }

  void skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool return_before_newline =
          c == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n');
      if (c == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (c == ' ' || c == '\t' || return_before_newline)
        ++at_;
      else
        return;
    }
  }

  template <class Belongs>
  Token& word(Token& token, Kind kind, Belongs belongs) {
    const std::size_t start = at_;
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    token.kind = kind;
    token.text = text_.substr(start, at_ - start);
    return token;
  }

  Token& mark(Token& token, Kind kind, std::size_t length) {
    token.kind = kind;
    token.text = text_.substr(at_, length);
    at_ += length;
    return token;
  }

  Token& punctuation(Token& token) {
    switch (text_[at_]) {
      case '=':
        return mark(token, Kind::assign, 1);
      case '[':
        return mark(token, Kind::open, 1);
      case ']':
        return mark(token, Kind::close, 1);
      case ',':
        return mark(token, Kind::comma, 1);
      case ';':
        return mark(token, Kind::end_of_setting, 1);
      case '\n':
        mark(token, Kind::end_of_setting, 1);
        token.newline = true;
        ++line_;
        line_start_ = at_;
        return token;
      case '+':
        if (text_.substr(at_, 2) == "+=") return mark(token, Kind::append, 2);
        break;
    }
    const unsigned char c = static_cast<unsigned char>(text_[at_]);
    refuse(token.at, c > ' ' && c < 0x7f
                         ? fmt::format("unexpected character `{}'", static_cast<char>(c))
                         : fmt::format("unexpected character with the code {:#04x}", c));
  }

  Token& string_token(Token& token) {
    const char quote = text_[at_++];
    token.kind = Kind::text;
    for (;;) {
      if (at_ == text_.size() || text_[at_] == '\n')
        refuse(token.at, fmt::format("this string does not end on its line; expected {}", quote));
      const char c = text_[at_++];
      if (c == quote) return token;
      token.text += c == '\\' ? escaped() : c;
    }
  }

  // What stands after a backslash.
  char escaped() {
    Position at = here();
    at.column -= 1;
    if (at_ == text_.size()) refuse(at, "the file ends after a backslash");
    const char c = text_[at_++];
    static constexpr std::string_view letters = "abfnrtv", codes = "\a\b\f\n\r\t\v";
    if (const auto found = letters.find(c); found != letters.npos) return codes[found];
    if (c == '\\' || c == '\'' || c == '"' || c == '?') return c;
    if (c == 'x') return number_escape(at, 16, 2, 0);
    if (c >= '0' && c <= '7') return number_escape(at, 8, 2, c - '0');
    refuse(at,
           "unknown escape; expected one of \\a \\b \\f \\n \\r \\t \\v \\\\ \\' \\\" \\? "
           "\\xHH \\OOO");
  }

  char number_escape(const Position& at, int base, int digits, int value) {
    const std::size_t start = at_;
    for (int left = digits; left > 0 && at_ < text_.size(); --left, ++at_) {
      const int digit = hex_value(text_[at_]);
      if (digit < 0 || digit >= base) break;
      value = value * base + digit;
    }
    if (base == 16 && at_ == start) refuse(at, "expected two hexadecimal digits after \\x");
    if (value == 0 || value > 255) refuse(at, "an escape gives a character from 1 to 255");
    return static_cast<char>(value);
  }

  const std::string& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
};

class Parser {
 public:
  Parser(const std::string& source, std::string_view text) : source_(source), lexer_(source, text) {
    advance();
  }

  // The next setting; nullopt at the end.
  std::optional<Setting> next() {
    while (token_.kind == Kind::end_of_setting) advance();
    if (token_.kind == Kind::end) return std::nullopt;
    Setting setting;
    setting.source = source_;
    setting.at = token_.at;
    setting.name = take(Kind::name, "the name of a setting").text;
    if (token_.kind != Kind::assign && token_.kind != Kind::append) refuse("`=' or `+='");
    setting.added = token_.kind == Kind::append;
    advance();
    setting.value = value(0);
    if (token_.kind != Kind::end && token_.kind != Kind::end_of_setting)
      refuse("the end of the line or `;'");
    return setting;
  }

 private:
  void advance() { token_ = lexer_.next(); }

  [[noreturn]] void refuse(const std::string& expected) const {
    lexer_.refuse(token_.at, fmt::format("expected {}, found {}", expected, spelled(token_)));
  }

  Token take(Kind kind, const char* expected) {
    if (token_.kind != kind) refuse(expected);
    Token taken = std::move(token_);
    advance();
    return taken;
  }

  void skip_newlines() {
    while (token_.kind == Kind::end_of_setting && token_.newline) advance();
  }

  Value value(int depth) {
    Value result;
    result.at = token_.at;
    if (token_.kind == Kind::open) {
      if (depth == deepest_list)
        lexer_.refuse(token_.at, fmt::format("lists go {} deep at most", deepest_list));
      return list(std::move(result), depth);
    }
    if (token_.kind != Kind::text && token_.kind != Kind::number)
      refuse("a string in quotes, a number or `['");
    result.kind = token_.kind == Kind::number ? Value::Kind::number : Value::Kind::text;
    result.text = std::move(token_.text);
    advance();
    return result;
  }

  Value list(Value result, int depth) {
    result.kind = Value::Kind::list;
    advance();
    skip_newlines();
    while (token_.kind != Kind::close) {
      result.items.push_back(value(depth + 1));
      skip_newlines();
      if (token_.kind == Kind::close) break;
      take(Kind::comma, "`,' or `]'");
      skip_newlines();
    }
    advance();
    return result;
  }

  const std::string& source_;
  Lexer lexer_;
  Token token_;
};

void append(Setting& setting, Setting more) {
  if (setting.value.is_list() != more.value.is_list())
    throw refusal(fmt::format("{}: `{}' is {} so far; {} cannot be added to it",
                              where(more.source, more.value.at), more.name,
                              setting.value.is_list() ? "a list" : "a single value",
                              more.value.is_list() ? "a list" : "a single value"));
  setting.added = true;
  setting.source = more.source;
  setting.at = more.at;
  setting.value.at = more.value.at;
  setting.value.kind = more.value.kind;
  setting.value.text += more.value.text;
  std::move(more.value.items.begin(), more.value.items.end(),
            std::back_inserter(setting.value.items));
}

}  // namespace

std::string where(const std::string& source, const Position& at) {
  return fmt::format("{}:{}:{}", source, at.line, at.column);
}

void Config::add(const std::string& source, std::string_view text) {
  std::vector<Setting> settings = settings_;
  Parser parser(source, text);
  while (auto setting = parser.next()) {
    const auto old = std::find_if(settings.begin(), settings.end(),
                                  [&](const Setting& s) { return s.name == setting->name; });
    if (old == settings.end())
      settings.push_back(std::move(*setting));
    else if (setting->added)
      append(*old, std::move(*setting));
    else
      *old = std::move(*setting);
  }
  settings_ = std::move(settings);
}

const Setting* Config::find(std::string_view name) const {
  for (const Setting& setting : settings_)
    if (setting.name == name) return &setting;
  return nullptr;
}

}  // namespace xcp::xl::cfg
