// SPDX-License-Identifier: GPL-2.0-or-later
// Parsing of command lines; see words.hpp.
#include "xapi/cli/words.hpp"

#include <algorithm>
#include <array>

#include "xapi/cli/errors.hpp"

namespace xcp::cli {
namespace {

struct Switch {
  std::string_view word;
  std::string_view param;
};
constexpr std::array<Switch, 5> switches = {{
    {"-u", "username"},
    {"-pw", "password"},
    {"-s", "server"},
    {"-h", "server"},
    {"-p", "port"},
}};

std::string_view param_of_switch(std::string_view word) {
  for (const auto& entry : switches) {
    if (entry.word == word) return entry.param;
  }
  throw Failure(syntax_error, {std::string(word)});
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace

Words::Words(const std::vector<std::string>& words) {
  if (words.empty()) throw Failure(syntax_error, {""});
  command_ = words.front();
  if (command_.find('=') != std::string::npos) throw Failure(syntax_error, {command_});
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.starts_with("--")) {
      params_.emplace_back(word.substr(2), "true");
    } else if (word.starts_with('-')) {
      const auto param = param_of_switch(word);
      if (i + 1 == words.size()) throw Failure(syntax_error, {word});
      params_.emplace_back(param, words[++i]);
    } else if (const auto equals = word.find('='); equals != std::string::npos) {
      params_.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    } else {
      params_.emplace_back(word, "");
      bare_.push_back(word);
    }
  }
}

std::optional<std::string> Words::get(std::string_view name) const {
  for (const auto& [key, value] : params_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string Words::get_or(std::string_view name, std::string_view otherwise) const {
  return get(name).value_or(std::string(otherwise));
}

std::string Words::need(std::string_view name) const {
  if (auto value = get(name)) return *value;
  throw Failure(missing_parameter, {std::string(name)});
}

bool Words::flag(std::string_view name) const {
  const auto text = get(name);
  if (!text) return false;
  if (const auto value = parse_bool(*text)) return *value;
  throw cli_error(std::string(name) + " must be true or false, not: " + *text);
}

std::vector<std::pair<std::string, std::string>> Words::map(std::string_view name) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, value] : params_) {
    if (key.size() <= name.size() + 1 || !key.starts_with(name)) continue;
    const char sign = key[name.size()];
    if (sign != ':' && sign != '-') continue;
    const std::string inner = key.substr(name.size() + 1);
    const bool known = std::any_of(out.begin(), out.end(),
                                   [&](const auto& entry) { return entry.first == inner; });
    if (!known) out.emplace_back(inner, value);
  }
  return out;
}

std::optional<bool> parse_bool(std::string_view text) {
  const std::string word = lower(text);
  for (const auto* yes : {"true", "t", "yes", "y", "1"}) {
    if (word == yes) return true;
  }
  for (const auto* no : {"false", "f", "no", "n", "0"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

std::vector<std::string> split_commas(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = text.find(',');
    items.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return items;
}

bool is_common_param(std::string_view name) {
  // The last ones are the client's own and harmless here.
  static constexpr std::array<std::string_view, 13> names = {
      "server", "password",         "port",  "username", "minimal", "force", "multiple",
      "all",    "message-priority", "trace", "progress", "debug",   "nossl"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool matches_pattern(std::string_view text, std::string_view pattern) {
  // Greedy with one point to come back to: linear in practice, quadratic at worst.
  std::size_t t = 0, p = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] != '*' && pattern[p] == text[t]))) {
      ++t, ++p;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace xcp::cli
