// SPDX-License-Identifier: GPL-2.0-or-later
// Every key of xl.cfg as data: what it may hold, its default, what it means, and what becomes of
// it. The table says what is known; how a value is read is in read_*.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace xcp::xl::cfg {

enum class Shape {
  text,
  number,
  flag,
  list,
  lists,  // a list of lists
  text_or_list,
  flag_or_list,
  number_or_text,
};

enum class Use {
  carried,    // reaches the guest on every hypervisor
  xen,        // means something on Xen only, and reaches the guest there
  waiting,    // reaches the guest on Xen only, though it would mean something elsewhere
  never,      // what it means is not done on any hypervisor
  later_xen,  // known to Xen after 4.17 only
  obsolete,   // ignored, as xl has done for long
};

struct Key {
  const char* name;
  Shape shape;
  Use use;
  const char* values;  // words it may be, separated by spaces; or a range; empty: anything
  const char* usual;   // the default; empty: none, or the hypervisor's choice
  const char* meaning;
};

std::span<const Key> keys();
const Key* find_key(std::string_view name);

// The known key that looks most like `name`; empty when none is near.
std::string nearest_key(std::string_view name);

}  // namespace xcp::xl::cfg
