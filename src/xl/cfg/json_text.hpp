// SPDX-License-Identifier: GPL-2.0-or-later
// Writes JSON in the order it is told and in the layout of xl's output: four spaces a level, an
// empty line in what is empty. A member without a value is left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcp::xl::cfg {

class JsonText {
 public:
  void open(char bracket);  // '{' or '['
  void close();
  void key(std::string_view name);
  void value(std::string_view text);
  void value(std::int64_t number);
  void value(bool truth);

  void member(std::string_view name, const std::optional<std::string>& text) {
    if (text) key(name), value(std::string_view(*text));
  }
  void member(std::string_view name, const std::optional<std::int64_t>& number) {
    if (number) key(name), value(*number);
  }
  // A flag with a default of the hypervisor's is written as a word.
  void member(std::string_view name, const std::optional<bool>& flag) {
    if (flag) key(name), value(std::string_view(*flag ? "True" : "False"));
  }
  // Left out when it is 0, false or empty.
  void nonzero(std::string_view name, std::int64_t number) {
    if (number != 0) key(name), value(number);
  }
  void if_true(std::string_view name, bool truth) {
    if (truth) key(name), value(true);
  }
  void member(std::string_view name, const std::vector<std::int64_t>& numbers);
  void member(std::string_view name, const std::vector<std::string>& texts);

  // An object or array always; or, for_each, an array of objects unless there are none.
  template <class Body>
  void object(std::string_view name, Body body) {
    key(name);
    open('{');
    body();
    close();
  }
  template <class Item, class Put>
  void for_each(std::string_view name, const std::vector<Item>& items, Put put) {
    if (items.empty()) return;
    key(name);
    open('[');
    for (const Item& item : items) {
      open('{');
      put(item);
      close();
    }
    close();
  }

  std::string take() { return std::move(text_); }

 private:
  void before();
  void indent() { text_.append(4 * open_.size(), ' '); }
  void quoted(std::string_view text);

  std::string text_;
  std::vector<char> open_;
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace xcp::xl::cfg
