// SPDX-License-Identifier: GPL-2.0-or-later
// See reader.hpp.
#include "xl/cfg/reader.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <cerrno>
#include <cstdlib>

#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

std::optional<std::int64_t> number_of(const std::string& text, bool* too_large) {
  if (text.empty() || text.find('\0') != text.npos) return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const long number = std::strtol(text.c_str(), &end, 0);
  if (*end != '\0' || end == text.c_str()) return std::nullopt;
  if (errno == ERANGE) {
    if (too_large) *too_large = true;
    return std::nullopt;
  }
  return number;
}

std::string Reader::at(const char* name) const {
  const Setting* setting = config_.find(name);
  return setting ? where(setting->source, setting->at) : std::string(name);
}

const Setting* Reader::single(const char* name) {
  const Setting* setting = config_.find(name);
  if (!setting) return nullptr;
  if (setting->value.is_list()) {
    warn(fmt::format("{}: `{}' is a list but should be a single value; ignored", at(name), name));
    return nullptr;
  }
  return setting;
}

std::optional<std::string> Reader::text(const char* name) {
  const Setting* setting = single(name);
  return setting ? std::optional(setting->value.text) : std::nullopt;
}

std::optional<std::int64_t> Reader::number(const char* name) {
  const Setting* setting = single(name);
  if (!setting) return std::nullopt;
  if (setting->added) {
    warn(fmt::format("{}: += is not for numbers, as `{}' is; ignored", at(name), name));
    return std::nullopt;
  }
  bool too_large = false;
  if (const auto number = number_of(setting->value.text, &too_large)) return number;
  warn(fmt::format("{}: `{}' is {} number: {}; ignored", at(name), name,
                   too_large ? "too large a" : "not a", setting->value.text));
  return std::nullopt;
}

std::optional<bool> Reader::flag(const char* name) {
  const auto value = number(name);
  return value ? std::optional(*value != 0) : std::nullopt;
}

const std::vector<Value>* Reader::list(const char* name, bool silent) {
  const Setting* setting = config_.find(name);
  if (!setting) return nullptr;
  if (setting->value.is_list()) return &setting->value.items;
  if (!silent)
    warn(fmt::format("{}: `{}' is a single value but should be a list; ignored", at(name), name));
  return nullptr;
}

std::vector<std::string> Reader::texts(const char* name, bool silent) {
  std::vector<std::string> texts;
  const std::vector<Value>* items = list(name, silent);
  if (!items) return texts;
  for (const Value& item : *items) {
    if (item.is_list())
      throw refusal(fmt::format("{}: the list `{}' holds another list", at(name), name));
    texts.push_back(item.text);
  }
  return texts;
}

std::optional<std::string> Reader::word(const char* name, std::span<const char* const> words,
                                        int status) {
  const auto value = text(name);
  if (!value) return std::nullopt;
  for (const char* word : words)
    if (strcasecmp(word, value->c_str()) == 0) return word;
  throw refusal(fmt::format("{}: `{}' cannot be \"{}\"; expected one of: {}", at(name), name,
                            *value, fmt::join(words, ", ")),
                status);
}

std::optional<std::string> Reader::word_or_position(const char* name,
                                                    std::span<const char* const> words,
                                                    bool deprecated) {
  const Setting* setting = single(name);
  if (!setting) return std::nullopt;
  bool too_large = false;
  auto position = number_of(setting->value.text, &too_large);
  if (too_large) position = -1;
  if (!position) return word(name, words);
  if (*position < 0 || *position >= static_cast<std::int64_t>(words.size()))
    throw refusal(fmt::format("{}: `{}' cannot be {}; expected one of: {}", at(name), name,
                              setting->value.text, fmt::join(words, ", ")));
  const char* word = words[static_cast<std::size_t>(*position)];
  if (deprecated)
    warn(fmt::format("{}: a number for `{}' is deprecated; write {} = \"{}\"", at(name), name, name,
                     word));
  return word;
}

}  // namespace xcp::xl::cfg
