// SPDX-License-Identifier: GPL-2.0-or-later
// What the small languages of device specifications share: components between separators, blanks
// before them that do not count, `key=value`. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "xl/cfg/domain.hpp"

namespace xcp::xl::cfg {

// All parts; an empty text has none.
std::vector<std::string> split(const std::string& text, char separator);
std::string trimmed(const std::string& text);

struct Component {
  std::string key;
  Text value;  // none without =
};
// Key and value without blanks around them. Empty components are left out.
std::vector<Component> components(const std::string& text, char separator = ',');

// Refuses, naming `what` (the device) and the key, unless the value is such a number or flag.
std::int64_t number_in(const std::string& what, const Component& component, std::int64_t least,
                       std::int64_t most);
bool flag_in(const std::string& what, const Component& component);
std::string text_in(const std::string& what, const Component& component);

[[noreturn]] void unknown_component(const std::string& what, const Component& component);

}  // namespace xcp::xl::cfg
