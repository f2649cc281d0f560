// SPDX-License-Identifier: GPL-2.0-or-later
// See components.hpp.
#include "xl/cfg/components.hpp"

#include <fmt/format.h>

#include "xl/cfg/reader.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size() || (at > 0 && at == text.size());) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<Component> components(const std::string& text, char separator) {
  std::vector<Component> result;
  for (const std::string& part : split(text, separator)) {
    const auto equals = part.find('=');
    Component component;
    component.key = trimmed(part.substr(0, equals));
    if (equals != part.npos) component.value = trimmed(part.substr(equals + 1));
    if (!component.key.empty() || component.value) result.push_back(std::move(component));
  }
  return result;
}

std::int64_t number_in(const std::string& what, const Component& component, std::int64_t least,
                       std::int64_t most) {
  const std::string text = text_in(what, component);
  const auto number = number_of(text);
  if (number && *number >= least && *number <= most) return *number;
  throw refusal(fmt::format("{}: {} is a number from {} to {}, not `{}'", what, component.key,
                            least, most, text));
}

bool flag_in(const std::string& what, const Component& component) {
  return number_in(what, component, 0, 1) != 0;
}

std::string text_in(const std::string& what, const Component& component) {
  if (!component.value)
    throw refusal(fmt::format("{}: expected `=' and a value after `{}'", what, component.key));
  return *component.value;
}

void unknown_component(const std::string& what, const Component& component) {
  throw refusal(fmt::format("{}: there is no setting `{}{}{}'", what, component.key,
                            component.value ? "=" : "", component.value.value_or("")));
}

}  // namespace xcp::xl::cfg
